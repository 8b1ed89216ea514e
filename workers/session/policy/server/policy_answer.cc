#include "workers/session/policy/server/policy_answer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "config/text_check.h"
#include "workers/common/base/trimmed.h"

namespace evermilter::session {
namespace {

constexpr std::string_view kBlanks = " \t\r";

std::string_view take_word(std::string_view& text) {
    text = trimmed(text, kBlanks);
    const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    text = trimmed(text.substr(word.size()), kBlanks);
    return word;
}

bool is_code(std::string_view word) {
    return word.size() == 3 && (word[0] == '4' || word[0] == '5') &&
           std::isdigit(static_cast<unsigned char>(word[1])) && std::isdigit(static_cast<unsigned char>(word[2]));
}

// A reply line with this code, and the enhanced code that the text begins with, or that of the action.
PolicyAnswer reply(PolicyAnswer::Kind kind, std::string_view code, std::string_view usual, std::string_view otherwise,
                   std::string_view text) {
    PolicyAnswer answer;
    answer.kind = kind;
    answer.reply.code = code;
    std::string_view rest = text;
    if (const std::string_view word = take_word(rest); is_enhanced_code(word) && word[0] == code[0]) {
        answer.reply.xcode = word;
        text = rest;
    } else {
        answer.reply.xcode = usual;
    }
    const std::size_t taken = code.size() + answer.reply.xcode.size() + 4; // with blanks and CR LF
    answer.reply.text = escape_reply_text(text.empty() ? otherwise : text, kReplyLine - taken);
    return answer;
}

} // namespace

std::size_t end_of_answer(std::string_view bytes) noexcept {
    for (std::size_t line = 0;;) {
        const std::size_t end = bytes.find('\n', line);
        if (end == std::string_view::npos) return 0;
        const std::string_view text = bytes.substr(line, end - line);
        if (text.empty() || text == "\r") return end + 1;
        line = end + 1;
    }
}

Result<PolicyAnswer> parse_policy_answer(std::string_view text) {
    std::string_view action;
    bool found = false;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        constexpr std::string_view name = "action=";
        if (!line.starts_with(name)) continue; // other attributes are for later versions of the protocol
        if (found) return Error{0, "two actions in one answer"};
        found = true;
        action = trimmed(line.substr(name.size()), kBlanks);
    }
    if (!found) return Error{0, "no \"action=\" in the answer " + config::printable(text.substr(0, 100))};

    std::string_view rest = action;
    const std::string_view word = take_word(rest);
    std::string upper(word);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    if (is_code(word)) {
        const bool permanent = word[0] == '5';
        return reply(permanent ? PolicyAnswer::Kind::refuse : PolicyAnswer::Kind::defer, word,
                     permanent ? "5.7.1" : "4.7.1", permanent ? "refused" : "try again later", rest);
    }
    if (upper == "DUNNO" || upper == "OK" || upper == "PERMIT") return PolicyAnswer{};
    if (upper == "INFO" || upper == "WARN") return PolicyAnswer{PolicyAnswer::Kind::go_on, {}, std::string(rest)};
    if (upper == "REJECT") return reply(PolicyAnswer::Kind::refuse, "554", "5.7.1", "recipient refused", rest);
    if (upper == "DEFER" || upper == "DEFER_IF_PERMIT" || upper == "DEFER_IF_REJECT")
        return reply(PolicyAnswer::Kind::defer, "450", "4.7.1", "try again later", rest);
    return Error{0, "action " + config::printable(word.substr(0, 100)) + " cannot be done to one recipient"};
}

} // namespace evermilter::session
