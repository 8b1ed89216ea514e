#include "workers/session/policy/reply_template.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace evermilter::session {
namespace {

constexpr std::string_view kNames = "{virus}, {queue_id}, {generation}, {limit}";

bool digit(char byte) {
    return byte >= '0' && byte <= '9';
}

// The next word, without the blanks before it.
std::string_view take_word(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

// What {name} stands for; nullopt-like: false where there is no such name.
bool place_value(std::string_view name, const ReplyFacts& facts, std::string& value) {
    if (name == "virus") {
        value = facts.virus;
    } else if (name == "queue_id") {
        value = facts.queue_id;
    } else if (name == "generation") {
        value = std::to_string(facts.generation);
    } else if (name == "limit") {
        value = std::to_string(facts.limit);
    } else {
        return false;
    }
    return true;
}

// `text` with values in the place of {names}, which parse() has found right.
std::string filled(std::string_view text, const ReplyFacts& facts) {
    std::string whole;
    while (!text.empty()) {
        const std::size_t open = text.find('{');
        whole += text.substr(0, open);
        if (open == std::string_view::npos) break;
        const std::size_t close = text.find('}', open);
        std::string value;
        (void)place_value(text.substr(open + 1, close - open - 1), facts, value);
        whole += value;
        text.remove_prefix(close + 1);
    }
    return whole;
}

} // namespace

bool is_enhanced_code(std::string_view text) noexcept {
    if (text.size() < 5 || (text[0] != '4' && text[0] != '5') || text[1] != '.') return false;
    text.remove_prefix(2);
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return false;
    const auto number = [](std::string_view part) {
        return !part.empty() && part.size() <= 3 && std::all_of(part.begin(), part.end(), digit);
    };
    return number(text.substr(0, dot)) && number(text.substr(dot + 1));
}

std::string escape_reply_text(std::string_view text, std::size_t room) {
    std::string escaped;
    std::size_t characters = 0;
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        if ((value & 0xC0U) == 0x80U) continue; // the rest of a character whose first byte became '?'
        const std::string_view form = byte == '%'                  ? "%%"
                                      : (byte < ' ' || byte > '~') ? "?"
                                                                   : std::string_view(&byte, 1);
        if (characters == room || escaped.size() + form.size() > kSetreplyText) break;
        escaped += form;
        ++characters;
    }
    return escaped;
}

Result<ReplyTemplate> ReplyTemplate::parse(std::string_view text) {
    ReplyTemplate parsed;
    const std::string_view code = take_word(text);
    if (code.size() != 3 || (code[0] != '4' && code[0] != '5') || !digit(code[1]) || !digit(code[2]))
        return Error{0, "a reply begins with its code, 4xx or 5xx, as in \"550 5.7.1 virus found: {virus}\""};
    parsed.code_ = code;

    std::string_view rest = text;
    if (const std::string_view word = take_word(rest); is_enhanced_code(word)) {
        if (word[0] != code[0])
            return Error{0, "enhanced status code " + std::string(word) + " is of another class than reply code " +
                                parsed.code_};
        parsed.xcode_ = word;
        text = rest;
    }
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    if (text.empty()) return Error{0, "a reply needs a text after its codes"};
    parsed.text_ = text;
    if (std::count(text.begin(), text.end(), '\n') >= static_cast<std::ptrdiff_t>(kReplyLines))
        return Error{0, "a reply has at most " + std::to_string(kReplyLines) + " lines"};

    std::string ignored;
    for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
        const std::size_t close = text.find('}', open);
        const std::string_view name = text.substr(open + 1, close == std::string_view::npos ? close : close - open - 1);
        if (close == std::string_view::npos || !place_value(name, {}, ignored))
            return Error{0, "unknown {" + std::string(name) + "}: known are " + std::string(kNames)};
    }
    return parsed;
}

Reply ReplyTemplate::fill(const ReplyFacts& facts) const {
    // Blanks between the parts, and CR LF.
    const std::size_t taken = code_.size() + 1 + (xcode_.empty() ? 0 : xcode_.size() + 1) + 2;
    std::string text;
    // Line by line, so that nothing that is filled in makes one.
    for (std::string_view rest = text_;;) {
        const std::size_t end = rest.find('\n');
        text += escape_reply_text(filled(rest.substr(0, end), facts), kReplyLine - taken);
        if (end == std::string_view::npos) break;
        text += '\n';
        rest.remove_prefix(end + 1);
    }
    return {code_, xcode_, std::move(text)};
}

Reply ReplyTemplate::fill_as(char reply_class, const ReplyFacts& facts) const {
    if (code_[0] == reply_class) return fill(facts);
    ReplyTemplate other = *this;
    other.code_ = reply_class == '4' ? "451" : "550";
    if (!other.xcode_.empty()) other.xcode_[0] = reply_class;
    return other.fill(facts);
}

} // namespace evermilter::session
