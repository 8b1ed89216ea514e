#include "workers/common/log.h"

#include <syslog.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>

namespace evermilter::log {
namespace {

struct State {
    std::atomic<const char*> role{"evermilter"};
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

void emit(LogLevel level, const std::string& line) {
    if (g_state.target.load() == config::LogTarget::syslog) {
        ::syslog(priority(level), "%s", line.c_str());
        return;
    }
    // One write(2) a line, so that lines of several processes do not mix.
    const std::string whole = line + "\n";
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, whole.data(), whole.size());
}

} // namespace

void open(const char* role, config::LogTarget target, LogLevel level) {
    g_state.role.store(role);
    g_state.target.store(target);
    g_state.level.store(level);
    if (target == config::LogTarget::syslog) ::openlog("evermilter", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void reopen() {
    if (g_state.target.load() != config::LogTarget::syslog) return;
    ::closelog();
    ::openlog("evermilter", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void write(LogLevel level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > g_state.level.load()) return;
    std::string line = "event=";
    line += event;
    line += " role=";
    line += g_state.role.load();
    line += " pid=";
    line += std::to_string(::getpid());
    for (const Field& field : fields) {
        if (field.value.empty()) continue;
        line += ' ';
        line += field.key;
        line += '=';
        line += escape_value(field.value);
    }
    emit(level, line);
}

void write_text(LogLevel level, std::string_view text) {
    if (level <= g_state.level.load()) emit(level, escape(text));
}

std::string escape_value(std::string_view value) {
    std::string text = escape(value);
    const bool bare = text.size() == value.size() && text.find_first_of(" =\"") == std::string::npos && !text.empty();
    return bare ? text : '"' + text + '"';
}

} // namespace evermilter::log
