// Resolves a listening address of the configuration: to one socket, or to several where a name has several addresses.
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

// Whether bind_endpoint() could, with the same errors; nothing of it stays, and nobody notices. A port is bound for a
// moment, so that the kernel judges it, and does not listen.
[[nodiscard]] Result<void> could_bind_endpoint(const Endpoint& endpoint, const ResolvedAccess& access);

// The exit status (sysexits) of a start that ends with this error of endpoints_of(), resolve_access() or
// bind_endpoint().
[[nodiscard]] int exit_code_of_socket(int code);

// Whether an error of bind_endpoint() may go away without an administrator: the address is not configured yet, a
// predecessor still holds the port, memory or descriptors are short.
[[nodiscard]] bool may_come_by_itself(const Endpoint& endpoint, int code);

} // namespace evermilter::supervisor
