// What of an answer is for people: sentences, among names, codes and numbers for programs.
#pragma once

#include <boost/json/value.hpp>
#include <functional>
#include <span>
#include <string_view>

#include "api/exchange.h"

namespace pv::api {

enum class SaidAs {
  kSentence,
  kList,   // joined by ", ": each for itself
  kLines,  // each line for itself
  kWord,   // one word is a code ("sound"), more is a sentence
};

// A member whose text is for people, or the texts of whose list are.
struct Sentence {
  std::string_view name;
  SaidAs as = SaidAs::kSentence;
};

// Of a job: its error, warnings, report and preflight. `phase` and other codes are not among them.
inline constexpr Sentence kOfJobs[] = {
    {"message"}, {"fullBecause"}, {"structure", SaidAs::kWord}, {"way", SaidAs::kWord}, {"note"},
    {"bucket"},  {"version"}};
// Of a verdict, wherever one is. A pin beside it has its owner's own words.
inline constexpr Sentence kOfVerdicts[] = {{"reason"}};

// Says the members of those names in `language`, wherever they stand in `answer`. What is beyond a
// bound, for which a stranger's archive may have to answer, stays English. It takes its time where
// there are thousands, so not on the thread of the io_context.
void tell(Language language, std::span<const Sentence> sentences, boost::json::value& answer);
void tell(Language language, std::span<const Sentence> sentences, boost::json::object& answer);

// Runs `make`, which blocks, on `pool`, and answers with what it made, its sentences in the
// client's language.
[[nodiscard]] AnswerTask answer_told(Exchange& exchange, WorkPool& pool,
                                     std::span<const Sentence> sentences,
                                     std::function<Result<boost::json::value>()> make);

// A JSON answer that would be another in another language.
[[nodiscard]] http::Response told_answer(const Exchange& exchange, unsigned status,
                                         const boost::json::value& value);

}  // namespace pv::api
