#include "exporter/observe/outside/witness_answer.hpp"

#include <gtest/gtest.h>

namespace rpoguard::observe {
namespace {

using core::ProbeError;
using core::ProbeFailure;
using core::WitnessFacts;

core::WitnessSpec spec(const std::string& pointer, const std::string& writer_pointer = "") {
  core::WitnessSpec witness;
  witness.pointer = pointer;
  witness.writer_pointer = writer_pointer;
  return witness;
}

TEST(WitnessAnswer, is_what_the_pointers_lead_to) {
  const auto outcome =
      decode_witness(spec("/shards/184/epoch", "/shards/184/writer~1node"), 200,
                     R"({"shards":{"184":{"epoch":7,"writer/node":"iad-a"}},"epoch":99})");
  ASSERT_TRUE(std::holds_alternative<WitnessFacts>(outcome));
  EXPECT_EQ(std::get<WitnessFacts>(outcome).number, 7);
  EXPECT_EQ(std::get<WitnessFacts>(outcome).writer, "iad-a");
}

TEST(WitnessAnswer, may_be_a_lone_number_an_item_of_a_list_or_nobody) {
  EXPECT_EQ(std::get<WitnessFacts>(decode_witness(spec(""), 200, "12\n")).number, 12);
  EXPECT_EQ(std::get<WitnessFacts>(decode_witness(spec("/1"), 200, "[3,4]")).number, 4);
  EXPECT_EQ(std::get<WitnessFacts>(decode_witness(spec("/e"), 200, R"({"e":0})")).number, 0);
  EXPECT_EQ(std::get<WitnessFacts>(decode_witness(spec("/e"), 200, R"({"e":2000000000000000000})"))
                .number,
            2'000'000'000'000'000'000);
  EXPECT_EQ(
      std::get<WitnessFacts>(decode_witness(spec("/e", "/w"), 200, R"({"e":1,"w":null})")).writer,
      "");
}

TEST(WitnessAnswer, of_any_other_form_is_no_fact) {
  for (const char* body : {"",
                           "epoch 7",
                           "{",
                           R"({"e":-1})",
                           R"({"e":1.0})",
                           R"({"e":1e2})",
                           R"({"e":"7"})",
                           R"({"e":null})",
                           R"({"e":true})",
                           R"({"e":[7]})",
                           R"({"e":2000000000000000001})",
                           R"({"e":9223372036854775807})",
                           R"({"e":9223372036854775808})",
                           R"({"e":99999999999999999999})",
                           R"({"f":7})",
                           R"([7])",
                           R"({"e":7,"w":5})",
                           R"({"e":7})",
                           "{\"e\":7,\"w\":\"\xff\"}",
                           R"({"e":7,"w":"x"} trailing)"}) {
    const auto outcome = decode_witness(spec("/e", "/w"), 200, body);
    ASSERT_TRUE(std::holds_alternative<ProbeError>(outcome)) << body;
    EXPECT_EQ(std::get<ProbeError>(outcome).reason, ProbeFailure::bad_answer) << body;
    EXPECT_NE(std::get<ProbeError>(outcome).message, "") << body;
  }
}

TEST(WitnessAnswer, gives_no_orders_to_a_terminal_and_no_name_without_end) {
  const auto writer_of = [](const std::string& writer) {
    const auto outcome = decode_witness(spec("/e", "/w"), 200, R"({"e":7,"w":")" + writer + "\"}");
    return std::get<WitnessFacts>(outcome).writer;
  };
  EXPECT_EQ(writer_of(R"(\u001b[2Jiad-a)"), "?[2Jiad-a");
  EXPECT_EQ(writer_of(R"(\u009b2J)"), "?2J") << "C1";
  EXPECT_EQ(writer_of(R"(iad\u202e-a)"), "iad?-a") << "turned around";
  EXPECT_EQ(writer_of("m\u00fcnchen"), "m\u00fcnchen");
  EXPECT_EQ(writer_of(std::string(63, 'x')), std::string(63, 'x'));
  EXPECT_EQ(writer_of(std::string(5000, 'x')), std::string(64, 'x')) << "nobody's name";
}

TEST(WitnessAnswer, nested_too_deep_for_a_person_is_no_danger) {
  const std::string deep(kWitnessBytesMax, '[');
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_witness(spec("/e"), 200, deep)));
  const std::string closed = std::string(30'000, '[') + std::string(30'000, ']');
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_witness(spec("/e"), 200, closed)));
}

TEST(WitnessAnswer, with_a_pointer_that_is_none_is_no_fact) {
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_witness(spec("e"), 200, R"({"e":7})")));
  EXPECT_TRUE(std::holds_alternative<ProbeError>(decode_witness(spec("/~7"), 200, R"({"e":7})")));
}

TEST(WitnessAnswer, with_another_status_is_no_fact_whatever_it_says) {
  const std::vector<std::pair<int, ProbeFailure>> rows{
      {401, ProbeFailure::auth_failed},  {403, ProbeFailure::auth_failed},
      {302, ProbeFailure::query_failed}, {404, ProbeFailure::query_failed},
      {204, ProbeFailure::query_failed}, {503, ProbeFailure::query_failed}};
  for (const auto& [status, reason] : rows) {
    const auto outcome = decode_witness(spec("/e"), status, R"({"e":7})");
    ASSERT_TRUE(std::holds_alternative<ProbeError>(outcome)) << status;
    EXPECT_EQ(std::get<ProbeError>(outcome).reason, reason) << status;
    EXPECT_NE(std::get<ProbeError>(outcome).message.find(std::to_string(status)),
              std::string::npos);
  }
}

}  // namespace
}  // namespace rpoguard::observe
