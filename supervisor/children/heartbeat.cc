#include "supervisor/children/heartbeat.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "supervisor/children/roles.h"
#include "workers/common/shared/graces.h"

namespace evermilter::supervisor {
namespace {

constexpr std::uint32_t kMissed = 3;      // pings without an answer
constexpr std::uint32_t kEndOfKilled = 2; // beats within which SIGKILL must have had its effect

} // namespace

Heartbeat::Heartbeat(Loop* loop, Children& children, const Settings& settings)
    : children_(children), settings_(settings), timer_(loop, [this] { beat(); }) {}

void Heartbeat::start() {
    timer_.start(settings_.config.process.ping_timeout / kMissed);
}

void Heartbeat::beat() {
    ++serial_;
    healthy_ = true;
    for (const std::uint64_t id : children_.ids()) {
        Child* child = children_.find(id);
        if (child != nullptr && !attend(*child)) healthy_ = false;
    }
    start();
}

bool Heartbeat::is_ready_too_late(const Child& child) const {
    if (!row_of(child.role).ready_in_time || child.was_ready) return false;
    const std::chrono::nanoseconds silence = settings_.config.process.ping_timeout;
    return child.beats * (silence / kMissed) > std::max<std::chrono::nanoseconds>(silence, graces::kStart);
}

bool Heartbeat::attend(Child& child) {
    if (!child.kill_reason.empty()) return ++child.unanswered <= kMissed + kEndOfKilled;
    ++child.beats;
    if (is_ready_too_late(child)) {
        children_.kill(child, "it answers, but was not ready in time");
        return true;
    }
    if (child.unanswered < kMissed) {
        children_.ping(child, serial_);
        return true;
    }
    // An answer may have come in this very turn of the loop.
    static_cast<void>(children_.hear(child));
    if (child.unanswered >= kMissed) children_.kill(child, "it did not answer within process.ping_timeout");
    return true;
}

} // namespace evermilter::supervisor
