#include "workers/common/base/log.h"

#include <paths.h>
#include <syslog.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "workers/common/base/journal.h"
#include "workers/common/base/log_line.h"
#include "workers/common/base/standard_error.h"
#include "workers/common/base/syslog_socket.h"

namespace evermilter::log {
namespace {

// How long a worker waits for a log that does not take its line, so that none is lost in a burst.
constexpr std::chrono::milliseconds kPatience{100};

struct State {
    std::atomic<const char*> role{"evermilter"};
    std::atomic<bool> waits{false};
    std::atomic<std::uint64_t> lost{0};       // lines, since one got through
    std::atomic<std::uint64_t> lost_total{0}; // of this process
    std::atomic<std::atomic<std::uint64_t>*> shared_total{nullptr};
    SyslogSocket syslog{_PATH_LOG};
    std::atomic<Target> target{Target::stderr_};
    std::atomic<Level> level{Level::info};
    std::atomic<bool> journal{false}; // standard error is the journal
};
State g_state;

bool put(Level level, const std::string& line, std::chrono::milliseconds patience) {
    if (g_state.target.load() == Target::syslog) return g_state.syslog.send(LOG_MAIL | priority(level), line, patience);
    const std::string prefix = g_state.journal.load() ? '<' + std::to_string(priority(level)) + '>' : "";
    return write_standard_error(prefix + line + "\n", patience);
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
void emit(Level level, const std::string& line) {
    const bool waits = g_state.waits.load() && g_state.lost.load() == 0;
    if (!put(level, line, waits ? kPatience : std::chrono::milliseconds::zero())) {
        ++g_state.lost;
        ++g_state.lost_total;
        if (auto* const shared = g_state.shared_total.load()) ++*shared;
    } else if (const std::uint64_t lost = g_state.lost.exchange(0); lost > 0) {
        const std::string report = head("log-lines-lost") + " lines=" + std::to_string(lost);
        if (!put(Level::warning, report, std::chrono::milliseconds::zero())) g_state.lost += lost;
    }
}

} // namespace

void open(const char* role, Target target, Level level) {
    g_state.role.store(role);
    g_state.target.store(target);
    g_state.level.store(level);
    g_state.waits.store(std::string_view(role) != "supervisor");
    g_state.journal.store(standard_error_is_journal());
    if (target != Target::syslog) return;
    static_cast<void>(g_state.syslog.open());
}

void leave() {
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
    if (g_state.target.load() != Target::syslog) return;
    static_cast<void>(g_state.syslog.open());
}

void write(Level level, std::string_view event, std::initializer_list<Field> fields) {
    if (level > g_state.level.load()) return;
    emit(level, compose(head(event), {fields.begin(), fields.size()}));
}

void write_text(Level level, std::string_view text) {
    if (level <= g_state.level.load()) emit(level, escape(shortened(text, kLongestLine)));
}

} // namespace evermilter::log
