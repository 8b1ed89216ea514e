#include "workers/scanner/supervisor_link.h"

#include <poll.h>

#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"

namespace evermilter::scanner {
namespace {

constexpr int kFlushMs = static_cast<int>(graces::kLastWords.count());

} // namespace

SupervisorLink::SupervisorLink(ev::loop_ref loop, unique_fd channel, Handlers handlers)
    : channel_(std::move(channel)), handlers_(std::move(handlers)) {
    read_.set(loop);
    read_.set<SupervisorLink, &SupervisorLink::readable>(this);
    write_.set(loop);
    write_.set<SupervisorLink, &SupervisorLink::writable>(this);
    read_.start(channel_.fd(), ev::READ);
}

void SupervisorLink::readable(ev::io&, int) {
    while (channel_.open() && !finished_) {
        auto received = channel_.receive();
        if (!received) {
            log::error("channel-broken", {{"error", received.error().what}});
            return end();
        }
        if (received->kind == ReceivedKind::would_block) return;
        if (received->kind == ReceivedKind::end) return end();
        handlers_.message(std::move(received->message));
    }
}

void SupervisorLink::writable(ev::io&, int) {
    if (!channel_.flush()) return end();
    if (!channel_.wants_write()) write_.stop();
}

void SupervisorLink::send(messages::FromLoader message) {
    if (!channel_.open()) return;
    if (!channel_.send(std::move(message))) return end();
    if (channel_.wants_write() && !write_.is_active()) write_.start(channel_.fd(), ev::WRITE);
}

void SupervisorLink::finish() {
    finished_ = true;
    read_.stop();
    write_.stop();
    while (channel_.open() && channel_.wants_write()) {
        pollfd writable{channel_.fd(), POLLOUT, 0};
        if (::poll(&writable, 1, kFlushMs) <= 0 || !channel_.flush()) break;
    }
    channel_.close();
}

void SupervisorLink::end() {
    read_.stop();
    write_.stop();
    channel_.close();
    if (!finished_) handlers_.ended();
}

} // namespace evermilter::scanner
