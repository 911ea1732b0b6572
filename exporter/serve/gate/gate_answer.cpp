#include "exporter/serve/gate/gate_answer.hpp"

#include <algorithm>

#include "exporter/serve/http/text.hpp"

namespace rpoguard::serve {
namespace {

const core::WriterView* writer_of(const GateVerdict& verdict) {
  return verdict.view != nullptr && verdict.view->writer ? &*verdict.view->writer : nullptr;
}

void append_history(std::string& out, const core::WriterView* writer) {
  out += "\"epoch\":";
  if (writer == nullptr) {
    out += "null";
  } else {
    append_number(out, writer->epoch.value);
  }
  out += ",\"timeline\":";
  if (writer == nullptr) {
    out += "null";
  } else {
    append_number(out, std::int64_t{writer->timeline.value});
  }
}

void append_generation(std::string& out, const core::ShardView* view) {
  out += ",\"generation\":";
  if (view != nullptr && view->generation_witness && view->generation_witness->number) {
    append_number(out, *view->generation_witness->number);
  } else {
    out += "null";
  }
}

void append_writer(std::string& out, const core::WriterView* writer) {
  if (writer == nullptr) {
    out += ",\"writer\":null";
    return;
  }
  out += ",\"writer\":{\"node\":";
  append_json_string(out, writer->node);
  out += ",\"region\":";
  append_json_string(out, writer->region);
  out += '}';
}

void append_seconds_or_null(std::string& out, std::optional<core::Duration> duration) {
  if (duration) {
    append_number(out, core::to_seconds(*duration));
  } else {
    out += "null";
  }
}

std::optional<core::Duration> rpo_of(const GateVerdict& verdict) {
  if (verdict.spec == nullptr) return std::nullopt;
  return verdict.spec->rpo;
}

}  // namespace

std::int64_t whole_ms(core::Duration duration) {
  return std::max<std::int64_t>(0, std::chrono::floor<std::chrono::milliseconds>(duration).count());
}

void add_gate_headers(HttpResponse& response, const GateVerdict& verdict) {
  auto& headers = response.headers;
  headers.reserve(9);
  headers.emplace_back("Rpoguard-Gate", verdict.open ? "open" : "closed");
  headers.emplace_back("Rpoguard-Open-For-Ms", std::to_string(whole_ms(verdict.open_for)));
  if (const core::WriterView* writer = writer_of(verdict)) {
    headers.emplace_back("Rpoguard-Epoch", std::to_string(writer->epoch.value));
    headers.emplace_back("Rpoguard-Timeline", std::to_string(writer->timeline.value));
    headers.emplace_back("Rpoguard-Writer", header_safe(writer->node));
  }
  if (verdict.waived) headers.emplace_back("Rpoguard-Rpo", "waived");
  if (verdict.open) return;
  headers.emplace_back("Rpoguard-Reason", std::string(verdict.reason));
  if (!verdict.retryable) return;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(verdict.retry_after).count();
  headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, seconds)));
}

void append_gate_json(std::string& out, const GateVerdict& verdict, core::Instant now) {
  out += "{\"shard\":";
  append_json_string(out, verdict.shard);
  out += verdict.open ? ",\"open\":true" : ",\"open\":false";
  out += ",\"open_for_ms\":";
  append_number(out, whole_ms(verdict.open_for));
  out += ',';
  append_history(out, writer_of(verdict));
  append_generation(out, verdict.view);
  append_writer(out, writer_of(verdict));
  out += ",\"exposure_seconds\":";
  append_seconds_or_null(
      out, verdict.view == nullptr ? std::nullopt : core::exposure_at(*verdict.view, now));
  out += ",\"rpo_seconds\":";
  append_seconds_or_null(out, rpo_of(verdict));
  if (!verdict.open) {
    out += ",\"code\":";
    append_json_string(out, verdict.code);
    out += ",\"reason\":";
    append_json_string(out, verdict.reason);
    out += verdict.retryable ? ",\"retryable\":true" : ",\"retryable\":false";
  }
  out += '}';
}

}  // namespace rpoguard::serve
