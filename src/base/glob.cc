#include "base/glob.h"

#include <algorithm>

#include "base/text.h"

namespace pv {
namespace {

bool has_plain_parts(std::string_view pattern) {
  for (std::size_t at = 0; at <= pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at), pattern.size());
    const std::string_view part = pattern.substr(at, end - at);
    if (part.empty() || part == "." || part == "..") { return false; }
    at = end + 1;
  }
  return true;
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  Glob glob;
  glob.text_ = pattern;
  const auto refuse = [&](const char* why) {
    constexpr std::size_t kShownMax = 100;
    const bool is_long = glob.text_.size() > kShownMax;
    return fail(Code::kInvalid, "the pattern \"" + printable(glob.text_.substr(0, kShownMax)) +
                                    (is_long ? "...\" " : "\" ") + why);
  };
  if (pattern.size() > kBytesMax) { return refuse("is too long"); }
  if (pattern.starts_with('/')) { return refuse("is absolute: names are relative to the data"); }
  while (pattern.starts_with("./")) { pattern.remove_prefix(2); }
  while (pattern.ends_with('/')) { pattern.remove_suffix(1); }
  if (pattern.empty()) { return refuse("is empty"); }
  if (!has_plain_parts(pattern)) {
    return refuse("has an empty part, \".\" or \"..\": no name has");
  }

  const std::string_view whole = pattern;
  while (!pattern.empty()) {
    const bool starts_part = pattern.size() == whole.size() || *(pattern.data() - 1) == '/';
    const auto take = [&](std::size_t count, Kind kind) {
      glob.tokens_.push_back({kind, pattern.front()});
      pattern.remove_prefix(count);
    };
    if (starts_part && pattern.starts_with("**/")) {
      take(3, Kind::kFolders);
    } else if (pattern.starts_with("**")) {
      take(2, Kind::kAnything);
    } else if (pattern.front() == '*') {
      take(1, Kind::kInPart);
    } else {
      take(1, pattern.front() == '?' ? Kind::kAnyByte : Kind::kByte);
    }
  }
  return glob;
}

// All places in the pattern that what was read so far may have led to, at once: no going back, so
// no pattern is slow.
bool Glob::covers(std::string_view name) const {
  const std::size_t end = tokens_.size();
  std::vector<bool> here(end + 1);
  std::vector<bool> next(end + 1);
  // What may stand for nothing is passed without reading. `at_part`: a part of the name begins.
  const auto settle = [&](std::vector<bool>& places, bool at_part) {
    for (std::size_t i = 0; i < end; ++i) {
      const Kind kind = tokens_[i].kind;
      const bool may_be_nothing =
          kind == Kind::kInPart || kind == Kind::kAnything || (kind == Kind::kFolders && at_part);
      if (places[i] && may_be_nothing) { places[i + 1] = true; }
    }
  };
  here[0] = true;
  settle(here, true);
  for (const char byte : name) {
    if (byte == '/' && here[end]) { return true; }
    next.assign(end + 1, false);
    for (std::size_t i = 0; i < end; ++i) {
      if (!here[i]) { continue; }
      switch (tokens_[i].kind) {
        case Kind::kByte: next[i + 1] = next[i + 1] || byte == tokens_[i].byte; break;
        case Kind::kAnyByte: next[i + 1] = next[i + 1] || byte != '/'; break;
        case Kind::kInPart: next[i] = next[i] || byte != '/'; break;
        case Kind::kAnything:
        case Kind::kFolders: next[i] = true; break;
      }
    }
    here.swap(next);
    settle(here, byte == '/');
  }
  return here[end];
}

}  // namespace pv
