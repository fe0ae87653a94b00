#include "api/html_text.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "api/utf8.h"
#include "base/text.h"

namespace pv::api {
namespace {

using Names = std::span<const std::string_view>;

bool has(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// clang-format off
constexpr std::array<std::string_view, 18> kDropped{
    "head", "style", "script", "iframe", "embed", "applet", "object", "svg", "img", "picture", "dialog",
    "template", "button", "form", "textarea", "input", "select", "option"};
constexpr std::array<std::string_view, 21> kInline{
    "a", "abbr", "acronym", "b", "bdo", "big", "br", "button", "cite", "code", "em", "i", "label", "q",
    "small", "span", "strong", "strike", "sub", "sup", "time"};
constexpr std::array<std::string_view, 17> kVoid{
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen",
    "link", "meta", "param", "source", "track"};
constexpr std::array<std::string_view, 1> kVoidToo{"wbr"};
// Their content is text up to their end tag; in the last two it may hold entities.
constexpr std::array<std::string_view, 9> kRawText{
    "iframe", "noembed", "noframes", "noscript", "script", "style", "xmp", "textarea", "title"};
constexpr std::array<std::string_view, 2> kRawTextWithEntities{"textarea", "title"};
// Before <body> these belong to the head.
constexpr std::array<std::string_view, 10> kHeadElements{
    "base", "basefont", "bgsound", "link", "meta", "noframes", "noscript", "script", "style", "title"};
// An end tag does not close what lies outside of these.
constexpr std::array<std::string_view, 12> kScopeBorders{
    "applet", "caption", "html", "table", "td", "th", "marquee", "object", "template", "svg", "math", "body"};
// An end tag of another element does not reach through these.
constexpr std::array<std::string_view, 60> kSpecial{
    "address", "applet", "article", "aside", "blockquote", "body", "button", "caption", "center",
    "colgroup", "dd", "details", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hgroup", "html", "iframe", "li",
    "listing", "main", "marquee", "menu", "nav", "noembed", "noframes", "noscript", "object", "ol", "p",
    "plaintext", "pre", "script", "section", "select", "style", "summary", "table", "tbody", "td",
    "template", "tfoot", "th", "thead", "tr", "ul"};
constexpr std::array<std::string_view, 14> kFormatting{
    "a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"};
// HTML elements that end an <svg> or <math> they appear in.
constexpr std::array<std::string_view, 44> kBreakOut{
    "b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1",
    "h2", "h3", "h4", "h5", "h6", "head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol",
    "p", "pre", "ruby", "s", "small", "span", "strong", "strike", "sub", "sup", "table", "tt", "u", "ul",
    "var"};
// clang-format on

bool is_foreign_root(std::string_view name) { return name == "svg" || name == "math"; }

bool is_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');
}

bool is_html_space(char letter) {
  return letter == ' ' || letter == '\t' || letter == '\n' || letter == '\r' || letter == '\f';
}

struct Tag {
  std::string name;
  bool is_end = false;
  bool self_closing = false;
};

// Collects text, collapsing white space.
class Collector {
 public:
  void add(std::string_view text) {
    for (const char letter : text) {
      if (letter == '\0') { continue; }  // dropped by every HTML parser
      if (!is_html_space(letter)) {
        text_ += letter;
        after_blank_ = false;
      } else {
        blank();
      }
    }
  }
  void blank() {
    if (after_blank_) { return; }
    text_ += ' ';
    after_blank_ = true;
  }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  [[nodiscard]] std::string take() { return std::string{trim_space(text_)}; }

 private:
  std::string text_;
  bool after_blank_ = false;
};

// The elements that are open, and what their opening and closing does to the text.
class Tree {
 public:
  explicit Tree(std::size_t bytes_enough) : bytes_enough_{bytes_enough} { collector_.blank(); }

  void text(std::string_view text) {
    if (!in_body_) {
      // White space before the body stands for nothing; anything else begins it.
      if (std::all_of(text.begin(), text.end(), is_html_space)) { return; }
      in_body_ = true;
    }
    if (skipped_ == 0) { collector_.add(text); }
  }

  void start(const Tag& tag) {
    if (!in_body_ && stays_before_body(tag)) { return; }
    in_body_ = true;
    if (tag.name == "html" || tag.name == "body" || tag.name == "head") { return; }
    if (foreign() && has(kBreakOut, tag.name)) { close_foreign(); }
    close_implied(tag.name);
    open(tag);
  }

  // An element whose content was read as plain text.
  void raw(const std::string& name, std::string_view content) {
    if (!in_body_ && has(kHeadElements, name)) { return; }
    start(Tag{.name = name});
    text_inside(has(kRawTextWithEntities, name) ? decode_html_entities(content)
                                                : std::string{content});
    end(name);
  }

  void end(const std::string& name) {
    if (!in_body_) {
      if (name == "br" || name == "p") { in_body_ = true; }
      if (name != "p") { return; }
    }
    const bool formatting = has(kFormatting, name);
    const bool block = has(kSpecial, name);
    for (std::size_t i = stack_.size(); i > 0; --i) {
      const std::string& open_name = stack_[i - 1].name;
      if (open_name == name) {
        close_to(i - 1);
        return;
      }
      if (stack_[i - 1].border || (!formatting && !block && stack_[i - 1].special)) { break; }
    }
    if (name == "p" && skipped_ == 0) { collector_.blank(); }  // stands for an empty <p></p>
  }

  // Inside of <svg> or <math>.
  [[nodiscard]] bool foreign() const { return foreign_ > 0; }

  [[nodiscard]] std::string take() { return collector_.take(); }

 private:
  struct Element {
    std::string name;
    bool block = false;  // a blank after it
    bool skips = false;  // its content is not looked at
    bool border = false;
    bool special = false;
  };
  static constexpr std::size_t kDepthMax = 512;

  void text_inside(std::string_view text) {
    if (skipped_ == 0) { collector_.add(text); }
  }

  bool stays_before_body(const Tag& tag) const {
    return tag.name == "html" || tag.name == "head" || has(kHeadElements, tag.name);
  }

  void open(const Tag& tag) {
    Element element{.name = tag.name,
                    .border = has(kScopeBorders, tag.name),
                    .special = has(kSpecial, tag.name)};
    if (skipped_ == 0 && !has(kDropped, tag.name)) {
      element.block = !has(kInline, tag.name);
      if (element.block) { collector_.blank(); }
      element.skips = collector_.size() > bytes_enough_;
    } else {
      element.skips = true;
    }
    const bool empty = has(kVoid, tag.name) || has(kVoidToo, tag.name) ||
                       (tag.self_closing && (foreign() || is_foreign_root(tag.name)));
    if (element.skips) { ++skipped_; }
    if (is_foreign_root(element.name)) { ++foreign_; }
    stack_.push_back(std::move(element));
    if (empty || stack_.size() > kDepthMax) { close_to(stack_.size() - 1); }
  }

  void close_to(std::size_t size) {
    while (stack_.size() > size) {
      const Element element = std::move(stack_.back());
      stack_.pop_back();
      if (element.skips) { --skipped_; }
      if (is_foreign_root(element.name)) { --foreign_; }
      if (element.block && skipped_ == 0) { collector_.blank(); }
    }
  }

  // What a start tag closes although no end tag was seen, as far as it shows in the text.
  void close_implied(std::string_view name) {
    if (name == "option" || name == "optgroup") {
      close_last("option");
    } else if (name == "button") {
      close_in_scope("button");
    } else if (name == "select" || name == "input" || name == "textarea" || name == "keygen") {
      close_in_scope("select");
    }
  }

  void close_last(std::string_view name) {
    if (!stack_.empty() && stack_.back().name == name) { close_to(stack_.size() - 1); }
  }

  void close_in_scope(std::string_view name) {
    for (std::size_t i = stack_.size(); i > 0; --i) {
      if (stack_[i - 1].name == name) {
        close_to(i - 1);
        return;
      }
      if (stack_[i - 1].border) { return; }
    }
  }

  void close_foreign() {
    for (std::size_t i = stack_.size(); i > 0; --i) {
      if (is_foreign_root(stack_[i - 1].name)) {
        close_to(i - 1);
        return;
      }
    }
  }

  std::size_t bytes_enough_;
  Collector collector_;
  std::vector<Element> stack_;
  std::size_t skipped_ = 0;  // open elements that skip
  std::size_t foreign_ = 0;  // open <svg> and <math>
  bool in_body_ = false;
};

// Cuts HTML into text and tags.
class Scanner {
 public:
  explicit Scanner(std::string_view html) : rest_{html} {}

  void run(Tree& tree) {
    while (!rest_.empty()) {
      const std::size_t plain = next_markup();
      if (plain > 0) {
        tree.text(decode_html_entities(rest_.substr(0, plain)));
        rest_.remove_prefix(plain);
        continue;
      }
      if (is_letter(peek(1)) || (peek(1) == '/' && is_letter(peek(2)))) {
        element(tree);
      } else {
        comment();
      }
    }
  }

 private:
  [[nodiscard]] char peek(std::size_t i) const { return i < rest_.size() ? rest_[i] : '\0'; }

  // Where the next '<' that begins markup stands.
  [[nodiscard]] std::size_t next_markup() const {
    for (std::size_t at = rest_.find('<'); at != std::string_view::npos;
         at = rest_.find('<', at + 1)) {
      const char next = peek(at + 1);
      if (is_letter(next) || next == '/' || next == '!' || next == '?') { return at; }
    }
    return rest_.size();
  }

  // <!-- ... -->, <!doctype ...>, <? ... >, </1 ...>: nothing of them is shown.
  void comment() {
    std::string_view close = ">";
    std::size_t from = 2;
    if (rest_.starts_with("<!--")) {
      from = 4;
      const std::string_view inside = rest_.substr(4);
      const bool ends_at_once = inside.starts_with(">") || inside.starts_with("->");
      if (!ends_at_once) { close = "-->"; }
    }
    const std::size_t end = rest_.find(close, std::min(from, rest_.size()));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + close.size());
  }

  void element(Tree& tree) {
    const Tag tag = read_tag();
    if (tag.name == "plaintext" && !tag.is_end) {
      tree.start(tag);
      tree.text(rest_);
      rest_ = {};
    } else if (tag.is_end) {
      tree.end(tag.name);
    } else if (has(kRawText, tag.name) && !tree.foreign()) {
      tree.raw(tag.name, read_raw(tag.name));
    } else {
      tree.start(tag);
    }
  }

  Tag read_tag() {
    Tag tag;
    tag.is_end = peek(1) == '/';
    rest_.remove_prefix(tag.is_end ? 2 : 1);
    std::size_t end = 0;
    while (end < rest_.size() && !is_html_space(rest_[end]) && rest_[end] != '/' &&
           rest_[end] != '>') {
      ++end;
    }
    tag.name = to_lower_ascii(rest_.substr(0, end));
    rest_.remove_prefix(end);
    skip_attributes(tag);
    return tag;
  }

  // Up to and with '>'; a '>' in a quoted value does not count.
  void skip_attributes(Tag& tag) {
    while (!rest_.empty()) {
      const char letter = rest_[0];
      rest_.remove_prefix(1);
      if (letter == '>') { return; }
      if (letter == '/' && peek(0) == '>') {
        tag.self_closing = true;
      } else if (letter == '=') {
        skip_value();
      }
    }
  }

  void skip_value() {
    while (!rest_.empty() && is_html_space(rest_[0])) { rest_.remove_prefix(1); }
    const char quote = peek(0);
    std::size_t end = 0;
    if (quote == '"' || quote == '\'') {
      end = rest_.find(quote, 1);
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      return;
    }
    while (end < rest_.size() && !is_html_space(rest_[end]) && rest_[end] != '>') { ++end; }
    rest_.remove_prefix(end);
  }

  // The content up to the end tag of `name`, which is taken too; all that is left without one.
  std::string_view read_raw(std::string_view name) {
    for (std::size_t at = rest_.find("</"); at != std::string_view::npos;
         at = rest_.find("</", at + 2)) {
      const std::size_t after = at + 2 + name.size();
      if (!equals_ignoring_case(rest_.substr(at + 2, name.size()), name)) { continue; }
      if (after < rest_.size() && !is_html_space(rest_[after]) && rest_[after] != '/' &&
          rest_[after] != '>') {
        continue;
      }
      const std::string_view content = rest_.substr(0, at);
      rest_.remove_prefix(at);
      read_tag();
      return content;
    }
    const std::string_view content = rest_;
    rest_ = {};
    return content;
  }

  std::string_view rest_;
};

}  // namespace

std::string html_to_text(std::string_view html, std::size_t bytes_enough) {
  Tree tree{bytes_enough};
  Scanner{html}.run(tree);
  return tree.take();
}

}  // namespace pv::api
