#include "exporter/observe/postgres/announced_name.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using Name = std::optional<std::string>;

TEST(AnnouncedName, is_application_name_or_else_the_fallback) {
  // As PostgreSQL 12 to 18 show it.
  EXPECT_EQ(announced_name("user=rep password=******** channel_binding=prefer dbname=replication "
                           "host=10.0.0.1 port=5432 application_name=iad_b "
                           "fallback_application_name=walreceiver sslmode=prefer sslcompression=0"),
            Name("iad_b"));
  EXPECT_EQ(announced_name("user=rep host=10.0.0.1 fallback_application_name=15/main "
                           "sslmode=prefer target_session_attrs=any"),
            Name("15/main"));
  EXPECT_EQ(announced_name("host=/tmp fallback_application_name=iad-b"), Name("iad-b"));
}

TEST(AnnouncedName, may_have_spaces_and_equal_signs) {
  EXPECT_EQ(announced_name("host=h application_name=walreceiver b fallback_application_name=x y=1"),
            Name("walreceiver b"));
  EXPECT_EQ(announced_name("host=h application_name=a=b fallback_application_name=x y=1"),
            Name("a=b"));
  EXPECT_EQ(announced_name("host=h fallback_application_name=copy of main sslmode=prefer"),
            Name("copy of main"));
}

TEST(AnnouncedName, is_cut_off_as_the_upstream_does) {
  EXPECT_EQ(
      announced_name("application_name=" + std::string(70, 'x') + " fallback_application_name=y"),
      Name(std::string(63, 'x')));
}

TEST(AnnouncedName, that_says_nothing_is_unknown) {
  EXPECT_EQ(announced_name(""), Name());
  EXPECT_EQ(announced_name("host=h user=u"), Name());
  EXPECT_EQ(announced_name("host=h fallback_application_name=walreceiver sslmode=prefer"), Name());
  EXPECT_EQ(announced_name("host=h application_name=s\xC3\xBC"
                           "d fallback_application_name=walreceiver sslmode=prefer"),
            Name());
}

}  // namespace
}  // namespace rpoguard::observe
