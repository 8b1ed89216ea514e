// Connections of the status socket: bytes in, commands, bytes out. A connection runs one command at a time: nothing is
// read from it until the peer has taken the answer.
#include "supervisor/status/status_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "supervisor/status/command_reader.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

class StatusSocket::Connection {
  public:
    Connection(StatusSocket& owner, std::uint64_t id, unique_fd fd, Peer peer)
        : owner_(owner),
          id_(id),
          peer_(std::move(peer)),
          fd_(std::move(fd)),
          ready_(owner.loop_, [this](int events) { on_ready(events); }),
          slow_(owner.loop_, [this] { owner_.forget(id_); }) {
        ready_.start(fd_.get(), EV_READ);
    }

    [[nodiscard]] bool awaits() const noexcept { return awaits_; }
    [[nodiscard]] std::int64_t active_ns() const noexcept { return active_ns_; }

    // The answer to the command number `serial`. A second answer to it is dropped.
    void answer(std::uint64_t serial, const std::string& text) {
        if (!awaits_ || serial != serial_) return;
        awaits_ = false;
        if (clamd_session_) output_ += std::to_string(++replies_) + ": ";
        output_ += text;
        output_ += terminator_;
        if (!running_) run();
    }

    // After this the connection must only be freed.
    void close() {
        ready_.stop();
        slow_.stop();
        fd_.reset();
    }

  private:
    void on_ready(int events) {
        active_ns_ = monotonic_ns();
        if ((events & EV_READ) != 0 && !receive()) {
            owner_.forget(id_);
            return;
        }
        run();
    }

    // False: the connection is broken.
    bool receive() {
        std::array<char, kLongestCommand> bytes{};
        const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
        ended_ = got == 0;
        input_.append(bytes.data(), static_cast<std::size_t>(got));
        return true;
    }

    // Sends what it can, runs the next command, and so on. May end in forget().
    void run() {
        running_ = true;
        bool alive = true;
        while (fd_ && (alive = flush()) && output_.empty() && !awaits_ && !last_) {
            const std::optional<CommandReader> command = take_command(input_, ended_);
            if (command) {
                execute(*command);
            } else if (input_.size() >= kLongestCommand) {
                output_ = R"({"ok":false,"error":"the line is longer than 4096 bytes"})"
                          "\n";
                last_ = true;
            } else {
                break;
            }
        }
        running_ = false;
        if (!fd_) return; // a command closed it; the loop frees it in its next turn
        const bool done = output_.empty() && !awaits_ && (last_ || ended_);
        if (!alive || done) {
            owner_.forget(id_);
        } else {
            watch();
        }
    }

    void execute(const CommandReader& command) {
        // clamd's session: any number of its words, the answers numbered from 1, until END (clamd(8), IDSESSION).
        if (command.prefixed && command.text == "IDSESSION" && !clamd_session_) {
            clamd_session_ = true;
            return;
        }
        if (clamd_session_ && command.prefixed && command.text == "END") {
            last_ = true;
            return;
        }
        awaits_ = true;
        terminator_ = command.terminator;
        // As clamd does: one word, one answer, then close. A command without prefix ends a session.
        last_ = clamd_session_ ? !command.prefixed : command.clamd;
        const std::uint64_t serial = ++serial_;
        // Named by number, not by pointer: the connection may be gone when the answer comes.
        const Commands::Answer reply = [owner = &owner_, alive = std::weak_ptr<bool>(owner_.alive_), id = id_,
                                        serial](const std::string& text) {
            if (alive.expired()) return;
            const auto entry = owner->connections_.find(id);
            if (entry != owner->connections_.end()) entry->second->answer(serial, text);
        };
        if (!command.clamd && !clamd_session_) {
            owner_.commands_.run(command.text, peer_, reply);
        } else if (!owner_.commands_.run_clamd_word(command.text, peer_, reply)) {
            reply("UNKNOWN COMMAND");
        }
    }

    // False: the peer is gone.
    bool flush() {
        while (sent_ < output_.size()) {
            const ssize_t sent =
                ::send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
            sent_ += static_cast<std::size_t>(sent);
        }
        output_.clear();
        sent_ = 0;
        return true;
    }

    void watch() {
        if (!output_.empty()) {
            ready_.start(fd_.get(), EV_WRITE);
            if (!slow_.active()) slow_.start(kSlowReader);
            return;
        }
        slow_.stop();
        if (awaits_ || ended_) {
            ready_.stop();
        } else {
            ready_.start(fd_.get(), EV_READ);
        }
    }

    StatusSocket& owner_;
    std::uint64_t id_;
    Peer peer_;
    unique_fd fd_;
    IoWatcher ready_;
    TimerWatcher slow_;
    std::string input_;    // at most two commands' worth
    std::string output_;   // at most one answer
    std::size_t sent_ = 0; // of it
    char terminator_ = '\n';
    std::uint64_t serial_ = 0; // of the command that runs or ran last
    std::int64_t active_ns_ = monotonic_ns();
    bool awaits_ = false;        // an answer
    bool running_ = false;       // inside run(): answers that come at once are sent by it
    bool clamd_session_ = false; // after clamd's IDSESSION
    std::uint64_t replies_ = 0;  // in it
    bool last_ = false;          // close when the output is sent
    bool ended_ = false;         // the peer has sent its end
};

StatusSocket::StatusSocket(Loop* loop, Commands& commands)
    : loop_(loop),
      commands_(commands),
      graveyard_(loop),
      listeners_(loop, "status", [this](unique_fd connection, const PeerAddress& peer, const std::string&) {
          on_accept(std::move(connection), peer);
      }) {}

StatusSocket::~StatusSocket() = default;

Result<void> StatusSocket::apply(const std::string& address, const SocketAccess& access, ListenerSet::Missing missing) {
    return listeners_.apply({{"", {address}, access}}, missing);
}

void StatusSocket::close() {
    listeners_.close();
    while (!connections_.empty()) forget(connections_.begin()->first);
}

void StatusSocket::on_accept(unique_fd connection, const PeerAddress& peer) {
    if (connections_.size() >= kMaxConnections) {
        // A connection that waits for an answer goes last.
        const auto idle_longest =
            std::min_element(connections_.begin(), connections_.end(), [](const auto& a, const auto& b) {
                return std::pair(a.second->awaits(), a.second->active_ns()) <
                       std::pair(b.second->awaits(), b.second->active_ns());
            });
        forget(idle_longest->first);
    }
    const std::uint64_t id = next_++;
    connections_.emplace(id, std::make_unique<Connection>(*this, id, std::move(connection), Peer(peer)));
}

void StatusSocket::forget(std::uint64_t id) {
    const auto entry = connections_.find(id);
    if (entry == connections_.end()) return;
    entry->second->close();
    graveyard_.bury(std::move(entry->second));
    connections_.erase(entry);
}

} // namespace evermilter::supervisor
