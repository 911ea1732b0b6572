// The text format 0.0.4 of a metrics page.
#pragma once

#include <string>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

namespace rpoguard::serve {

/// What prometheus-cpp's TextSerializer writes, in a third of its time, and with every digit of a
/// number. REQUIRES: values are finite, help texts hold neither backslash nor line feed, every
/// histogram ends with a bucket of +Inf. Thread-safe.
std::string to_text(const std::vector<prometheus::MetricFamily>& families);

}  // namespace rpoguard::serve
