#include "workers/common/ipc/loop_channel.h"

#include <poll.h>

#include <chrono>
#include <ctime>

#include "workers/common/shared/graces.h"

namespace evermilter {
namespace {

// Packets that are read in one turn of the loop, so that nothing else on it is kept waiting.
constexpr int kPacketsPerTurn = 64;
// How long the last words may take.
constexpr timespec kLastWords{std::chrono::duration_cast<std::chrono::seconds>(graces::kLastWords).count(), 0};

} // namespace

PacketLoopChannel::PacketLoopChannel(Loop* loop, PacketChannel channel, Handlers handlers)
    : channel_(std::move(channel)), handlers_(std::move(handlers)), io_(loop, [this](int events) { ready(events); }) {}

void PacketLoopChannel::start() {
    started_ = true;
    watch();
}

void PacketLoopChannel::ready(int events) {
    if ((events & EV_WRITE) != 0) flush();
    if ((events & EV_READ) != 0) read();
}

void PacketLoopChannel::read() {
    for (int count = 0; count < kPacketsPerTurn && channel_.open(); ++count) {
        auto received = receive_packet(channel_.fd());
        if (received && received->kind == ReceivedKind::would_block) return;
        if (received && received->kind == ReceivedKind::end) return end(nullptr);
        auto taken = received ? handlers_.packet(std::move(received->message)) : Result<void>(received.error());
        if (taken) continue;
        if (!handlers_.unreadable(taken.error()) && channel_.open()) end(nullptr);
        return;
    }
}

void PacketLoopChannel::flush() {
    if (!channel_.open()) return;
    if (auto flushed = channel_.flush(); !flushed) return end(&flushed.error());
    watch();
    if (!channel_.wants_write() && handlers_.flushed) handlers_.flushed();
}

void PacketLoopChannel::send_packet(Result<codec::Packet> packet) {
    if (!channel_.open()) return;
    auto sent = packet ? channel_.send_packet(std::move(*packet)) : Result<void>(packet.error());
    if (!sent) return end(&sent.error());
    watch();
}

void PacketLoopChannel::watch() {
    if (started_ && channel_.open()) io_.start(channel_.fd(), channel_.wants_write() ? EV_READ | EV_WRITE : EV_READ);
}

void PacketLoopChannel::finish() {
    io_.stop();
    while (channel_.open() && channel_.wants_write()) {
        pollfd writable{channel_.fd(), POLLOUT, 0};
        // ppoll(2), because the session workers' program defines poll() (workers/session/libmilter/interpose.h).
        if (::ppoll(&writable, 1, &kLastWords, nullptr) <= 0 || !channel_.flush()) break;
    }
    channel_.close();
}

void PacketLoopChannel::end(const Error* error) {
    io_.stop();
    channel_.close();
    handlers_.ended(error);
}

} // namespace evermilter
