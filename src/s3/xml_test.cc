#include "s3/xml.h"

#include <gtest/gtest.h>

#include "s3/answers.h"
#include "s3/fuzz_entry.h"
#include "testing/fuzz_corpus.h"

namespace pv::s3 {
namespace {

TEST(Xml, ReadsWhatServersAnswer) {
  const Element root = parse_xml(
                           "<?xml version=\"1.0\"?>\n<Error xmlns=\"x\"><Code>A&amp;B</Code>"
                           "<Message>x<!-- y --><![CDATA[<z>]]></Message></Error>")
                           .value();
  EXPECT_EQ(root.name, "Error");
  EXPECT_EQ(root.text_of("Code"), "A&B");
  EXPECT_EQ(root.text_of("Message"), "x<z>");
  EXPECT_EQ(root.text_of("None"), "");
  EXPECT_EQ(root.find("None"), nullptr);
  EXPECT_EQ(parse_xml(" \r\n <?xml version=\"1.0\"?><Slow/>").value().name, "Slow");
}

TEST(Xml, RefusesWhatIsMeantToHurt) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) { deep += "<a>"; }
  std::string many = "<a>";
  for (int i = 0; i < 60'000; ++i) { many += "<b/>"; }
  const std::string cases[] = {
      "",
      "x",
      "<a>",
      "<a></b>",
      "<a/><b/>",
      deep,
      many + "</a>",
      "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>",
      "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>",
      "<a>&unknown;</a>",
      "<a>\xff</a>",
      std::string{"<a>\0</a>", 8}};
  for (const std::string& text : cases) {
    EXPECT_EQ(parse_xml(text).error().code, Code::kInvalid) << text.substr(0, 100);
  }
}

TEST(Answers, AreReadOnlyAsWhatTheyShouldBe) {
  EXPECT_EQ(parse_list("<Error/>").error().code, Code::kInvalid);
  EXPECT_EQ(parse_list("<ListBucketResult><Contents/></ListBucketResult>").error().code,
            Code::kInvalid);
  EXPECT_EQ(parse_list("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>")
                .error()
                .code,
            Code::kInvalid);
  EXPECT_EQ(parse_upload_id("<InitiateMultipartUploadResult/>").error().code, Code::kInvalid);
  const ListPage page = parse_list(
                            "<ListBucketResult><EncodingType>url</EncodingType><Contents>"
                            "<Key>a+b%2Bc%</Key><Size>18446744073709551615</Size><LastModified>"
                            "2026-11-26T10:00:00.000Z</LastModified></Contents></ListBucketResult>")
                            .value();
  EXPECT_EQ(page.objects.at(0).key, "a b+c%");
  EXPECT_EQ(page.objects.at(0).size_bytes, ~std::uint64_t{0});
}

TEST(FuzzCorpus, S3AnswersSurvivesAll) {
  for (const auto& [name, content] : pv::testing::fuzz_corpus("s3_answers")) {
    SCOPED_TRACE(name);
    fuzz_s3_answers(content);
  }
}

}  // namespace
}  // namespace pv::s3
