// Whether a connection may come in: milter.allow for TCP, milter.max_sessions, milter.max_sessions_per_peer. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/client_set.h"
#include "workers/common/base/peer_address.h"
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

// What counts towards the caps at the moment.
struct SessionCounts {
    std::size_t sessions = 0;  // handed over; those in the gate do not count
    std::uint32_t of_peer = 0; // of this peer, the gate included
    std::uint32_t max_sessions = 0;
    std::uint32_t max_of_peer = 0; // 0: no cap
};

// Why it may not come in: Refused::not_allowed, max_sessions or max_sessions_per_peer; nullopt: it may.
[[nodiscard]] std::optional<Refused> refusal(const AllowList& allow, const PeerAddress& peer,
                                             const SessionCounts& load);

} // namespace evermilter::supervisor
