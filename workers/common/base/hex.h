// Bytes as text: lower-case hexadecimal digits, two a byte.
#pragma once

#include <string>
#include <string_view>

namespace evermilter {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

inline void append_hex(std::string& text, unsigned char byte) {
    text += kHexDigits[byte >> 4U];
    text += kHexDigits[byte & 0xfU];
}

// "\xff\x01" is "ff01".
[[nodiscard]] inline std::string to_hex(std::string_view bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const char byte : bytes) append_hex(text, static_cast<unsigned char>(byte));
    return text;
}

// Whether there are only such digits in it; an empty text has no others.
[[nodiscard]] constexpr bool is_hex(std::string_view text) {
    return text.find_first_not_of(kHexDigits) == std::string_view::npos;
}

} // namespace evermilter
