// The text of a piece of HTML, as the `excerpt` modifier of PocketBase's `fields` shows it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pv::api {

// Reads `html` as a document: entities decoded, tags dropped, some elements dropped with their
// content, one blank around every block element, white space collapsed, trimmed. After more than
// `bytes_enough` bytes were collected no further element is entered. Time grows with the size of
// `html`; at most 512 open elements are kept, deeper ones count as closed at once.
[[nodiscard]] std::string html_to_text(std::string_view html, std::size_t bytes_enough);

// Character references ("&amp;", "&#x41;", "&copy") replaced by what they stand for.
[[nodiscard]] std::string decode_html_entities(std::string_view text);

}  // namespace pv::api
