// The policy of admission: who may come in, and how many. Has no state and cannot fail.
#include "supervisor/front/admission.h"

#include <algorithm>

namespace evermilter::supervisor {

Result<AllowList> AllowList::parse(const std::vector<std::string>& networks) {
    AllowList list;
    for (const std::string& text : networks) {
        Result<Cidr> cidr = Cidr::parse(text);
        if (!cidr) return Error{cidr.error().code, "milter.allow: " + cidr.error().what};
        list.networks_.push_back(*cidr);
    }
    return list;
}

bool AllowList::allows(const PeerAddress& peer) const noexcept {
    const auto in_a_network = [this](const auto& address) {
        return std::any_of(networks_.begin(), networks_.end(),
                           [&address](const Cidr& network) { return network.contains(address); });
    };
    if (const auto* v4 = std::get_if<Ipv4Peer>(&peer)) return in_a_network(v4->address);
    if (const auto* v6 = std::get_if<Ipv6Peer>(&peer)) return in_a_network(v6->address);
    return true;
}

std::optional<Refused> refusal(const AllowList& allow, const PeerAddress& peer, const SessionCounts& load) noexcept {
    if (!allow.allows(peer)) return Refused::not_allowed;
    if (load.sessions >= load.max_sessions) return Refused::max_sessions;
    if (load.max_of_peer != 0 && load.of_peer >= load.max_of_peer) return Refused::max_sessions_per_peer;
    return std::nullopt;
}

} // namespace evermilter::supervisor
