#include "workers/common/base/log_line.h"

#include <algorithm>
#include <vector>

#include "workers/common/base/hex.h"

namespace evermilter::log {

std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    std::size_t length = 0;
    if (lead >= 0xc2 && lead <= 0xdf)
        length = 2;
    else if (lead >= 0xe0 && lead <= 0xef)
        length = 3;
    else if (lead >= 0xf0 && lead <= 0xf4)
        length = 4;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (lead == 0xc2 && byte(1) < 0xa0) return 0; // C1 controls
    if (lead == 0xe0 && byte(1) < 0xa0) return 0;
    // Zero-width and directional marks, line and paragraph separators, directional embeddings and isolates
    // (U+200B..200F, U+2028..202E, U+2066..2069).
    if (lead == 0xe2 && byte(1) == 0x80 &&
        ((byte(2) >= 0x8b && byte(2) <= 0x8f) || (byte(2) >= 0xa8 && byte(2) <= 0xae)))
        return 0;
    if (lead == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9) return 0;
    if (lead == 0xed && byte(1) > 0x9f) return 0;
    if (lead == 0xf0 && byte(1) < 0x90) return 0;
    if (lead == 0xf4 && byte(1) > 0x8f) return 0;
    return length;
}

namespace {

// The bytes of `value` at `at` that are escaped together: one, or a UTF-8 sequence.
std::size_t unit_length(std::string_view value, std::size_t at) {
    const bool multibyte = static_cast<unsigned char>(value[at]) >= 0x80;
    const std::size_t length = multibyte ? utf8_length(value.substr(at)) : 0;
    return std::max<std::size_t>(length, 1);
}

void append_escaped(std::string_view unit, std::string& text) {
    if (unit.size() > 1) {
        text += unit;
        return;
    }
    const char c = unit.front();
    const auto byte = static_cast<unsigned char>(c);
    switch (c) {
        case '"':
            text += "\\\"";
            break;
        case '\\':
            text += "\\\\";
            break;
        case '\n':
            text += "\\n";
            break;
        case '\r':
            text += "\\r";
            break;
        case '\t':
            text += "\\t";
            break;
        default:
            if (byte >= 0x20 && byte < 0x7f) {
                text += c;
            } else {
                text += "\\x";
                append_hex(text, byte);
            }
    }
}

// The longest length to which values of these lengths can all be cut so that they take `room` together.
std::size_t common_length(std::vector<std::size_t> lengths, std::size_t room) {
    std::sort(lengths.begin(), lengths.end());
    std::size_t left = lengths.size();
    for (const std::size_t length : lengths) {
        if (length > room / left) return room / left;
        room -= length;
        --left;
    }
    return lengths.empty() ? 0 : lengths.back();
}

} // namespace

std::string escape(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (std::size_t at = 0; at < value.size();) {
        const std::size_t length = unit_length(value, at);
        append_escaped(value.substr(at, length), text);
        at += length;
    }
    return text;
}

std::string shortened(std::string_view value, std::size_t longest) {
    // No escaped form is shorter than its value; a value far too long is not looked at to its end.
    constexpr std::size_t kNote = sizeof "[+18446744073709551615]" - 1;
    std::string text;
    std::size_t fits = 0; // bytes of value that leave room for the note
    std::size_t at = 0;
    while (at < value.size() && text.size() <= longest) {
        const std::size_t length = unit_length(value, at);
        append_escaped(value.substr(at, length), text);
        at += length;
        if (text.size() + kNote <= longest) fits = at;
    }
    if (text.size() <= longest) return std::string(value);
    return std::string(value.substr(0, fits)) + "[+" + std::to_string(value.size() - fits) + ']';
}

std::string escape_value(std::string_view value) {
    std::string text = escape(value);
    const bool bare = text.size() == value.size() && text.find_first_of(" =\"") == std::string::npos && !text.empty();
    return bare ? text : '"' + text + '"';
}

std::string compose(std::string head, std::span<const Field> fields) {
    constexpr std::size_t kQuotes = 2;
    std::size_t fixed = head.size();
    std::size_t whole = 0;
    std::vector<std::size_t> lengths; // of the values that are not empty, as they stand in the line
    std::vector<std::string> values;
    for (const Field& field : fields) {
        // What does not fit in any case is not escaped to its end.
        values.push_back(field.value.empty() ? std::string() : escape_value(shortened(field.value, kLongestLine)));
        if (field.value.empty()) continue;
        fixed += field.key.size() + 2;
        lengths.push_back(values.back().size());
        whole += lengths.back();
    }
    const std::size_t room = kLongestLine - std::min(fixed, kLongestLine);
    const std::size_t longest = whole <= room ? whole : common_length(std::move(lengths), room);
    std::string line = std::move(head);
    std::size_t index = 0;
    for (const Field& field : fields) {
        std::string& value = values[index++];
        if (value.empty()) continue;
        if (value.size() > longest) value = escape_value(shortened(field.value, longest - std::min(longest, kQuotes)));
        line += ' ';
        line += field.key;
        line += '=';
        line += value;
    }
    return line;
}

} // namespace evermilter::log
