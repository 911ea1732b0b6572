#include "tests/bench/measure.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <stdexcept>
#include <tuple>

#include "tests/support/eventually.hpp"
#include "tests/support/http.hpp"
#include "tests/support/temp_dir.hpp"

namespace rpoguard::bench {
namespace {

using std::chrono::steady_clock;

/// The number that follows `key` in `text`.
std::optional<std::int64_t> number_after(const std::string& text, const std::string& key) {
  const std::size_t found = text.find(key);
  if (found == std::string::npos) return std::nullopt;
  const std::size_t begin = text.find_first_not_of(" \t", found + key.size());
  if (begin == std::string::npos) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data() + begin, text.data() + text.size(), number, 10);
  if (error != std::errc()) return std::nullopt;
  return number;
}

std::optional<std::chrono::microseconds> waited_for_cpu() {
  const auto total = number_after(test::read_file("/proc/pressure/cpu"), "total=");
  if (!total) return std::nullopt;
  return std::chrono::microseconds(*total);
}

}  // namespace

std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) {
    return std::nullopt;
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Memory memory_of(pid_t pid) {
  const std::string status = test::read_file("/proc/" + std::to_string(pid) + "/status");
  const auto resident = number_after(status, "VmRSS:");
  const auto peak = number_after(status, "VmHWM:");
  if (!resident || !peak) throw std::runtime_error("a measured process is gone");
  return {static_cast<double>(*resident) / 1024, static_cast<double>(*peak) / 1024};
}

Scrape scrape(std::uint16_t port) {
  const auto begin = steady_clock::now();
  auto reply = test::http_get(port, "/metrics");
  const std::chrono::duration<double, std::milli> took = steady_clock::now() - begin;
  if (!reply || reply->status != 200) throw std::runtime_error("a scrape failed");
  return {took.count(), std::move(reply->body)};
}

void wait_until(steady_clock::time_point when) {
  const auto left = when - steady_clock::now();
  if (left <= left.zero()) return;
  std::ignore = test::eventually(
      left, [] { return false; }, left);
}

double quantile(Series readings, double q) {
  std::sort(readings.begin(), readings.end());
  const auto rank = std::ceil(q * static_cast<double>(readings.size()));
  return readings.at(static_cast<std::size_t>(std::max(rank, 1.0)) - 1);
}

double median(const Series& readings) {
  return quantile(readings, 0.5);
}

CpuPressure::CpuPressure() : at_start_(waited_for_cpu()), started_(steady_clock::now()) {}

std::optional<double> CpuPressure::share() const {
  const auto now = waited_for_cpu();
  if (!at_start_ || !now) return std::nullopt;
  const std::chrono::duration<double> waited = *now - *at_start_;
  const std::chrono::duration<double> passed = steady_clock::now() - started_;
  return waited / passed;
}

}  // namespace rpoguard::bench
