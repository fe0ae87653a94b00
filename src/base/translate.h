// English texts that others have made, in Chinese.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/phrase.h"

namespace pv {

using Catalog = std::span<const Phrase>;

// The Chinese of `english` where it fits one of the phrases, the first that it fits, and else of
// those of its parts that do: they are joined by ": " (Error::within) and "; ". What stands in the
// places is translated likewise; what fits nothing stays as it is, and so does a very long text.
[[nodiscard]] std::string translate(std::string_view english,
                                    std::initializer_list<Catalog> catalogs);

// What a room says in English (an error, a warning, an alert), in Chinese as far as known_texts.h
// has it. More than 1000 bytes stay as they are, and so does what comes after some twenty joints.
[[nodiscard]] std::string told(Language language, std::string_view english);
// The same of what is joined by ", ": each for itself.
[[nodiscard]] std::string told_list(Language language, std::string_view english);

}  // namespace pv
