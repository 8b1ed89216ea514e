#include "supervisor/heartbeat.h"

#include <string>

namespace evermilter::supervisor {
namespace {

constexpr std::uint32_t kMissed = 3;      // pings without an answer
constexpr std::uint32_t kEndOfKilled = 2; // beats within which SIGKILL must have had its effect

} // namespace

Heartbeat::Heartbeat(Loop* loop, State& state, Children& children, const Settings& settings)
    : state_(state), children_(children), settings_(settings), timer_(loop, [this] { beat(); }) {}

void Heartbeat::start() {
    timer_.start(settings_.config.process.ping_timeout / kMissed);
}

void Heartbeat::beat() {
    ++serial_;
    healthy_ = true;
    for (const std::uint64_t id : children_.ids()) {
        Child* child = state_.find_child(id);
        if (child != nullptr && !attend(*child)) healthy_ = false;
    }
    start();
}

bool Heartbeat::attend(Child& child) {
    if (!child.kill_reason.empty()) return ++child.unanswered <= kMissed + kEndOfKilled;
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
