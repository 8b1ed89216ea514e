// The way in for milter connections: listeners, admission, gate, hand-over. Puts the four together, counts what is
// accepted and refused (State::counters), and logs who was turned away, limited per peer and kind.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/config_reader.h"
#include "supervisor/front/admission.h"
#include "supervisor/front/gate.h"
#include "supervisor/front/listener.h"
#include "supervisor/front/log_limit.h"
#include "supervisor/status/operations.h"

namespace evermilter::supervisor {

class Entrance {
  public:
    // Reads milter.max_*, timeouts.negotiate from operations.config() at every connection: they are live.
    Entrance(Loop* loop, Operations& operations);

    // Binds the sockets of operations.config() and takes over who is allowed; again after every change of the
    // configuration. On an Error nothing has changed.
    [[nodiscard]] Result<void> apply(ListenerSet::Missing missing = ListenerSet::Missing::refused);
    // See ListenerSet.
    void look() { listeners_.look(); }
    void on_trouble(ListenerSet::OnTrouble on_trouble) { listeners_.on_trouble(std::move(on_trouble)); }
    // The same in two steps (ListenerSet::prepare): `bound` are the sockets to come, their names looked up.
    [[nodiscard]] Result<void> prepare(const std::vector<SocketGroup>& bound,
                                       ListenerSet::Missing missing = ListenerSet::Missing::refused);
    void commit();
    void abandon() { listeners_.abandon(); }
    // A connection that waited for a worker with room was closed.
    void turned_away(const Peer& peer, bool hung_up);
    // Closes the listeners and the connections that wait for their negotiation.
    void close();

    // See ListenerSet.
    void use_passed(const PassedSockets& passed) { listeners_.use_passed(passed); }
    [[nodiscard]] std::vector<std::string> keys() const { return listeners_.keys(); }
    [[nodiscard]] std::vector<std::string> addresses() const { return listeners_.addresses(); }
    // Of these, the ones whose listener has `proxy`.
    [[nodiscard]] std::vector<std::string> proxy_addresses() const;
    // Connections before hand-over.
    [[nodiscard]] std::size_t waiting() const noexcept { return gate_.waiting(); }
    [[nodiscard]] std::vector<Gate::Guest> guests() const { return gate_.guests(); }

  private:
    void on_accept(unique_fd connection, const PeerAddress& address, const std::string& listener);
    [[nodiscard]] const Access& access_of(const std::string& listener) const;
    void on_leave(Gate::Leaving leaving);
    void on_forwarded(Gate::Leaving leaving);
    void on_whole(Gate::Leaving leaving);
    void refuse(const Peer& peer, Refused why, std::string_view more, std::string_view begin);
    void log_unix_peer(const Peer& peer);
    void log_closed(std::string_view event, const Peer& peer, std::string_view why, std::string_view more,
                    std::string_view begin);

    Operations& operations_;
    std::map<std::string, Access> access_; // by the name of the listener
    std::map<std::string, Access> prepared_access_;
    LogLimit log_limit_;
    Gate gate_;
    ListenerSet listeners_;
};

} // namespace evermilter::supervisor
