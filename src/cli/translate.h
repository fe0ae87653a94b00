// English texts that others have made, in Chinese.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/phrase.h"

namespace pv::cli {

using Catalog = std::span<const Phrase>;

// The Chinese of `english` where it fits one of the phrases, the first that it fits, and else of
// those of its parts that do: errors are joined by ": " (Error::within). What stands in the places
// is translated likewise; what fits nothing stays as it is, and so does a very long text.
[[nodiscard]] std::string translate(std::string_view english,
                                    std::initializer_list<Catalog> catalogs);

}  // namespace pv::cli
