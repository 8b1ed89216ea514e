// Who is at the other end of a connection, the proxies before it left out, and by which listener it came. Pure.
#pragma once

#include <string>
#include <utility>

#include "workers/common/base/peer_address.h"

namespace evermilter::supervisor {

struct Peer {
    explicit Peer(const PeerAddress& from, std::string by = {})
        : address(from), text(to_text(from)), key(origin_of(from)), listener(std::move(by)) {}

    PeerAddress address;
    std::string text;       // of the address, for logs and the status
    std::string key;        // what max_sessions_per_peer counts by
    std::string listener;   // the [[listener]] that it came by; empty: milter.listen, or the status socket
    bool detection = false; // it has begun as a scanner of ports does (protocol_guess.h)
    std::string proxy;      // `text` of the proxy that forwards the connection; empty: none does
    bool of_proxy = false;  // the proxy's own connection: it checks whether the service is there
};

} // namespace evermilter::supervisor
