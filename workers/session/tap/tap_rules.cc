#include "workers/session/tap/tap_rules.h"

#include <utility>

#include "config/list_file.h"
#include "config/text_check.h"

namespace evermilter::session {

std::optional<std::string> TapRules::add(std::string_view line) {
    constexpr std::string_view blanks = " \t";
    const std::size_t end = line.find_first_of(blanks);
    const std::size_t begin = end == std::string_view::npos ? end : line.find_first_not_of(blanks, end);
    const std::string_view word = line.substr(0, end);
    const std::string_view what = begin == std::string_view::npos ? std::string_view() : line.substr(begin);
    const auto take_pattern = [&](config::PatternSet& set) -> std::optional<std::string> {
        const auto pattern = config::parse_pattern(what);
        if (!pattern) return pattern.error().reason;
        set.add(*pattern);
        return std::nullopt;
    };
    std::optional<std::string> fault;
    if (word == "sender") {
        fault = take_pattern(senders_);
    } else if (word == "recipient") {
        fault = take_pattern(recipients_);
    } else if (word == "client") {
        if (auto client = config::parse_client(what))
            clients_.add(std::move(*client));
        else
            fault = client.error().reason;
    } else {
        fault = config::printable(word) + " is not \"sender\", \"recipient\" or \"client\"";
    }
    if (!fault) ++lines_;
    return fault;
}

void TapRules::seal() {
    senders_.seal();
    recipients_.seal();
    clients_.seal();
}

bool TapRules::fits_client(const Client& client) const {
    if (client.address && clients_.has_address(*client.address)) return true;
    return !client.name.empty() && clients_.has_name(client.name);
}

Result<TapRules, std::string> read_tap_rules(const std::string& path) {
    TapRules rules;
    if (auto fault = config::read_list_file(path, [&](std::string_view line) { return rules.add(line); }))
        return std::move(*fault);
    rules.seal();
    return rules;
}

} // namespace evermilter::session
