// Small forms of text that several rooms share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/io.h"

namespace pv {

// PocketBase's: "2026-11-21 00:54:47.907Z"; UTC, milliseconds cut off, not rounded.
[[nodiscard]] std::string format_pocketbase_date(WallTime time);

// "2026-11-21 00:54 UTC", for sentences.
[[nodiscard]] std::string format_minute(WallTime time);

// "20261121005447": the stamp in automatic backup names, UTC.
[[nodiscard]] std::string format_stamp(WallTime time);

// RFC 9110 IMF-fixdate: "Sat, 21 Nov 2026 00:54:47 GMT".
[[nodiscard]] std::string format_http_date(WallTime time);
[[nodiscard]] std::optional<WallTime> parse_http_date(std::string_view text);

// "1.2 GB", "370.0 MB", "512 B": powers of 1000, one decimal.
[[nodiscard]] std::string format_size(std::uint64_t size_bytes);

// "500K", "20M", "1G", "1000": a number and K, M, G or T, powers of 1000 as above. nullopt:
// neither, or too much.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(Bytes bytes);

// RFC 4648. `url`: the URL-safe alphabet without padding, as in a JWT; else the standard one with
// padding. Decoding is strict: alphabet, padding, no blanks; nullopt otherwise.
[[nodiscard]] std::string to_base64(Bytes bytes);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
[[nodiscard]] std::string to_base64url(Bytes bytes);
[[nodiscard]] std::optional<std::string> from_base64url(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

// The bytes as they are where they are UTF-8, else printable(): for strings of JSON, which file
// names need not be.
[[nodiscard]] std::string as_utf8(std::string_view bytes);

// How many bytes of `text` are whole characters of UTF-8, at most `bytes_max`.
[[nodiscard]] std::size_t whole_characters(std::string_view text, std::size_t bytes_max);

// Code points of valid UTF-8; each invalid byte counts as one.
[[nodiscard]] std::size_t count_code_points(std::string_view text);

// Invalid bytes replaced by U+FFFD, control characters by spaces: for messages and terminals.
[[nodiscard]] std::string printable(std::string_view text);

// As Go's html.EscapeString, which PocketBase's pages and mails are made with.
[[nodiscard]] std::string escape_html(std::string_view text);

// ASCII only, for protocol words.
[[nodiscard]] std::string to_lower_ascii(std::string_view text);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] std::string_view trim_blanks(std::string_view text);

// Takes as long wherever the first difference is. Different lengths are unequal at once.
[[nodiscard]] bool equals_constant_time(std::string_view a, std::string_view b);

}  // namespace pv
