#include "demo/tools/gate_client.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "exporter/base/number.hpp"

namespace rpoguard::demo {
namespace {

using nlohmann::json;

std::optional<std::int64_t> integer_at(const json& body, const char* key) {
  const auto found = body.find(key);
  if (found == body.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

std::string text_at(const json& body, const char* key) {
  const auto found = body.find(key);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

core::Duration retry_after(const HttpMessage& reply) {
  const auto found = reply.headers.find("retry-after");
  std::string_view text = found == reply.headers.end() ? std::string_view() : found->second;
  return std::chrono::seconds(std::max(0, base::take_number<int>(text).value_or(0)));
}

}  // namespace

std::optional<GateAnswer> ask_gate(const GateQuestion& question) {
  std::string target = "/gate/" + question.shard;
  if (question.epoch) target += "?epoch=" + std::to_string(*question.epoch);
  const core::Instant asked = boot_now();
  const auto reply = http_get(question.gate, target, asked + question.timeout);
  if (!reply || (reply->status() != 200 && reply->status() != 503)) return std::nullopt;
  const json body = json::parse(reply->body, nullptr, false);
  if (!body.is_object()) return std::nullopt;

  GateAnswer answer;
  answer.epoch = integer_at(body, "epoch");
  if (const auto writer = body.find("writer"); writer != body.end() && writer->is_object()) {
    answer.writer = text_at(*writer, "node");
  }
  answer.reason = text_at(body, "reason");
  answer.retry_after = retry_after(*reply);
  const std::optional<std::int64_t> open_for = integer_at(body, "open_for_ms");
  answer.open = reply->status() == 200 && body.value("open", json()) == true && open_for;
  if (answer.open) answer.until = asked + std::chrono::milliseconds(*open_for);
  return answer;
}

}  // namespace rpoguard::demo
