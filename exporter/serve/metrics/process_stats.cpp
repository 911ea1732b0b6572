#include "exporter/serve/metrics/process_stats.hpp"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exporter/base/number.hpp"
#include "exporter/base/text.hpp"

namespace rpoguard::serve {
namespace {

std::string read_whole(const char* path) {
  std::string text;
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> buffer;
  for (ssize_t count = 0; (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) parts.push_back(base::take_until(text, separator));
  return parts;
}

// When the machine booted, from the line "btime 1767225600" of /proc/stat. It never changes.
std::optional<double> boot_time() {
  static const std::optional<double> time = [] {
    const std::string stat = read_whole("/proc/stat");
    for (const std::string_view line : split(stat, '\n')) {
      if (line.starts_with("btime ")) return base::parse_number<double>(line.substr(6));
    }
    return std::optional<double>();
  }();
  return time;
}

std::optional<double> count_open_fds() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (!directory) return std::nullopt;
  double count = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count - 1;  // the directory itself is open too
}

// Fields of /proc/self/stat, numbered as in proc(5) minus those up to the command's name, which may
// contain anything and ends with the last ')'.
void read_stat(ProcessStats& stats) {
  constexpr std::size_t kUserTime = 11;
  constexpr std::size_t kSystemTime = 12;
  constexpr std::size_t kStartTime = 19;
  constexpr std::size_t kVirtualBytes = 20;
  constexpr std::size_t kResidentPages = 21;
  const std::string text = read_whole("/proc/self/stat");
  const std::size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return;
  const auto fields = split(std::string_view(text).substr(name_end + 2), ' ');
  if (fields.size() <= kResidentPages) return;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const auto user = base::parse_number<double>(fields[kUserTime]);
  const auto system = base::parse_number<double>(fields[kSystemTime]);
  if (user && system) stats.cpu_seconds = (*user + *system) / ticks;
  const auto started = base::parse_number<double>(fields[kStartTime]);
  const auto booted = boot_time();
  if (started && booted) stats.start_time_seconds = *booted + *started / ticks;
  stats.virtual_bytes = base::parse_number<double>(fields[kVirtualBytes]);
  if (const auto pages = base::parse_number<double>(fields[kResidentPages]))
    stats.resident_bytes = *pages * page;
}

}  // namespace

ProcessStats read_process_stats() {
  ProcessStats stats;
  read_stat(stats);
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    stats.max_fds = static_cast<double>(limit.rlim_cur);
  }
  return stats;
}

}  // namespace rpoguard::serve
