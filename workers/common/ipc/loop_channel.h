// A channel on a loop: what comes is handed on in order, what goes out is sent or kept until there is room, and the end
// of the channel is told once. One thread: the loop's.
#pragma once

#include <functional>
#include <utility>

#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/channel.h"

namespace evermilter {

// Of no direction; LoopChannel is.
class PacketLoopChannel {
  public:
    struct Handlers {
        // An Error: the packet is no message.
        std::function<Result<void>(RawPacket&&)> packet;
        // Something that could not be received, or is no message. True: the channel goes on.
        std::function<bool(const Error& error)> unreadable;
        // The other side has closed its end, or died; or nothing can be sent to it: `error`, else nullptr. The channel
        // is closed before.
        std::function<void(const Error* error)> ended;
        // Everything that was kept is sent. May be empty.
        std::function<void()> flushed;
    };

    // The loop must outlive this. Nothing is read before start().
    PacketLoopChannel(Loop* loop, PacketChannel channel, Handlers handlers);

    void start();
    [[nodiscard]] bool open() const noexcept { return channel_.open(); }
    [[nodiscard]] bool wants_write() const noexcept { return channel_.wants_write(); }
    // Sends now or when there is room. To a closed channel: nothing. May tell the end before it returns.
    void send_packet(Result<codec::Packet> packet);
    // Nothing more is read; what was kept is sent, for at most two seconds; closed. The end is not told.
    void finish();

  private:
    void ready(int events);
    void read();
    void flush();
    void watch();
    void end(const Error* error);

    PacketChannel channel_;
    Handlers handlers_;
    bool started_ = false;
    IoWatcher io_;
};

template <class Receives, class Sends>
class LoopChannel {
  public:
    struct Handlers {
        std::function<void(Receives)> message;
        // As those of PacketLoopChannel.
        std::function<bool(const Error& error)> unreadable;
        std::function<void(const Error* error)> ended;
        std::function<void()> flushed = {};
    };

    LoopChannel(Loop* loop, PacketChannel channel, Handlers handlers)
        : message_(std::move(handlers.message)),
          packets_(loop, std::move(channel),
                   {[this](RawPacket&& packet) { return take(std::move(packet)); }, std::move(handlers.unreadable),
                    std::move(handlers.ended), std::move(handlers.flushed)}) {}
    LoopChannel(const LoopChannel&) = delete;
    LoopChannel& operator=(const LoopChannel&) = delete;
    LoopChannel(LoopChannel&&) = delete;
    LoopChannel& operator=(LoopChannel&&) = delete;
    ~LoopChannel() = default;

    void start() { packets_.start(); }
    [[nodiscard]] bool open() const noexcept { return packets_.open(); }
    [[nodiscard]] bool wants_write() const noexcept { return packets_.wants_write(); }
    void send(Sends message) { packets_.send_packet(codec::encode<Sends>(std::move(message))); }
    void finish() { packets_.finish(); }

  private:
    Result<void> take(RawPacket&& packet) {
        auto message = codec::decode<Receives>(packet.bytes, std::move(packet.descriptors));
        if (!message) return std::move(message).error();
        message_(std::move(*message));
        return {};
    }

    std::function<void(Receives)> message_;
    PacketLoopChannel packets_;
};

} // namespace evermilter
