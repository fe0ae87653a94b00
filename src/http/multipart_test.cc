#include "http/multipart.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "http/http_testing.h"
#include "testing/fuzz_corpus.h"

namespace pv::http {
namespace {

const std::string kType = "multipart/form-data; boundary=XX";

struct ReadPart {
  Part part;
  std::string data;
};

Task<std::vector<ReadPart>> read_form(std::string type, BodyReader& body, std::size_t step) {
  PV_CO_TRY(const auto reader, MultipartReader::open(type, body));
  std::vector<ReadPart> parts;
  for (;;) {
    PV_CO_TRY(auto part, co_await reader->next());
    if (!part) { co_return parts; }
    ReadPart read;
    read.part = *std::move(part);
    std::vector<std::byte> buffer(step);
    for (;;) {
      PV_CO_TRY(const std::size_t count, co_await reader->read(buffer));
      if (count == 0) { break; }
      read.data += as_text(Bytes{buffer}.first(count));
    }
    parts.push_back(std::move(read));
  }
}

Result<std::vector<ReadPart>> parse(const std::string& text, std::vector<std::size_t> cuts = {},
                                    std::size_t step = 65536) {
  TextBody body{text, std::move(cuts)};
  return run(read_form(kType, body, step));
}

std::string file_part(const std::string& disposition, const std::string& data) {
  return "--XX\r\nContent-Disposition: " + disposition +
         "\r\nContent-Type: application/zip\r\n\r\n" + data + "\r\n";
}

// Data that keeps looking like the boundary.
const std::string kTricky = "\r\n--X\r\n--XY\r\r\n--XX-\r\n-- XX\n--XX\r\r\n\r\n--XXZ\r\n";

const std::string kForm = "preamble\r\n--XXX\r\n" +
                          file_part("form-data; name=\"file\"; filename=\"a b.zip\"", kTricky) +
                          file_part("form-data; name=empty; filename=\"\"", "") +
                          "--XX \t\r\ncontent-disposition: form-data;\r\n name=last\r\n\r\nv\r\n" +
                          "--XX--\r\nepilogue --XX";

void expect_form(const Result<std::vector<ReadPart>>& parts, const std::string& label) {
  ASSERT_TRUE(parts.has_value()) << label << ": " << parts.error().what;
  ASSERT_EQ(parts->size(), 3U) << label;
  EXPECT_EQ((*parts)[0].part.name, "file");
  EXPECT_EQ((*parts)[0].part.filename, "a b.zip");
  EXPECT_EQ((*parts)[0].part.content_type, "application/zip");
  EXPECT_EQ((*parts)[0].data, kTricky) << label;
  EXPECT_EQ((*parts)[1].part.name, "empty");
  EXPECT_EQ((*parts)[1].part.filename, std::nullopt) << "an empty file name is none";
  EXPECT_EQ((*parts)[1].data, "") << label;
  EXPECT_EQ((*parts)[2].part.name, "last") << "a header may go on in the next line";
  EXPECT_EQ((*parts)[2].data, "v") << label;
}

TEST(Multipart, ReadsWhereverTheBodyIsCut) {
  expect_form(parse(kForm), "whole");
  for (std::size_t cut = 1; cut < kForm.size(); ++cut) {
    expect_form(parse(kForm, {cut, cut + 1, cut + 3}), "cut at " + std::to_string(cut));
  }
}

TEST(Multipart, ReadsByteByByte) {
  std::vector<std::size_t> cuts(kForm.size());
  for (std::size_t i = 0; i < cuts.size(); ++i) { cuts[i] = i; }
  for (const std::size_t step : {1UL, 2UL, 3UL, 65536UL}) {
    expect_form(parse(kForm, cuts, step), "step " + std::to_string(step));
    expect_form(parse(kForm, {}, step), "step " + std::to_string(step));
  }
}

TEST(Multipart, RefusesTruncationAtEveryByte) {
  const std::size_t end = kForm.find("--XX--\r\n") + 6;  // the line end may be missing
  for (std::size_t size = 0; size < kForm.size(); ++size) {
    const auto parts = parse(kForm.substr(0, size));
    if (size < end || size == end + 1) {
      ASSERT_FALSE(parts.has_value()) << "cut at " << size;
      EXPECT_EQ(parts.error().code, Code::kInvalid);
    } else {
      EXPECT_TRUE(parts.has_value()) << "cut at " << size;
    }
  }
}

TEST(Multipart, FindsBoundariesAcrossItsBuffer) {
  // The delimiter falls on every position around the ends of the 128 KiB buffer.
  for (std::size_t size = 131'072 - 120; size < 131'072 + 20; ++size) {
    std::string data(size, 'x');
    data[size - 1] = '\r';
    const auto parts = parse(file_part("form-data; name=f; filename=f", data) + "--XX--");
    ASSERT_TRUE(parts.has_value()) << size;
    ASSERT_EQ(parts->size(), 1U);
    EXPECT_TRUE(parts->front().data == data) << size;
  }
}

TEST(Multipart, SkipsWhatNobodyReads) {
  const std::string text = file_part("form-data; name=big", std::string(1'000'000, 'y')) +
                           file_part("x", "z") + file_part("form-data; name=b", "2") + "--XX--";
  TextBody body{text};
  const auto count = [](BodyReader& from) -> Task<std::size_t> {
    PV_CO_TRY(const auto reader, MultipartReader::open(kType, from));
    for (std::size_t parts = 0;; ++parts) {
      PV_CO_TRY(const auto part, co_await reader->next());
      if (!part) { co_return parts; }
    }
  };
  EXPECT_EQ(run(count(body)).value(), 3U);
}

TEST(Multipart, TakesFormsWithBareLineFeeds) {
  const auto parts =
      parse("--XX\nContent-Disposition: form-data; name=a\n\nline\r\n--XX\r\nb\n--XX--\n");
  // The first boundary line decides; with CRLF before it, the second is data that then fails.
  EXPECT_FALSE(parts.has_value());
  const auto bare = parse("--XX\nContent-Disposition: form-data; name=a\n\nb\n--XX--\n");
  ASSERT_TRUE(bare.has_value());
  EXPECT_EQ(bare->front().data, "b");
}

struct NameCase {
  const char* disposition;
  const char* name;
  std::optional<std::string> filename;
};

TEST(Multipart, NamesFilesAsGoDoes) {
  const NameCase cases[] = {
      {"form-data; name=\"file\"; filename=\"UP 6 (x).ZIP\"", "file", "UP 6 (x).ZIP"},
      {"form-data; name=\"file\"; filename=\"日本.zip\"", "file", "日本.zip"},
      {"form-data; name=\"file\"; filename=blob", "file", "blob"},
      {"form-data; name=\"file\"; filename=\".zip\"", "file", ".zip"},
      {"form-data; name=\"file\"; filename=\"..\"", "file", ".."},
      {"form-data; name=\"file\"; filename=\"../../etc/passwd\"", "file", "passwd"},
      {"form-data; name=\"file\"; filename=\"/a/b/\"", "file", "b"},
      {"form-data; name=\"file\"; filename=\"//\"", "file", "/"},
      {R"(form-data; name="file"; filename="C:\dir\old.zip")", "file", R"(C:\dir\old.zip)"},
      {R"(form-data; name="file"; filename="a\"b.zip")", "file", R"(a"b.zip)"},
      {"form-data; name=file; filename*=UTF-8''star%20name.zip", "file", "star name.zip"},
      {"form-data; name=file; filename*=UTF-8''a%2Fb.zip", "file", "b.zip"},
      {"form-data; name=\"File\"", "File", std::nullopt},
      {"attachment; name=\"file\"; filename=\"a.zip\"", "", "a.zip"},
      {"form-data; filename=\"a.zip\"", "", "a.zip"},
      {"form-data; name=\"file; filename=\"a.zip\"", "", std::nullopt},
      {"", "", std::nullopt},
  };
  for (const NameCase& it : cases) {
    const auto parts = parse(file_part(it.disposition, "data") + "--XX--\r\n");
    ASSERT_TRUE(parts.has_value()) << it.disposition << ": " << parts.error().what;
    ASSERT_EQ(parts->size(), 1U) << it.disposition;
    EXPECT_EQ(parts->front().part.name, it.name) << it.disposition;
    EXPECT_EQ(parts->front().part.filename, it.filename) << it.disposition;
    EXPECT_EQ(parts->front().data, "data") << it.disposition;
  }
}

TEST(Multipart, RefusesBrokenForms) {
  const std::string head = "--XX\r\nContent-Disposition: form-data; name=a\r\n";
  const std::pair<const char*, std::string> cases[] = {
      {"empty", ""},
      {"no boundary", "hello\r\n"},
      {"another boundary", "--YY\r\n\r\n--YY--\r\n"},
      {"control character in a file name",
       file_part("form-data; name=file; filename=\"a\x01.zip\"", "x") + "--XX--\r\n"},
      {"DEL in a file name",
       file_part("form-data; name=file; filename=\"a\x7f.zip\"", "x") + "--XX--\r\n"},
      {"header without a colon", head + "what\r\n\r\nx\r\n--XX--\r\n"},
      {"colon in the next line", head + "what\r\n : x\r\n\r\nx\r\n--XX--\r\n"},
      {"header with a bad name", head + "w(: x\r\n\r\nx\r\n--XX--\r\n"},
      {"header that begins folded", "--XX\r\n a: b\r\n\r\nx\r\n--XX--\r\n"},
      {"long headers", head + "X: " + std::string(70'000, 'y') + "\r\n\r\nx\r\n--XX--\r\n"},
      {"many headers",
       [&] {
         std::string text = head;
         for (int i = 0; i < 10'000; ++i) { text += "X: yyyy\r\n"; }
         return text + "\r\nx\r\n--XX--\r\n";
       }()},
      {"long preamble line", std::string(200'000, 'p') + "\r\n--XX--\r\n"},
      {"garbage after the boundary", "--XX-\r\n"},
      {"boundary line that goes on", head + "\r\nx\r\n--XX y\r\n"},
      {"quoted-printable", head + "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nx\r\n--XX--"},
  };
  for (const auto& [label, text] : cases) {
    const auto parts = parse(text);
    ASSERT_FALSE(parts.has_value()) << label;
    EXPECT_EQ(parts.error().code, Code::kInvalid) << label;
  }
}

TEST(Multipart, BoundsTheNumberOfParts) {
  std::string text;
  for (int i = 0; i < 1000; ++i) { text += "--XX\r\n\r\n\r\n"; }
  EXPECT_EQ(parse(text + "--XX--").value().size(), 1000U);
  EXPECT_EQ(parse(text + "--XX\r\n\r\n\r\n--XX--").error().code, Code::kInvalid);
}

TEST(Multipart, NeedsAUsableBoundary) {
  TextBody body{""};
  for (const char* type :
       {"", "multipart/form-data", "multipart/form-data; boundary=", "text/plain; boundary=x",
        "multipart/mixed; boundary=x", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a"}) {
    const auto reader = MultipartReader::open(type, body);
    ASSERT_FALSE(reader.has_value()) << type;
    EXPECT_EQ(reader.error().code, Code::kInvalid) << type;
  }
  EXPECT_FALSE(
      MultipartReader::open("multipart/form-data; boundary=" + std::string(1001, 'b'), body)
          .has_value());
  EXPECT_TRUE(MultipartReader::open("Multipart/Form-Data; Boundary=\"a b\"", body).has_value());
}

class FailingBody final : public BodyReader {
 public:
  Task<std::size_t> read(MutableBytes /*into*/) override {
    co_return fail(Code::kUnavailable, "gone");
  }
};

TEST(Multipart, PassesOnWhatTheBodySays) {
  FailingBody body;
  EXPECT_EQ(run(read_form(kType, body, 100)).error().code, Code::kUnavailable);
}

// Whatever the bytes and however they are cut, the outcome is the same.
TEST(Multipart, FuzzCorpusIsReadTheSameInPieces) {
  for (const auto& [name, text] : testing::fuzz_corpus("multipart")) {
    const auto whole = parse(text);
    std::vector<std::size_t> cuts(text.size());
    for (std::size_t i = 0; i < cuts.size(); ++i) { cuts[i] = i; }
    const auto pieces = parse(text, cuts, 1);
    ASSERT_EQ(whole.has_value(), pieces.has_value()) << name;
    if (!whole.has_value()) { continue; }
    ASSERT_EQ(whole->size(), pieces->size()) << name;
    for (std::size_t i = 0; i < whole->size(); ++i) {
      EXPECT_EQ((*whole)[i].data, (*pieces)[i].data) << name;
    }
  }
}

}  // namespace
}  // namespace pv::http
