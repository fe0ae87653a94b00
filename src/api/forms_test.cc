#include "api/forms.h"

#include <gtest/gtest.h>

#include "api/server_testing.h"

namespace pv::api {
namespace {

constexpr FormField kFields[] = {{"name", "Name"}, {"other", "Other"}};

struct Sent {
  std::string type;
  std::string body;
  std::string query = {};
  bool chunked = false;
};

boost::asio::awaitable<void> read_into(Form& form, const http::Request& request,
                                       http::BodyReader& body, std::span<const FormField> fields) {
  form = co_await read_form(request, body, fields);
}

Form read(const Sent& sent, std::span<const FormField> fields = kFields, std::size_t piece = 3) {
  http::Request request;
  request.method = "POST";
  request.path = "/x";
  request.query = sent.query;
  request.chunked = sent.chunked;
  if (!sent.chunked) { request.content_length = sent.body.size(); }
  if (!sent.type.empty()) { request.headers.add("Content-Type", sent.type); }
  PiecesBody body{sent.body, piece};
  boost::asio::io_context context;
  Form form;
  form.fault = FormFault::kMalformed;
  boost::asio::co_spawn(context, read_into(form, request, body, fields), boost::asio::detached);
  context.run();
  return form;
}

// "name|other", "-" for what was not sent, or the fault.
std::string show(const Form& form) {
  if (form.fault) {
    switch (*form.fault) {
      case FormFault::kMalformed: return "malformed";
      case FormFault::kUnsupportedType: return "unsupported";
      case FormFault::kXml: return "xml";
      case FormFault::kTooLarge: return "too large";
      case FormFault::kMisspelled: return "misspelled";
    }
  }
  const auto value = [&](const char* name) {
    const auto found = form.values.find(name);
    return found == form.values.end() ? std::string{"-"} : found->second;
  };
  return value("name") + "|" + value("other");
}

TEST(Forms, ReadJson) {
  struct Row {
    std::string_view body;
    std::string_view result;
  };
  constexpr Row kRows[] = {
      {R"({"name":"a.zip"})", "a.zip|-"},
      {R"({"NAME":"a.zip","Other":"x"})", "a.zip|x"},
      {R"({"name":"a","name":"b"})", "b|-"},
      {R"({"name":"a","NaMe":"b"})", "b|-"},
      {R"({"name":"a","name":null})", "a|-"},
      {R"({"name":null})", "-|-"},
      {R"({"name":""})", "|-"},
      {R"({"name":"a.zip"}garbage)", "a.zip|-"},
      {R"({"x":[1,{"name":"no"},-0.5e+7,true,false,null,"\u00e9"],"name":"a"})", "a|-"},
      {R"({"name":{"a":1}})", "malformed"},
      {R"({"x":{"name":"deep"}})", "-|-"},
      {" \t\r\n{ \"name\" : \"a\" , \"other\" : \"b\" } ", "a|b"},
      {R"({"name":"\"\\\/\b\f\n\r\t\u0041\u00e9\u65e5\ud83d\ude00"})", "\"\\/\b\f\n\r\tAé日😀|-"},
      {R"({"name":"\ud83d"})", "\xEF\xBF\xBD|-"},
      {R"({"name":"\ud83dx\ude00"})", "\xEF\xBF\xBDx\xEF\xBF\xBD|-"},
      {R"({"name":"\ud83d\u0041\ud83d\n"})",
       "\xEF\xBF\xBD"
       "A\xEF\xBF\xBD\n|-"},
      {"{\"name\":\"a\xFF\"}", "a\xEF\xBF\xBD|-"},
      {"{}", "-|-"},
      {"null", "-|-"},
      {"null x", "-|-"},
      {"nul", "malformed"},
      {R"({"name":5})", "malformed"},
      {R"({"name":true})", "malformed"},
      {R"({"name":[]})", "malformed"},
      {R"({"name":1,"name":"a"})", "malformed"},
      {"[]", "malformed"},
      {"\"x\"", "malformed"},
      {"5", "malformed"},
      {"true", "malformed"},
      {R"({"name":)", "malformed"},
      {R"({"name":"a)", "malformed"},
      {R"({"name":"a",})", "malformed"},
      {R"({"name" "a"})", "malformed"},
      {R"({name:"a"})", "malformed"},
      {R"({"a":01})", "malformed"},
      {R"({"a":1.})", "malformed"},
      {R"({"a":-})", "malformed"},
      {R"({"a":1e})", "malformed"},
      {R"({"a":tru})", "malformed"},
      {R"({"a":[1,]})", "malformed"},
      {R"({"a":[1}})", "malformed"},
      {"{\"name\":\"a\nb\"}", "malformed"},
      {R"({"name":"\x"})", "malformed"},
      {R"({"name":"\u12g4"})", "malformed"},
      {"  ", "malformed"},
      {"\xEF\xBB\xBF{}", "malformed"},
  };
  for (const Row& row : kRows) {
    for (const std::size_t piece : {1U, 3U, 1000U}) {
      EXPECT_EQ(show(read({"application/json", std::string{row.body}}, kFields, piece)), row.result)
          << row.body;
    }
  }
}

// "flag|list", "-" for what was not sent, the list's texts each in brackets.
std::string show_kinds(const Form& form) {
  if (form.fault) { return show(form); }
  const auto flag = form.values.find("flag");
  const auto list = form.values.find("list");
  std::string text = (flag == form.values.end() ? "-" : flag->second) + "|";
  if (list == form.values.end()) { return text + "-"; }
  for (const std::string& one : list_of(list->second)) { text += "[" + one + "]"; }
  return text;
}

TEST(Forms, ReadFlagsAndLists) {
  constexpr std::string_view kJson = "application/json";
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  constexpr std::array<FormField, 3> kKinds{
      {{"name", "Name"}, {"flag", "Flag", FieldKind::kFlag}, {"list", "List", FieldKind::kList}}};
  struct Row {
    std::string_view type;
    std::string_view body;
    std::string_view result;
  };
  constexpr Row kRows[] = {
      {kJson, R"({"flag":true,"list":["a","b/*"]})", "true|[a][b/*]"},
      {kJson, R"({"flag":false,"list":[]})", "false|"},
      {kJson, R"({"list":"one","name":"x"})", "-|[one]"},
      {kJson, R"({"list":["a"],"list":["b"]})", "-|[b]"},
      {kJson, R"({"list":["a"],"list":null,"flag":null})", "-|"},
      {kJson, R"({"list":null,"list":["a"],"x":[{"list":null}]})", "-|[a]"},
      {kJson, R"({"x":["a",true,{"list":["no"]}],"list":[ "" , "é\u00e9" ]})", "-|[][éé]"},
      {kJson, R"({"flag":"true"})", "malformed"},
      {kJson, R"({"flag":1})", "malformed"},
      {kJson, R"({"list":true})", "malformed"},
      {kJson, R"({"list":[1]})", "malformed"},
      {kJson, R"({"list":[null]})", "malformed"},
      {kJson, R"({"list":[["a"]]})", "malformed"},
      {kJson, R"({"list":["a"})", "malformed"},
      {kForm, "flag=true&list=a&list=b%2F*&flag=false", "true|[a][b/*]"},
      {kForm, "list[]=a&list[]=b", "misspelled"},
      {kForm, "list%5B0%5D=a", "misspelled"},
      {kForm, "list=a&List=b", "misspelled"},
      {kForm, "Flag=1&name[]=x&lists=y&[]=z", "-|-"},
      {kForm, "@jsonPayload={\"list\":null}&list=a", "-|"},
      {"text/xml", "<x><Flag>1</Flag><List>a</List></x>", "1|[a]"},
  };
  for (const Row& row : kRows) {
    for (const std::size_t piece : {1U, 1000U}) {
      EXPECT_EQ(show_kinds(read({std::string{row.type}, std::string{row.body}}, kKinds, piece)),
                row.result)
          << row.body;
    }
  }
  const std::string parts = kMultipart.second;
  EXPECT_EQ(show_kinds(read({parts, multipart({{"name=\"list[]\"", "a"}})}, kKinds)), "misspelled");
  EXPECT_EQ(show_kinds(read({parts, multipart({{"name=\"list\"", "a"}})}, kKinds)), "-|[a]");
  EXPECT_EQ(show_kinds(read({parts, multipart({{"name=\"list\"; filename=\"f\"", "a"}})}, kKinds)),
            "malformed")
      << "a list does not come as a file";
  std::string many = R"({"list":["x")";
  for (int i = 0; i < 40'000; ++i) { many += R"(,"x")"; }
  EXPECT_EQ(show_kinds(read({std::string{kJson}, many + "]}"}, kKinds, 4096)), "malformed");
}

TEST(Forms, JsonIsBounded) {
  const std::string deep(9'999, '[');
  EXPECT_EQ(show(read({"application/json", "{\"x\":" + deep + std::string(9'999, ']') + "}"})),
            "-|-");
  EXPECT_EQ(show(read({"application/json", "{\"x\":" + std::string(20'000, '[')})), "malformed");
  const Form form =
      read({"application/json", "{\"name\":\"" + std::string(1 << 20, 'x') + "\"}"}, kFields, 4096);
  ASSERT_FALSE(form.fault);
  EXPECT_EQ(form.values.at("name").size(), kFormValueBytesMax);
}

TEST(Forms, ChooseByThePrefixOfTheType) {
  EXPECT_EQ(show(read({"application/json; charset=utf-8", R"({"name":"a"})"})), "a|-");
  EXPECT_EQ(show(read({"application/jsonx", R"({"name":"a"})"})), "a|-");
  for (const char* type : {"Application/JSON", "text/plain", "application/octet-stream", "", "x"}) {
    EXPECT_EQ(show(read({type, "{}"})), "unsupported") << type;
  }
  EXPECT_EQ(show(read({"", ""})), "-|-");
  EXPECT_EQ(show(read({"text/plain", ""})), "-|-");
  EXPECT_EQ(show(read({"application/json", "", "", true})), "malformed") << "chunked and empty";
  EXPECT_EQ(show(read({"application/json", R"({"name":"a"})", "name=q", true})), "a|-");
}

TEST(Forms, ReadUrlencoded) {
  struct Row {
    std::string_view body;
    std::string_view query;
    std::string_view result;
  };
  constexpr Row kRows[] = {
      {"name=a.zip&x=1", "", "a.zip|-"},
      {"name=a&name=b", "", "a|-"},
      {"name=a+b%20c", "", "a b c|-"},
      {"name", "", "|-"},
      {"Name=a", "", "-|-"},
      {"name=body", "name=query&other=query", "body|query"},
      {"x=1", "name=query", "query|-"},
      {"name=%zz", "", "malformed"},
      {"x=%", "", "malformed"},
      {"a;b=1", "", "malformed"},
      {"x=1", "y=%zz", "malformed"},
      {"&&name=a&&", "", "a|-"},
      {"name=a&%40jsonPayload=%7B%22name%22%3A%22b%22%7D", "", "b|-"},
      {"@jsonPayload={\"NAME\":\"b\"}&name=a", "", "b|-"},
      {"@jsonPayload=null&name=a", "", "a|-"},
      {"@jsonPayload={\"name\":\"b\"}&@jsonPayload={\"other\":\"c\"}", "", "b|c"},
      {"@jsonPayload={\"name\":\"b\"} x", "", "malformed"},
      {"@jsonPayload={\"name\":", "", "malformed"},
      {"@jsonPayload={\"name\":5}", "", "malformed"},
      {"@jsonPayload=", "", "malformed"},
  };
  for (const Row& row : kRows) {
    for (const std::size_t piece : {1U, 1000U}) {
      const Sent sent{"application/x-www-form-urlencoded", std::string{row.body},
                      std::string{row.query}};
      EXPECT_EQ(show(read(sent, kFields, piece)), row.result) << row.body;
    }
  }
  EXPECT_EQ(show(read({"application/x-www-form-urlencoded; charset=utf-8", "name=a"})), "a|-");
  EXPECT_EQ(show(read({"application/x-www-form-urlencoded", "name=" + std::string(11 << 20, 'x')},
                      kFields, 65536)),
            "malformed");
}

TEST(Forms, ReadMultipart) {
  const std::string type = kMultipart.second;
  EXPECT_EQ(show(read({type, multipart({{"name=\"name\"", "a.zip"}, {"name=\"name\"", "b"}})})),
            "a.zip|-");
  EXPECT_EQ(show(read({type, multipart({{"name=\"name\"; filename=\"f\"", "content"}})})), "-|-");
  EXPECT_EQ(show(read({type, multipart({{"name=\"name\"", "a"},
                                        {"name=\"@jsonPayload\"", R"({"other":"o"})"}})})),
            "a|o");
  EXPECT_EQ(show(read({type, multipart({{"name=\"x\"", "1"}}), "name=query"})), "query|-");
  EXPECT_EQ(show(read({type, "--bnd\r\nbroken"})), "malformed");
  EXPECT_EQ(show(read({"multipart/form-data", multipart({})})), "malformed");
}

TEST(Forms, ReadXml) {
  struct Row {
    std::string_view body;
    std::string_view result;
  };
  constexpr Row kRows[] = {
      {"<x><Name>a.zip</Name></x>", "a.zip|-"},
      {"<?xml version=\"1.0\"?><!-- c --><x a='1'>\n <Name "
       "b=\"2\">a&amp;b&#x41;&#66;</Name><Other/></x>junk",
       "a&bAB|"},
      {"<x><name>a</name></x>", "-|-"},
      {"<x><y><Name>deep</Name></y></x>", "-|-"},
      {"<x><Name>a</Name><Name>b</Name></x>", "b|-"},
      {"<x><Name><![CDATA[<a>]]></Name></x>", "<a>|-"},
      {"<x><Name>a<i>not</i>b</Name></x>", "ab|-"},
      {"<n:x><n:Name>a</n:Name></n:x>", "a|-"},
      {"<!DOCTYPE x [<!ENTITY e \"bomb\">]><x><Name>&e;</Name></x>", "malformed"},
      {"<x><Name>a</x>", "malformed"},
      {"<x><Name>a</Name>", "malformed"},
      {"<x a=1></x>", "malformed"},
      {"text", "malformed"},
      {"<x>&#0;</x>", "malformed"},
      {"<1/>", "malformed"},
  };
  for (const Row& row : kRows) {
    EXPECT_EQ(show(read({"application/xml", std::string{row.body}})), row.result) << row.body;
    EXPECT_EQ(show(read({"text/xml", std::string{row.body}})), row.result) << row.body;
  }
  constexpr FormField kNoXml[] = {{"name"}};
  EXPECT_EQ(show(read({"text/xml", "<x/>"}, kNoXml)), "xml");
  std::string deep;
  for (int i = 0; i < 5000; ++i) { deep += "<a>"; }
  EXPECT_EQ(show(read({"text/xml", deep}, kFields, 4096)), "malformed");
}

TEST(Forms, AChunkedBodyIsBounded) {
  const std::string body = "{\"x\":\"" + std::string(kBodyBytesMax, 'x') + "\"}";
  EXPECT_EQ(show(read({"application/json", body, "", true}, kFields, 65536)), "too large");
}

}  // namespace
}  // namespace pv::api
