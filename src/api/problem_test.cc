#include "api/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pv::api {
namespace {

TEST(Problem, HasPocketBasesShape) {
  EXPECT_EQ(to_body(not_found(), Language::kEnglish),
            "{\"data\":{},\"message\":\"The requested resource wasn't found.\",\"status\":404}\n");
  FieldProblem length{.field = "name",
                      .code = "validation_length_out_of_range",
                      .message = say(phrase::kLengthBetween, {"1", "150"}),
                      .params = {}};
  length.params.emplace("min", 1);
  length.params.emplace("max", 150);
  EXPECT_EQ(
      to_body(invalid(length), Language::kEnglish),
      R"({"data":{"name":{"code":"validation_length_out_of_range","message":"The length must be between 1 and 150.","params":{"max":150,"min":1}}},"message":"An error occurred while validating the submitted data.","status":400})"
      "\n");
  FieldProblem blank{.field = "identity",
                     .code = "validation_required",
                     .message = say(phrase::kBlank),
                     .params = {}};
  EXPECT_EQ(
      to_body(invalid(std::vector{length, blank}), Language::kChinese),
      R"({"data":{"identity":{"code":"validation_required","message":"不能为空。"},"name":{"code":"validation_length_out_of_range","message":"长度必须在 1 到 150 之间。","params":{"max":150,"min":1}}},"message":"验证提交的数据时出错。","status":400})"
      "\n");
}

TEST(Problem, PutsEachFieldInItsObject) {
  const auto data_of = [](const std::string& field, const std::string& unknown = {}) {
    const std::string body = to_body(invalid(FieldProblem{.field = field,
                                                          .code = "c",
                                                          .message = say_text("m"),
                                                          .params = {},
                                                          .unknown = unknown}),
                                     Language::kEnglish);
    return body.substr(0, body.find(",\"message\":\"An error"));
  };
  const std::string leaf = R"({"code":"c","message":"M."})";
  EXPECT_EQ(data_of("a.b.0"), R"({"data":{"a":{"b":{"0":)" + leaf + "}}}");
  EXPECT_EQ(data_of("", "x.y."), R"({"data":{"x.y.":)" + leaf + "}");
  EXPECT_EQ(data_of("a.", "x.y"), R"({"data":{"a":{"x.y":)" + leaf + "}}");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) { deep += "a."; }
  EXPECT_EQ(data_of(deep).substr(0, 50), R"({"data":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{")");
  EXPECT_THAT(data_of(deep), ::testing::HasSubstr(R"("a.a.a.a.)"));
}

TEST(Problem, HidesCausesFromTheClient) {
  const Problem problem = problem_of(Error{Code::kDamaged, "/srv/pb_data/data.db is malformed"});
  EXPECT_EQ(problem.status, 400U);
  EXPECT_EQ(to_body(problem, Language::kEnglish),
            "{\"data\":{},\"message\":\"Something went wrong while processing your "
            "request.\",\"status\":400}\n");
  ASSERT_TRUE(problem.cause);
  EXPECT_EQ(problem_of(Error{Code::kNotFound, ""}).status, 404U);
  EXPECT_EQ(problem_of(Error{Code::kBusy, ""}).status, 503U);
  EXPECT_EQ(problem_of(Error{Code::kInternal, ""}).status, 500U);
}

TEST(Problem, SaysThatAnotherProgramTookTheDatabases) {
  const Error error{Code::kBusy, "data.db was replaced or removed by another program"};
  for (const Problem& problem : {problem_of(error), explained(error)}) {
    EXPECT_EQ(problem.status, 503U);
    EXPECT_FALSE(problem.cause) << "one line of the log a request, for whoever asks";
    EXPECT_THAT(to_body(problem, Language::kEnglish),
                ::testing::HasSubstr("\"message\":\"Another program replaced or removed the data"));
  }
}

TEST(Problem, HeadHasNoBody) {
  const http::Response response = to_response(not_found(), Language::kEnglish, true);
  EXPECT_EQ(response.status, 404U);
  EXPECT_TRUE(response.body.empty());
  EXPECT_EQ(response.headers.find("Content-Type"), "application/json");
}

TEST(Problem, LongOnesAreSentChunked) {
  const std::string long_text(3000, 'x');
  EXPECT_TRUE(
      to_response(problem(400, phrase::kRestoreFailed, {long_text}), Language::kEnglish, false)
          .omit_length);
  EXPECT_FALSE(to_response(not_found(), Language::kEnglish, false).omit_length);
}

}  // namespace
}  // namespace pv::api
