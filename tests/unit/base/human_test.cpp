#include "exporter/base/human.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace rpoguard::base {
namespace {

using namespace std::chrono_literals;

TEST(Short, picks_a_unit_a_person_would_use) {
  EXPECT_EQ(render_short(700ms), "0.7 s");
  EXPECT_EQ(render_short(42s), "42 s");
  EXPECT_EQ(render_short(-3s), "-3.0 s");
  EXPECT_EQ(render_short(5min), "5.0 min");
  EXPECT_EQ(render_short(5h), "5.0 h");
  EXPECT_EQ(render_short(96h), "4.0 d");
}

TEST(Bytes, pick_a_unit_a_person_would_use) {
  EXPECT_EQ(render_bytes(0), "0 B");
  EXPECT_EQ(render_bytes(-512), "-512 B");
  EXPECT_EQ(render_bytes(1536), "1.5 KiB");
  EXPECT_EQ(render_bytes(16'777'216), "16 MiB");
  EXPECT_EQ(render_bytes(INT64_MAX), "8388608 TiB");
}

}  // namespace
}  // namespace rpoguard::base
