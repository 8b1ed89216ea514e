// What a listening address of the configuration comes to: one socket, or several where a name has several addresses.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

#include "config/address.h"
#include "supervisor/front/socket_path.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

struct Endpoint {
    std::string key; // equal for the same socket in an old and a new configuration
    config::ListenAddress address;
    sockaddr_storage storage{}; // for TCP
    socklen_t size = 0;
    bool ipv6_only = false;
};

// Names are resolved here (getaddrinfo(3), which may wait). EINVAL: no address; EDESTADDRREQ: a name that has none.
[[nodiscard]] Result<std::vector<Endpoint>> endpoints_of(const std::vector<std::string>& addresses);

struct BoundEndpoint {
    unique_fd socket;                 // listening, non-blocking
    std::unique_ptr<SocketPath> path; // of a unix socket
    std::string shown;                // with the real port where port 0 was asked for
};
[[nodiscard]] Result<BoundEndpoint> bind_endpoint(const Endpoint& endpoint, const ResolvedAccess& access);

// Whether an error of bind_endpoint() may heal without an administrator: the address is not there yet, a predecessor
// still has the port, there is no room.
[[nodiscard]] bool may_come_by_itself(const Endpoint& endpoint, int code);

} // namespace evermilter::supervisor
