#include "supervisor/state.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <ctime>

namespace evermilter::supervisor {
namespace {

template <class List, class Predicate>
auto* find_in(List& list, Predicate matches) {
    const auto found = std::find_if(list.begin(), list.end(), matches);
    return found == list.end() ? nullptr : &*found;
}

} // namespace

const char* name(ServiceState state) noexcept {
    constexpr std::array<const char*, 5> names = {"starting", "ready", "reloading", "stopping", "degraded"};
    return names[static_cast<std::size_t>(state)];
}

SessionWorker* State::find_session_worker(std::uint64_t child_id) {
    return find_in(session_workers, [&](const SessionWorker& worker) { return worker.child.id == child_id; });
}

Generation* State::find_generation(std::uint64_t id) {
    return find_in(generations, [&](const Generation& generation) { return generation.id == id; });
}

Generation* State::find_generation_of_loader(std::uint64_t child_id) {
    return find_in(generations, [&](const Generation& generation) { return generation.loader.id == child_id; });
}

Generation* State::find_generation_of_standby(std::uint64_t child_id) {
    return find_in(generations, [&](const Generation& generation) { return generation.standby.id == child_id; });
}

const Generation* State::active_generation() const {
    return find_in(generations, [&](const Generation& generation) { return generation.id == current_generation; });
}

bool State::has_scanner(pid_t pid) const {
    return std::any_of(generations.begin(), generations.end(), [pid](const Generation& one) {
        return std::any_of(one.scanners.begin(), one.scanners.end(),
                           [pid](const ScannerProcess& scanner) { return scanner.pid == pid; });
    });
}

namespace {

std::string standby_reason(const State& state) {
    const Generation* active = state.active_generation();
    if (active == nullptr || active->standby_history.error.empty()) return {};
    return "the loader of generation " + std::to_string(active->id) +
           " has no standby: " + active->standby_history.error;
}

std::string stale_reason(const State& state) {
    if (!state.stale || !state.no_signatures.empty()) return {}; // which says the same
    std::array<char, 32> text{};
    std::tm utc{};
    const std::time_t since = state.stale->since;
    const std::size_t length = ::gmtime_r(&since, &utc) == nullptr
                                   ? 0
                                   : std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &utc);
    return "signatures are stale since " + std::string(text.data(), length) + ": " + state.stale->reason;
}

std::string broken_reason(const State& state) {
    const Generation* active = state.active_generation();
    std::string text;
    if (active == nullptr) return text;
    for (const std::string& one : active->broken) text += (text.empty() ? "broken database: " : "; ") + one;
    return text;
}

std::string books_reason(const State& state) {
    const Generation* active = state.active_generation();
    std::string reason = state.books_reason;
    if (active != nullptr && !active->books.empty()) reason += (reason.empty() ? "" : "; ") + active->books;
    return reason.empty() ? reason : "books are not kept: " + reason;
}

std::string scanners_reason(const State& state) {
    const Generation* active = state.active_generation();
    if (active == nullptr) return {};
    const std::string scanners = "scanners of generation " + std::to_string(active->id);
    if (!active->trouble.missing.empty()) return scanners + " cannot be replaced: " + active->trouble.missing;
    if (!active->trouble.idle.empty()) return scanners + " take no messages: " + active->trouble.idle;
    if (!active->trouble.dying.empty()) return scanners + " die one after another: " + active->trouble.dying;
    return {};
}

} // namespace

std::string reason_of(const State& state) {
    std::string all;
    const std::string stale = stale_reason(state);
    const std::string books = books_reason(state);
    const std::string broken = broken_reason(state);
    const std::string standby = standby_reason(state);
    const std::string scanners = scanners_reason(state);
    for (const std::string* one : {&state.waits_for, &state.no_signatures, &state.degraded_reason,
                                   &state.workers_reason, &standby, &scanners, &stale, &broken, &books}) {
        if (!one->empty()) all += (all.empty() ? "" : "; ") + *one;
    }
    for (const auto& [what, reason] : state.troubles) all += (all.empty() ? "" : "; ") + reason;
    return all;
}

} // namespace evermilter::supervisor
