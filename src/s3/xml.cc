#include "s3/xml.h"

#include <expat.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "base/text.h"

namespace pv::s3 {
namespace {

constexpr std::size_t kLevelsMax = 8;
constexpr std::size_t kElementsMax = 50'000;

struct FreeParser {
  void operator()(XML_Parser parser) const { ::XML_ParserFree(parser); }
};
using Parser = std::unique_ptr<std::remove_pointer_t<XML_Parser>, FreeParser>;

// Expat calls back for each tag; `open_` are the elements around the present place, outermost
// first.
class Builder {
 public:
  explicit Builder(XML_Parser parser) : parser_{parser} {
    ::XML_SetUserData(parser_, this);
    ::XML_SetElementHandler(parser_, &Builder::on_start, &Builder::on_end);
    ::XML_SetCharacterDataHandler(parser_, &Builder::on_text);
    ::XML_SetStartDoctypeDeclHandler(parser_, &Builder::on_doctype);
  }

  Result<Element> finish(bool parsed) {
    if (refusal_ != nullptr) { return fail(Code::kInvalid, std::string{"XML: "} + refusal_); }
    if (!parsed || open_.size() != 1 || open_[0].children.size() != 1) {
      const char* reason = ::XML_ErrorString(::XML_GetErrorCode(parser_));
      return fail(Code::kInvalid, std::string{"XML: "} + (reason == nullptr ? "none" : reason));
    }
    return std::move(open_[0].children[0]);
  }

 private:
  void refuse(const char* why) {
    refusal_ = why;
    ::XML_StopParser(parser_, XML_FALSE);
  }

  static void on_start(void* user, const XML_Char* name, const XML_Char** /*attributes*/) {
    auto& self = *static_cast<Builder*>(user);
    if (self.refusal_ != nullptr) { return; }
    if (self.open_.size() > kLevelsMax) { return self.refuse("too many levels"); }
    if (++self.elements_ > kElementsMax) { return self.refuse("too many elements"); }
    self.open_.push_back({name, {}, {}});
  }
  static void on_end(void* user, const XML_Char* /*name*/) {
    auto& self = *static_cast<Builder*>(user);
    if (self.refusal_ != nullptr) { return; }
    Element done = std::move(self.open_.back());
    self.open_.pop_back();
    self.open_.back().children.push_back(std::move(done));
  }
  static void on_text(void* user, const XML_Char* text, int length) {
    auto& self = *static_cast<Builder*>(user);
    if (self.refusal_ != nullptr) { return; }
    self.open_.back().text.append(text, static_cast<std::size_t>(length));
  }
  static void on_doctype(void* user, const XML_Char* /*name*/, const XML_Char* /*system*/,
                         const XML_Char* /*public*/, int /*has_internal_subset*/) {
    static_cast<Builder*>(user)->refuse("a document type is not allowed");
  }

  XML_Parser parser_;
  std::vector<Element> open_ = std::vector<Element>(1);  // around the root: nothing
  std::size_t elements_ = 0;
  const char* refusal_ = nullptr;
};

}  // namespace

const Element* Element::find(std::string_view child) const {
  const auto place = std::find_if(children.begin(), children.end(),
                                  [&](const Element& each) { return each.name == child; });
  return place == children.end() ? nullptr : &*place;
}

std::string_view Element::text_of(std::string_view child) const {
  const Element* found = find(child);
  return found == nullptr ? std::string_view{} : std::string_view{found->text};
}

Result<Element> parse_xml(std::string_view text) {
  constexpr std::size_t kBytesMax = std::size_t{1} << 30U;  // Expat counts in int
  // Blanks keep the connection of a long job open before its answer begins; XML allows none there.
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  if (text.size() > kBytesMax) { return fail(Code::kInvalid, "XML: too long"); }
  const Parser parser{::XML_ParserCreate("UTF-8")};
  PV_ASSERT(parser != nullptr);
  Builder builder{parser.get()};
  const auto status =
      ::XML_Parse(parser.get(), text.data(), static_cast<int>(text.size()), XML_TRUE);
  return builder.finish(status == XML_STATUS_OK);
}

std::string escape_xml(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    switch (letter) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '"': result += "&quot;"; break;
      default: result += letter;
    }
  }
  return result;
}

}  // namespace pv::s3
