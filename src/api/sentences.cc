#include "api/sentences.h"

#include <algorithm>
#include <boost/json.hpp>

#include "base/translate.h"

namespace pv::api {
namespace {

namespace json = boost::json;

// So that no archive with a thousand strange names takes a thread for long.
constexpr std::size_t kBytesMax = 256 << 10;

std::string told_lines(Language language, std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines += told(language, text.substr(0, end));
    if (end < text.size()) { lines += '\n'; }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string told_as(SaidAs as, Language language, std::string_view text) {
  switch (as) {
    case SaidAs::kList: return told_list(language, text);
    case SaidAs::kLines: return told_lines(language, text);
    case SaidAs::kWord:
      return text.find(' ') == std::string_view::npos ? std::string{text} : told(language, text);
    case SaidAs::kSentence: break;
  }
  return told(language, text);
}

class Teller {
 public:
  Teller(Language language, std::span<const Sentence> sentences)
      : language_{language}, sentences_{sentences} {}

  void tell(json::value& value) {
    if (json::object* object = value.if_object()) { return tell(*object); }
    if (json::array* list = value.if_array()) {
      for (json::value& one : *list) { tell(one); }
    }
  }

  void tell(json::object& object) {
    for (auto& [key, value] : object) {
      const auto sentence = std::ranges::find(sentences_, std::string_view{key}, &Sentence::name);
      if (sentence == sentences_.end()) {
        tell(value);
      } else {
        say(sentence->as, value);
      }
    }
  }

 private:
  void say(SaidAs as, json::value& value) {
    if (json::string* text = value.if_string()) { return say(as, *text); }
    if (json::array* list = value.if_array()) {
      for (json::value& one : *list) { say(as, one); }
    } else {
      tell(value);
    }
  }

  void say(SaidAs as, json::string& text) {
    bytes_ += text.size();
    if (bytes_ <= kBytesMax) { text = told_as(as, language_, text); }
  }

  Language language_;
  std::span<const Sentence> sentences_;
  std::size_t bytes_ = 0;
};

}  // namespace

void tell(Language language, std::span<const Sentence> sentences, json::value& answer) {
  if (language != Language::kEnglish) { Teller{language, sentences}.tell(answer); }
}

void tell(Language language, std::span<const Sentence> sentences, json::object& answer) {
  if (language != Language::kEnglish) { Teller{language, sentences}.tell(answer); }
}

AnswerTask answer_told(Exchange& exchange, WorkPool& pool, std::span<const Sentence> sentences,
                       std::function<Result<json::value>()> make) {
  std::function<Result<json::value>()> work =
      [make = std::move(make), sentences, language = exchange.language]() -> Result<json::value> {
    PV_TRY(json::value answer, make());
    tell(language, sentences, answer);
    return answer;
  };
  const auto answer = co_await http::offload<json::value>(pool, std::move(work));
  if (!answer.has_value()) { co_return tl::unexpected{explained(answer.error())}; }
  co_return told_answer(exchange, 200, *answer);
}

http::Response told_answer(const Exchange& exchange, unsigned status, const json::value& value) {
  http::Response response = json_answer(exchange, status, value);
  note_language(exchange, response);
  return response;
}

}  // namespace pv::api
