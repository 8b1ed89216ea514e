#include "config/text_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <variant>

#include "config/address.h"
#include "config/client_set.h"
#include "config/header_field.h"
#include "config/name_glob.h"
#include "config/network.h"
#include "config/pattern.h"
#include "workers/common/base/hex.h"
#include "workers/common/base/log_line.h"

namespace evermilter::config {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}
bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The character at the front of a text in UTF-8, if a terminal may obey it, or if it turns or hides what stands beside
// it (what log::utf8_length() refuses: C1 controls, marks of direction and of no width); 0 for all others.
std::uint32_t hidden_mark(std::string_view text) {
    const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i) { return text.size() > i && (byte(i) & 0xc0U) == 0x80U; };
    if (byte(0) < 0xc2 || log::utf8_length(text) != 0 || !follows(1)) return 0;
    if (byte(0) < 0xe0) return (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
    const std::uint32_t high = (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U;
    const bool is_one = byte(0) < 0xf0 && follows(2) && high >= 0x800 && (high < 0xd800 || high > 0xdfff);
    return is_one ? high | (byte(2) & 0x3fU) : 0;
}

template <class Parsed>
std::optional<std::string> reason_of(const Parsed& parsed) {
    if (!parsed) return parsed.error().reason;
    return std::nullopt;
}

// The characters that "d.d.d " takes: a class, and two numbers of one to three digits (RFC 3463, section 2).
bool skip_enhanced_code(std::string_view& text) {
    if (text.empty() || !is_digit(text.front())) return false;
    text.remove_prefix(1);
    for (int part = 0; part < 2; ++part) {
        if (text.empty() || text.front() != '.') return false;
        text.remove_prefix(1);
        const auto digits =
            static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
        if (digits == 0 || digits > 3) return false;
        text.remove_prefix(digits);
    }
    if (text.empty() || text.front() != ' ') return false;
    text.remove_prefix(1);
    return true;
}

std::optional<std::string> check_placeholders(std::string_view text) {
    constexpr std::array<std::string_view, 4> known = {"virus", "queue_id", "generation", "limit"};
    for (std::size_t at = text.find_first_of("{}"); at != std::string_view::npos; at = text.find_first_of("{}", at)) {
        const std::size_t close = text.find('}', at);
        const std::string_view name = text[at] == '}' || close == std::string_view::npos
                                          ? std::string_view{}
                                          : text.substr(at + 1, close - at - 1);
        if (std::find(known.begin(), known.end(), name) == known.end())
            return printable(text.substr(at, close == std::string_view::npos ? close : close - at + 1)) +
                   " is not a placeholder; known are {virus}, {queue_id}, {generation} and {limit}";
        at = close + 1;
    }
    return std::nullopt;
}

// The longest reply line is 512 bytes with its line end (RFC 5321, section 4.5.3.1.5); room is left for what is
// filled in. libmilter takes 32 lines (smfi_setmlreply(3)).
constexpr std::size_t kLongestReply = 300;
constexpr std::size_t kReplyLines = 32;

// The lines behind the codes.
std::optional<std::string> check_reply_lines(std::string_view text) {
    std::size_t lines = 0;
    for (;; text.remove_prefix(text.find('\n') + 1)) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.find_first_not_of(' ') == std::string_view::npos) return "has an empty line; remove it";
        if (line.size() > kLongestReply)
            return "has a line of more than " + std::to_string(kLongestReply) + " characters; break it";
        if (++lines > kReplyLines) return "has more than " + std::to_string(kReplyLines) + " lines; shorten it";
        if (text.find('\n') == std::string_view::npos) return std::nullopt;
    }
}

std::optional<std::string> check_reply(std::string_view text) {
    constexpr std::string_view form = "write code, enhanced code and text, such as \"550 5.7.1 virus found: {virus}\"";
    if (!std::all_of(text.begin(), text.end(), [](char c) { return (c >= ' ' && c < '\x7f') || c == '\n'; }))
        return "holds a control character or something beyond ASCII; SMTP replies are lines of ASCII";
    std::string_view rest = text;
    if (rest.size() < 4 || !is_digit(rest[0]) || !is_digit(rest[1]) || !is_digit(rest[2]) || rest[3] != ' ')
        return "does not begin with a reply code; " + std::string(form);
    if (rest[0] != '4' && rest[0] != '5')
        return "has a reply code that is not of class 4 (try again) or 5 (for good); " + std::string(form);
    rest.remove_prefix(4);
    const char enhanced_class = rest.empty() ? '\0' : rest.front();
    if (!skip_enhanced_code(rest)) return "has no enhanced code after the reply code; " + std::string(form);
    if (enhanced_class != text[0])
        return "the classes of reply code and enhanced code differ: write " + std::string(1, text[0]) + ".x.x after " +
               std::string(text.substr(0, 3));
    if (rest.find_first_not_of(' ') == std::string_view::npos) return "has no text; " + std::string(form);
    if (auto fault = check_reply_lines(rest)) return fault;
    return check_placeholders(rest);
}

std::optional<std::string> check_path(std::string_view text) {
    if (text.front() != '/') return printable(text) + " is not an absolute path; begin it with /";
    if (text.size() > 1000) return "the path is longer than 1000 bytes";
    return std::nullopt;
}

std::optional<std::string> check_name(std::string_view text) {
    if (text.find_first_of(" :/") != std::string_view::npos)
        return printable(text) + " is not the name of a user or group";
    return std::nullopt;
}

std::optional<std::string> check_socket(std::string_view text) {
    const auto address = parse_address(text);
    if (!address) return address.error().reason;
    if (!std::holds_alternative<UnixAddress>(*address))
        return printable(text) + " is not a unix socket; write \"unix:/path\"";
    return std::nullopt;
}

} // namespace

std::optional<std::string> check_text(Kind kind, std::string_view text) {
    if (kind != Kind::reply && std::any_of(text.begin(), text.end(), is_control))
        return printable(text) + " holds a control character; remove it";
    switch (kind) {
        case Kind::path:
            return check_path(text);
        case Kind::name:
            return check_name(text);
        case Kind::reply:
            return check_reply(text);
        case Kind::socket:
            return check_socket(text);
        case Kind::sockets:
            return reason_of(parse_address(text));
        case Kind::networks:
            return reason_of(parse_network(text));
        case Kind::clients:
            return reason_of(parse_client(text));
        case Kind::patterns:
            return reason_of(parse_pattern(text));
        case Kind::globs:
            return reason_of(check_name_glob(text));
        case Kind::header:
            return reason_of(parse_header_field(text));
        case Kind::words:
            if (text.empty() || !std::all_of(text.begin(), text.end(), is_word))
                return printable(text) + " is not a plain word of letters, digits, - and _";
            return std::nullopt;
        case Kind::boolean:
        case Kind::count:
        case Kind::ratio:
        case Kind::size:
        case Kind::duration:
        case Kind::mode:
        case Kind::choice:
            return std::nullopt;
    }
    return std::nullopt;
}

std::string toml_string(std::string_view text) {
    std::string result = "\"";
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (is_control(c)) {
            result += "\\u00";
            append_hex(result, static_cast<unsigned char>(c));
        } else if (const std::uint32_t mark = hidden_mark(text.substr(at)); mark != 0) {
            result += "\\u";
            append_hex(result, static_cast<unsigned char>(mark >> 8U));
            append_hex(result, static_cast<unsigned char>(mark & 0xffU));
            at += mark < 0x800 ? 1 : 2;
        } else {
            result += c;
        }
    }
    return result + "\"";
}

std::string shown_key(std::string_view key) {
    const bool bare = !key.empty() && key.size() <= 80 && std::all_of(key.begin(), key.end(), is_word);
    return bare ? std::string(key) : printable(key);
}

std::string printable(std::string_view text) {
    constexpr std::size_t longest = 80;
    if (text.size() <= longest) return toml_string(text);
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end; // not inside a character
    return toml_string(text.substr(0, end)) + "…";
}

} // namespace evermilter::config
