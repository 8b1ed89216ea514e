// From accept(2) to hand-over. Each connection is counted once as accepted, or once as refused with its reason.
#include "supervisor/front/entrance.h"

#include <algorithm>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/stage.h"

namespace evermilter::supervisor {

namespace {

constexpr std::size_t kLoggedBytes = 32;

SessionCounts load_of(Operations& operations, std::uint32_t of_peer) {
    const config::Milter& milter = operations.config().milter;
    return {operations.state().sessions.size(), of_peer, milter.max_sessions, milter.max_sessions_per_peer};
}

std::string_view remark(Refused why) {
    switch (why) {
        case Refused::not_allowed:
            return "is not in milter.allow, or the allow of its listener";
        case Refused::max_sessions:
            return "milter.max_sessions are open";
        case Refused::max_sessions_per_peer:
            return "milter.max_sessions_per_peer are open from this peer";
        case Refused::proxy_untrusted:
            return "is not in milter.proxy_from, or the proxy_from of its listener";
        default:
            return "";
    }
}

std::string_view remark_on(const Gate::Leaving& leaving) {
    if (leaving.protocol == Protocol::proxy && !leaving.peer.proxy.empty())
        return "sent a second PROXY header; is it switched on in two places?";
    return protocol_remark(leaving.protocol);
}

// Whom the header of a proxy names.
Peer named_by(const ProxyHeader& header, Peer proxy) {
    const std::string text = proxy.text;
    Peer peer = header.client ? Peer(*header.client, std::move(proxy.listener)) : std::move(proxy);
    peer.proxy = text;
    peer.of_proxy = header.own;
    return peer;
}

} // namespace

Entrance::Entrance(Loop* loop, Operations& operations)
    : operations_(operations),
      gate_(loop, Gate::kRoom, [this](Gate::Leaving leaving) { on_leave(std::move(leaving)); }),
      listeners_(loop, "milter", [this](unique_fd connection, const PeerAddress& address, const std::string& listener) {
          on_accept(std::move(connection), address, listener);
      }) {}

Result<void> Entrance::apply(ListenerSet::Missing missing) {
    if (Result<void> prepared = prepare(sockets_of(operations_.config()), missing); !prepared) return prepared;
    commit();
    return {};
}

Result<void> Entrance::prepare(const std::vector<SocketGroup>& bound, ListenerSet::Missing missing) {
    std::map<std::string, Access> access;
    std::vector<ListenerSet::Group> groups;
    for (const SocketGroup& one : bound) {
        Result<AllowList> allow = AllowList::parse(one.allow);
        if (!allow) return Error{allow.error().code, one.key("allow") + ": " + allow.error().what};
        Result<AllowList> proxies = AllowList::parse(one.proxy_from);
        if (!proxies) return Error{proxies.error().code, one.key("proxy_from") + ": " + proxies.error().what};
        access.emplace(one.listener, Access{std::move(*allow), one.proxy, std::move(*proxies)});
        groups.push_back({one.listener, one.addresses, SocketAccess{one.mode, one.group}});
    }
    if (Result<void> prepared = listeners_.prepare(groups, missing); !prepared) return prepared;
    prepared_access_ = std::move(access);
    return {};
}

void Entrance::commit() {
    listeners_.commit();
    access_ = std::move(prepared_access_);
}

void Entrance::close() {
    listeners_.close();
    gate_.close();
}

std::vector<std::string> Entrance::proxy_addresses() const {
    return listeners_.addresses([this](const std::string& listener) { return access_of(listener).proxy; });
}

// A listener that is no more allows nobody.
const Access& Entrance::access_of(const std::string& listener) const {
    static const Access none;
    const auto found = access_.find(listener);
    return found == access_.end() ? none : found->second;
}

void Entrance::on_accept(unique_fd connection, const PeerAddress& address, const std::string& listener) {
    Peer peer(address, listener);
    State& state = operations_.state();
    const SessionCounts load = load_of(operations_, state.sessions.of_peer(peer.key) + gate_.of_peer(peer.key));
    state.counters.add("sessions.connections_total");
    const Access& access = access_of(listener);
    const auto refused = access.proxy ? proxy_refusal(access, peer, load) : refusal(access, peer, load);
    if (refused) {
        connection.reset();
        refuse(peer, *refused, remark(*refused), {});
        return;
    }
    gate_.add(std::move(connection), std::move(peer), operations_.config().timeouts.negotiate,
              access.proxy ? Gate::First::proxy_header : Gate::First::negotiation);
}

// The PROXY header has come: admission asks about the mail server that it names.
void Entrance::on_forwarded(Gate::Leaving leaving) {
    leaving.peer = named_by(*leaving.header, std::move(leaving.peer));
    const Peer& peer = leaving.peer;
    const SessionCounts load =
        load_of(operations_, operations_.state().sessions.of_peer(peer.key) + gate_.of_peer(peer.key));
    if (const auto refused = refusal(access_of(peer.listener), peer, load)) {
        leaving.connection.reset();
        refuse(peer, *refused, remark(*refused), {});
        return;
    }
    gate_.go_on(std::move(leaving));
}

void Entrance::on_whole(Gate::Leaving leaving) {
    Peer& peer = leaving.peer;
    peer.detection = is_detection({reinterpret_cast<const unsigned char*>(leaving.begin.data()), leaving.begin.size()});
    // Asked again: others may have come through the gate since.
    const SessionCounts load = load_of(operations_, operations_.state().sessions.of_peer(peer.key));
    if (const auto refused = refusal(access_of(peer.listener), peer, load)) {
        leaving.connection.reset();
        refuse(peer, *refused, remark(*refused), leaving.begin);
    } else if (!operations_.hand_over(std::move(leaving.connection), peer)) {
        refuse(peer, Refused::no_worker, "no session worker has room", leaving.begin);
    } else {
        log_unix_peer(peer);
    }
}

void Entrance::on_leave(Gate::Leaving leaving) {
    const Peer& peer = leaving.peer;
    switch (leaving.exit) {
        case GateExit::whole:
            return on_whole(std::move(leaving));
        case GateExit::forwarded:
            return on_forwarded(std::move(leaving));
        case GateExit::refused:
            refuse(peer, refused_for(leaving.protocol), remark_on(leaving), leaving.begin);
            return;
        case GateExit::displaced:
            refuse(peer, Refused::displaced, "sent no negotiation, and its place was needed", leaving.begin);
            return;
        case GateExit::timed_out:
            operations_.state().counters.add("sessions.timed_out_total", Timeout::negotiate);
            log_closed("session-timed-out", peer, protocol_name(leaving.protocol), protocol_remark(leaving.protocol),
                       leaving.begin);
            return;
        case GateExit::gone:
            log_closed("connection-gone", peer, protocol_name(leaving.protocol), protocol_remark(leaving.protocol),
                       leaving.begin);
            return;
    }
}

void Entrance::turned_away(const Peer& peer, bool hung_up) {
    if (hung_up) return log_closed("connection-gone", peer, {}, "while it waited for a session worker with room", {});
    refuse(peer, Refused::no_worker, "no session worker had room within timeouts.negotiate", {});
}

// Logs which user connects to the unix socket, as the kernel reports it. Limited like refusals: a mail server makes
// many connections as one user, and the line of each message names its peer anyway.
void Entrance::log_unix_peer(const Peer& peer) {
    const auto* credentials = std::get_if<UnixPeer>(&peer.address);
    if (credentials == nullptr) return;
    const auto left_out = log_limit_.pass(peer.key, "connection-accepted", std::chrono::steady_clock::now());
    if (!left_out) return;
    log::info("connection-accepted", {{"peer_pid", credentials->pid},
                                      {"peer_uid", credentials->uid},
                                      {"peer_gid", credentials->gid},
                                      {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)}});
}

void Entrance::refuse(const Peer& peer, Refused why, std::string_view more, std::string_view begin) {
    operations_.state().counters.add("sessions.refused_total", why);
    log_closed("connection-refused", peer, refused_name(why), more, begin);
}

void Entrance::log_closed(std::string_view event, const Peer& peer, std::string_view why, std::string_view more,
                          std::string_view begin) {
    const std::string kind = std::string(event) + ' ' + std::string(why);
    const std::optional<std::uint64_t> left_out = log_limit_.pass(peer.key, kind, std::chrono::steady_clock::now());
    if (!left_out) return;
    const bool timed_out = event == "session-timed-out";
    log::warning(event, {{"peer", peer.text},
                         {"proxy", peer.proxy},
                         {"listener", peer.listener},
                         {"stage", timed_out ? stage_name(Stage::negotiate) : ""},
                         {"reason", why},
                         {"remark", more},
                         {"received", begin.substr(0, kLoggedBytes)},
                         {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)}});
}

} // namespace evermilter::supervisor
