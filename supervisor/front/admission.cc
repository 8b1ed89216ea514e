// The policy of admission: who may come in, and how many. Has no state and cannot fail.
#include "supervisor/front/admission.h"

#include <array>
#include <cstring>

#include "config/network.h"

namespace evermilter::supervisor {

Result<AllowList> AllowList::parse(const std::vector<std::string>& networks) {
    AllowList list;
    for (const std::string& text : networks) {
        const auto network = config::parse_network(text);
        if (!network) return Error{0, network.error().reason};
        list.networks_.add(*network);
    }
    list.networks_.seal();
    return list;
}

bool AllowList::allows(const PeerAddress& peer) const {
    if (const auto* v4 = std::get_if<Ipv4Peer>(&peer)) {
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &v4->address, bytes.size());
        return networks_.has_address(config::mapped(bytes));
    }
    if (const auto* v6 = std::get_if<Ipv6Peer>(&peer)) {
        config::ClientSet::Address bytes{};
        std::memcpy(bytes.data(), &v6->address, bytes.size());
        return networks_.has_address(bytes);
    }
    return true;
}

std::optional<Refused> refusal(const Access& access, const Peer& peer, const SessionCounts& load) {
    if (!peer.of_proxy && !access.allow.allows(peer.address)) return Refused::not_allowed;
    if (load.sessions >= load.max_sessions) return Refused::max_sessions;
    if (load.max_of_peer != 0 && load.of_peer >= load.max_of_peer) return Refused::max_sessions_per_peer;
    return std::nullopt;
}

std::optional<Refused> proxy_refusal(const Access& access, const Peer& proxy, const SessionCounts& load) {
    if (!access.proxy_from.allows(proxy.address)) return Refused::proxy_untrusted;
    if (load.sessions >= load.max_sessions) return Refused::max_sessions;
    return std::nullopt;
}

} // namespace evermilter::supervisor
