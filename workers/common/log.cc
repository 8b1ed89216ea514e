#include "workers/common/log.h"

#include <paths.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>

#include "workers/common/standard_error.h"
#include "workers/common/syslog_socket.h"

namespace evermilter::log {
namespace {

// How long a worker waits for a log that does not take its line, so that none is lost in a burst.
constexpr std::chrono::milliseconds kPatience{100};
// Of a line, for its newline and cut= with the first keys.
constexpr std::size_t kRoomForCut = 128;
// However many fields there are, no value is cut to less.
constexpr std::size_t kShortestCut = 32;

struct State {
    std::atomic<const char*> role{"evermilter"};
    std::atomic<bool> waits{false};
    std::atomic<std::uint64_t> lost{0};       // lines, since one got through
    std::atomic<std::uint64_t> lost_total{0}; // of this process
    std::atomic<std::atomic<std::uint64_t>*> shared_total{nullptr};
    SyslogSocket syslog{_PATH_LOG};
    std::atomic<config::LogTarget> target{config::LogTarget::stderr_};
    std::atomic<LogLevel> level{LogLevel::info};
};
State g_state;

int priority(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return LOG_ERR;
        case LogLevel::warning:
            return LOG_WARNING;
        case LogLevel::info:
            return LOG_INFO;
        case LogLevel::debug:
            return LOG_DEBUG;
    }
    return LOG_ERR;
}

// The length of a well-formed UTF-8 sequence of two to four bytes at the start of `text`, else 0 (RFC 3629); 0 too for
// controls and for what makes a line look like another.
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

std::string escape(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (std::size_t i = 0; i < value.size();) {
        const char c = value[i];
        const auto byte = static_cast<unsigned char>(c);
        if (const std::size_t length = byte >= 0x80 ? utf8_length(value.substr(i)) : 0; length > 0) {
            text.append(value.substr(i, length));
            i += length;
            continue;
        }
        ++i;
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
                    constexpr std::string_view digits = "0123456789abcdef";
                    text += "\\x";
                    text += digits[byte >> 4U];
                    text += digits[byte & 0xfU];
                }
        }
    }
    return text;
}

bool put(LogLevel level, const std::string& line, std::chrono::milliseconds patience) {
    return g_state.target.load() == config::LogTarget::syslog
               ? g_state.syslog.send(LOG_MAIL | priority(level), line, patience)
               : write_standard_error(line + "\n", patience);
}

std::string head(std::string_view event) {
    std::string line = "event=";
    line += event;
    line += " role=";
    line += g_state.role.load();
    line += " pid=";
    line += std::to_string(::getpid());
    return line;
}

// A log that takes nothing costs lines, not mail: they are counted, and the number is logged when one gets through.
// Nobody waits for it again before that.
void emit(LogLevel level, const std::string& line) {
    const bool waits = g_state.waits.load() && g_state.lost.load() == 0;
    if (!put(level, line, waits ? kPatience : std::chrono::milliseconds::zero())) {
        ++g_state.lost;
        ++g_state.lost_total;
        if (auto* const shared = g_state.shared_total.load()) ++*shared;
    } else if (const std::uint64_t lost = g_state.lost.exchange(0); lost > 0) {
        const std::string report = head("log-lines-lost") + " lines=" + std::to_string(lost);
        if (!put(LogLevel::warning, report, std::chrono::milliseconds::zero())) g_state.lost += lost;
    }
}

// What of `value` has room when it is escaped; all of it, if possible.
std::string fit(std::string_view value, std::size_t room) {
    value = value.substr(0, room);
    std::string text = escape_value(value);
    while (text.size() > room && !value.empty()) {
        value.remove_suffix(std::max<std::size_t>((text.size() - room) / 4, 1)); // a byte takes up to four
        text = escape_value(value);
    }
    return text;
}

} // namespace

void open(const char* role, config::LogTarget target, LogLevel level) {
    g_state.role.store(role);
    g_state.target.store(target);
    g_state.level.store(level);
    g_state.waits.store(std::string_view(role) != "supervisor");
    if (target != config::LogTarget::syslog) return;
    ::openlog("evermilter", LOG_PID, LOG_MAIL); // for what libmilter says by itself
    static_cast<void>(g_state.syslog.open());
}

void leave() {
    ::closelog();
    g_state.syslog.close();
    g_state.lost.store(0);
    g_state.lost_total.store(0);
}

void count_lost_in(std::atomic<std::uint64_t>& total) {
    total += g_state.lost_total.load();
    g_state.shared_total.store(&total);
}

std::uint64_t lines_lost() {
    return g_state.lost_total.load();
}

void reopen() {
    if (g_state.target.load() != config::LogTarget::syslog) return;
    ::closelog();
    static_cast<void>(g_state.syslog.open());
}

void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > g_state.level.load()) return;
    std::string line = head(event);
    // The longest values are cut first, and more of each where that is not enough: each field keeps a place.
    std::size_t longest = kLongestValue;
    const auto size_of = [&](const Field& field) {
        return field.key.size() + 2 + std::min(escape_value(field.value).size(), longest);
    };
    const auto size = [&] {
        std::size_t sum = line.size() + kRoomForCut;
        for (const Field& field : fields) sum += field.value.empty() ? 0 : size_of(field);
        return sum;
    };
    while (longest > kShortestCut && size() > kLongestLine) longest /= 2;
    std::string cut;
    for (const Field& field : fields) {
        if (field.value.empty()) continue;
        std::string text = escape_value(field.value);
        if (text.size() > longest) {
            text = fit(field.value, longest);
            if (cut.size() + field.key.size() + 8 < kRoomForCut) cut.append(cut.empty() ? "" : ",").append(field.key);
        }
        if (line.size() + field.key.size() + 2 + text.size() + kRoomForCut > kLongestLine) break;
        line += ' ';
        line += field.key;
        line += '=';
        line += text;
    }
    if (!cut.empty()) line += " cut=" + cut;
    emit(level, line);
}

void write_text(LogLevel level, std::string_view text) {
    if (level > g_state.level.load()) return;
    std::string line = escape(text);
    if (line.size() >= kLongestLine) line.resize(kLongestLine - 1);
    emit(level, line);
}

std::string escape_value(std::string_view value) {
    std::string text = escape(value);
    const bool bare = text.size() == value.size() && text.find_first_of(" =\"") == std::string::npos && !text.empty();
    return bare ? text : '"' + text + '"';
}

} // namespace evermilter::log
