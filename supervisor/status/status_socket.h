// The operators' socket: clamd's words, and our own commands, one line in, one JSON document on one line out.
// Never blocks: while one connection waits for its answer (reload), others are served. A line has at most 4 KiB. A peer
// that does not read its answer is closed after kSlowReader. There are at most kMaxConnections; one more closes the
// connection that has been idle for longest.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/front/listener.h"
#include "supervisor/status/commands.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class StatusSocket {
  public:
    static constexpr std::size_t kMaxConnections = 64;
    static constexpr std::chrono::seconds kSlowReader{30};

    StatusSocket(Loop* loop, Commands& commands);
    ~StatusSocket();
    StatusSocket(const StatusSocket&) = delete;
    StatusSocket& operator=(const StatusSocket&) = delete;
    StatusSocket(StatusSocket&&) = delete;
    StatusSocket& operator=(StatusSocket&&) = delete;

    // Binds status.socket, at the start and after a change of the configuration. On an Error nothing has changed.
    [[nodiscard]] Result<void> apply(const std::string& address, const SocketAccess& access,
                                     ListenerSet::Missing missing = ListenerSet::Missing::refused);
    // See ListenerSet.
    void look() { listeners_.look(); }
    void on_trouble(ListenerSet::OnTrouble on_trouble) { listeners_.on_trouble(std::move(on_trouble)); }
    // Closes the socket. Connections that wait for an answer get none.
    void close();

    // See ListenerSet.
    void use_passed(const PassedSockets& passed) { listeners_.use_passed(passed); }
    [[nodiscard]] std::vector<std::string> keys() const { return listeners_.keys(); }
    [[nodiscard]] std::vector<std::string> addresses() const { return listeners_.addresses(); }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

  private:
    class Connection;

    void on_accept(unique_fd connection, const PeerAddress& peer);
    void forget(std::uint64_t id);

    Loop* loop_;
    Commands& commands_;
    std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::uint64_t next_ = 1;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // answers that come after our end find it expired
    DeferredDelete graveyard_;
    ListenerSet listeners_;
};

} // namespace evermilter::supervisor
