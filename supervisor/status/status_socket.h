// The operators' socket: clamd's words PING, VERSION, RELOAD, STATS, and our own commands, one line in, one JSON
// document on one line out. Never blocks: answers that come later (reload) are awaited while other connections are
// served; a line is at most 4 KiB; a peer that does not read its answer is closed after kSlowReader; at most
// kMaxConnections, the one idle for longest making room.
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

    // Binds status.socket; again after a change of the configuration. On an Error nothing has changed.
    [[nodiscard]] Result<void> apply(const std::string& address, const SocketAccess& access,
                                     ListenerSet::Missing missing = ListenerSet::Missing::refused);
    // See ListenerSet.
    void look() { listeners_.look(); }
    void on_trouble(ListenerSet::OnTrouble on_trouble) { listeners_.on_trouble(std::move(on_trouble)); }
    // Closes the socket; answers that are still owed are lost.
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
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true); // gone with us: answers that come later are dropped
    DeferredDelete graveyard_;
    ListenerSet listeners_;
};

} // namespace evermilter::supervisor
