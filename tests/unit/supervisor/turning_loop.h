// A loop for tests of parts with real descriptors: turned until something has happened, with a bound that only a
// broken promise reaches.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/folder.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor::test {

class TurningLoop {
  public:
    [[nodiscard]] Loop* get() const { return loop_.get(); }

    template <class Condition>
    void until(const char* what, Condition condition) {
        bool late = false;
        TimerWatcher guard(get(), [&late] { late = true; });
        guard.start(std::chrono::seconds(60));
        while (!condition() && !late) ev_run(get(), EVRUN_ONCE);
        BOOST_REQUIRE_MESSAGE(!late, "never happened: " << what);
    }
    // Whatever can happen without waiting.
    void settle() const {
        for (int turn = 0; turn < 10; ++turn) ev_run(get(), EVRUN_NOWAIT);
    }
    [[nodiscard]] unsigned turns() const { return ev_iteration(get()); }

  private:
    LoopHandle loop_{ev_loop_new(EVFLAG_AUTO)};
};

using evermilter::test::Folder;

// Blocking; empty if it is refused.
inline unique_fd connect_unix(const std::string& path) {
    unique_fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) return {};
    return fd;
}

inline void send_text(int fd, std::string_view text) {
    BOOST_REQUIRE(::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

// True if the other side has closed it, be it with bytes of ours unread.
inline bool at_end(int fd) {
    char byte = 0;
    const ssize_t got = ::recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

// Appends all that is there. False: the other side has closed it.
inline bool drain(int fd, std::string& text) {
    std::array<char, 65536> bytes{};
    for (;;) {
        const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got > 0) {
            text.append(bytes.data(), static_cast<std::size_t>(got));
        } else {
            return got < 0 && errno == EAGAIN;
        }
    }
}

} // namespace evermilter::supervisor::test
