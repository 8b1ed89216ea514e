// Whether a connection may come in: milter.allow for TCP, milter.max_sessions, milter.max_sessions_per_peer; and which
// proxies may say whose it is. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/client_set.h"
#include "supervisor/front/peer.h"
#include "workers/common/base/result.h"
#include "workers/common/shared/counter_labels.h"

namespace evermilter::supervisor {

class AllowList {
  public:
    AllowList() = default;
    // Networks as "192.0.2.0/24", "2001:db8::/32", or an address alone. The Error names the entry.
    [[nodiscard]] static Result<AllowList> parse(const std::vector<std::string>& networks);

    // Unix peers are always allowed: the socket's mode has decided.
    [[nodiscard]] bool allows(const PeerAddress& peer) const;

  private:
    config::ClientSet networks_;
};

// Of one listener.
struct Access {
    AllowList allow;
    bool proxy = false;   // each connection begins with a PROXY header
    AllowList proxy_from; // who may send one
};

// What counts towards the caps at the moment.
struct SessionCounts {
    std::size_t sessions = 0;  // handed over; those in the gate do not count
    std::uint32_t of_peer = 0; // of this peer, the gate included
    std::uint32_t max_sessions = 0;
    std::uint32_t max_of_peer = 0; // 0: no cap
};

// Why it may not come in: Refused::not_allowed, max_sessions or max_sessions_per_peer; nullopt: it may. A proxy's own
// connection is not looked for in `allow`: proxy_from has it.
[[nodiscard]] std::optional<Refused> refusal(const Access& access, const Peer& peer, const SessionCounts& load);
// The same for a connection whose PROXY header has not come yet: Refused::proxy_untrusted or max_sessions.
[[nodiscard]] std::optional<Refused> proxy_refusal(const Access& access, const Peer& proxy, const SessionCounts& load);

} // namespace evermilter::supervisor
