#include "http/media_type.h"

#include <gtest/gtest.h>

namespace pv::http {
namespace {

using Parameters = std::map<std::string, std::string>;

struct TypeCase {
  const char* text;
  const char* type;
  Parameters parameters;
};

// Outcomes of Go's mime.ParseMediaType.
TEST(MediaType, ReadsWhatGoReads) {
  const TypeCase cases[] = {
      {"text/plain", "text/plain", {}},
      {" Text/Plain ; CharSet=UTF-8", "text/plain", {{"charset", "UTF-8"}}},
      {"form-data", "form-data", {}},
      {"form-data;", "form-data", {}},
      {"form-data; ", "form-data", {}},
      {"form-data;name=a", "form-data", {{"name", "a"}}},
      {"form-data; name = \"a b\" ; filename=\"c;d\"",
       "form-data",
       {{"name", "a b"}, {"filename", "c;d"}}},
      {R"(form-data; filename="a\"b\\c")", "form-data", {{"filename", R"(a"b\c)"}}},
      {R"(form-data; filename="C:\dev\go.zip")", "form-data", {{"filename", R"(C:\dev\go.zip)"}}},
      {"form-data; filename=\"\"", "form-data", {{"filename", ""}}},
      {"form-data; a=1; a=1", "form-data", {{"a", "1"}}},
      {"form-data; filename*=UTF-8''star%20name.zip", "form-data", {{"filename", "star name.zip"}}},
      {"form-data; filename*=utf-8'en'%E2%82%AC; filename=x", "form-data", {{"filename", "€"}}},
      {"form-data; filename*=us-ascii'en'a%20b", "form-data", {{"filename", "a b"}}},
      {"form-data; filename*=iso-8859-1''%A4", "form-data", {}},
      {"form-data; filename*=UTF-8''%zz", "form-data", {}},
      {"form-data; filename*=nothing", "form-data", {}},
      {"form-data; f*0=ab; f*1=\"c d\"", "form-data", {{"f", "abc d"}}},
      {"form-data; f*0*=UTF-8''a%20; f*1*=%62; f*2=c", "form-data", {{"f", "a bc"}}},
      {"form-data; f*1=b", "form-data", {}},
      {"multipart/form-data; boundary=\"a b'()\"", "multipart/form-data", {{"boundary", "a b'()"}}},
  };
  for (const TypeCase& it : cases) {
    const auto media = parse_media_type(it.text);
    ASSERT_TRUE(media.has_value()) << it.text;
    EXPECT_EQ(media->type, it.type) << it.text;
    EXPECT_EQ(media->parameters, it.parameters) << it.text;
    EXPECT_FALSE(media->parameters_broken) << it.text;
  }
}

TEST(MediaType, DropsAllParametersWhenOneIsBroken) {
  for (const char* text :
       {"form-data; name", "form-data; name=", "form-data; name=a; b", "form-data; =a",
        "form-data; name=\"a", "form-data; name=\"a\nb\"", "form-data; name=a b=c",
        "form-data;; name=a", "form-data; n\xc3\xa4me=a", "form-data; name=\xc3\xa4"}) {
    const auto media = parse_media_type(text);
    ASSERT_TRUE(media.has_value()) << text;
    EXPECT_TRUE(media->parameters_broken) << text;
    EXPECT_TRUE(media->parameters.empty()) << text;
  }
}

TEST(MediaType, RefusesWhatHasNoType) {
  for (const char* text : {"", ";", " ; a=b", "text/", "/plain", "text/plain/x", "te xt/plain",
                           "a=b; c=d", "form-data; a=1; a=2"}) {
    EXPECT_FALSE(parse_media_type(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace pv::http
