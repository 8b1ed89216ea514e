// Cutting commands out of a stream.
#include "supervisor/status/command_reader.h"
#include "workers/common/base/trimmed.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace evermilter::supervisor {

namespace {

constexpr std::array<std::string_view, 5> kClamdWords = {"PING", "VERSION", "VERSIONCOMMANDS", "RELOAD", "STATS"};

bool is_capital(char character) {
    return character >= 'A' && character <= 'Z';
}

} // namespace

std::optional<CommandReader> take_command(std::string& input, bool ended) {
    for (;;) {
        if (input.empty()) return std::nullopt;
        const bool prefixed = (input[0] == 'n' || input[0] == 'z') && input.size() > 1 && is_capital(input[1]);
        const std::string_view ends = !prefixed         ? std::string_view("\n\0", 2)
                                      : input[0] == 'n' ? std::string_view("\n", 1)
                                                        : std::string_view("\0", 1);
        const std::size_t end = input.find_first_of(ends);
        const bool bare_word =
            end == std::string::npos && std::find(kClamdWords.begin(), kClamdWords.end(), input) != kClamdWords.end();
        if (end == std::string::npos && !bare_word && !ended) return std::nullopt;

        CommandReader line;
        line.prefixed = prefixed;
        if (prefixed && input[0] == 'z') line.terminator = '\0';
        const std::string_view whole = std::string_view(input).substr(0, end);
        line.text = trimmed(whole.substr(prefixed ? 1 : 0), " \t\r");
        line.clamd = prefixed || (!line.text.empty() && is_capital(line.text[0]));
        input.erase(0, end == std::string::npos ? end : end + 1);
        if (!line.text.empty()) return line;
    }
}

} // namespace evermilter::supervisor
