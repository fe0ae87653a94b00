// A small text file of words and values with a checksum: the journal, and the note beside replaced
// data. docs/formats/restore-journal.md draws both.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace pv::restore {

// Lines "word value", in order; words may repeat, values are any bytes.
using Record = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string encode_record(std::string_view title, const Record& record);

// kDamaged: a bad escape, a checksum that does not match. kUnsupported: sound, but of another
// title.
[[nodiscard]] Result<Record> decode_record(std::string_view title, std::string_view text);

// The first value of `word`; empty when absent.
[[nodiscard]] std::string value_of(const Record& record, std::string_view word);
[[nodiscard]] std::vector<std::string> values_of(const Record& record, std::string_view word);

}  // namespace pv::restore
