// libmilter, its clients and the kernel as the dispatcher sees them, without threads, sockets and time: a client's
// bytes are numbers, a thread of the pool is a state, the clock is set by the test.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "workers/session/libmilter/dispatcher.h"

namespace evermilter::session::libmilter {

class FakeSockets final : public Sockets {
  public:
    struct Socket {
        std::size_t packet = 0;    // bytes of the packet that its client sends; 0: it has not begun one
        std::size_t available = 0; // of these, in the buffer
        bool hung_up = false;
        bool shut_down = false;
        bool only_headers = false; // what holds_only() says
        std::optional<Watch> watched;
        bool edge = false; // epoll has something to report
    };

    [[nodiscard]] Socket& at(int descriptor) { return sockets_.at(descriptor); }
    [[nodiscard]] bool has(int descriptor) const { return sockets_.contains(descriptor); }
    void open(int descriptor) { sockets_[descriptor] = {}; }
    void close(int descriptor) { sockets_.erase(descriptor); }
    void refuse_watches(bool refuse) { refuse_ = refuse; }

    // The client sends up to `bytes` of a packet of `packet` bytes.
    void send(int descriptor, std::size_t packet, std::size_t bytes);
    void hang_up(int descriptor);
    [[nodiscard]] bool is_ready(int descriptor) const {
        const Socket& socket = sockets_.at(descriptor);
        return socket.available > 0 || socket.hung_up;
    }
    // Descriptors that the epoll of `how` reports, each edge once.
    [[nodiscard]] std::vector<int> reports(Watch how);

    [[nodiscard]] PacketLook look(int descriptor) override;
    [[nodiscard]] bool holds_only(int descriptor, char command) override;
    [[nodiscard]] bool watch(int descriptor, Watch how) override;
    void unwatch(int descriptor, Watch how) override;
    void shut_down(int descriptor) override;

    int wrong_watches = 0; // watched twice in one way, or not watched and no longer to be

  private:
    std::map<int, Socket> sockets_;
    std::set<std::pair<int, Watch>> watches_;
    bool refuse_ = false;
};

class FakeLibrary {
  public:
    using Time = Dispatcher::Time;

    FakeSockets sockets;
    Dispatcher dispatcher{sockets};
    Time now{std::chrono::hours(1)};

    // What went wrong, in words; empty: nothing.
    std::vector<std::string> wrong;
    std::map<int, int> ended; // how often each connection was closed

    // The listener, where nothing is on its way: a new connection goes to a thread.
    bool accept(int descriptor);
    // One turn of the controller: lists, reports, ticks, names.
    void controller_turns();
    // A thread takes what is on its way.
    void thread_takes();
    // None does, for kTicksToPickUp: the session is closed.
    void no_thread_takes();
    // The thread that has this one goes on: reads what is there, waits for the rest, or gives it back.
    void thread_goes_on(int descriptor);

    [[nodiscard]] bool is_waiting(int descriptor) const { return waiting_.contains(descriptor); }
    [[nodiscard]] bool has_thread(int descriptor) const { return threads_.contains(descriptor); }
    [[nodiscard]] bool packet_is_open(int descriptor) const { return open_.contains(descriptor); }
    [[nodiscard]] ConnectionState state(int descriptor) { return dispatcher.find(descriptor)->state; }

  private:
    void hear(int descriptor, PacketNotice notice);
    void name(const std::vector<int>& ready);
    void close(int descriptor);
    void check_faults();

    std::set<int> waiting_;    // in the controller's list
    std::set<int> threads_;    // with a thread
    std::optional<int> taken_; // reported to libmilter, or returned by accept()
    std::set<int> open_;       // sessions that have heard of a begun packet
    Time last_tick_{};
    Time last_seldom_{};
    std::size_t start_ = 0;
};

} // namespace evermilter::session::libmilter
