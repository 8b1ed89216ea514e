// Listening sockets: resolving, binding, accepting. A set changes as a whole or not at all.
#include "supervisor/listener.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "config/address.h"
#include "supervisor/socket_path.h"
#include "workers/common/log.h"

namespace evermilter::supervisor {

namespace {

constexpr int kBacklog = 4096;                      // the kernel cuts it to net.core.somaxconn
constexpr int kAcceptsPerTurn = 64;                 // then the loop's other watchers have their turn
constexpr std::chrono::milliseconds kRest{200};     // when descriptors or memory are short
constexpr std::chrono::minutes kRestLogInterval{1}; // the shortage is logged at most so often

// One socket to be bound: an address of the configuration gives one, a name with several addresses several.
struct Wanted {
    std::string key; // equal for the same socket in an old and a new configuration
    config::ListenAddress address;
    sockaddr_storage storage{};
    socklen_t size = 0;
    bool ipv6_only = false;
};

std::string numeric_host(const sockaddr* address, socklen_t size) {
    std::array<char, NI_MAXHOST> host{};
    const int code = ::getnameinfo(address, size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST);
    return code == 0 ? host.data() : "?";
}

std::uint16_t port_of(const sockaddr_storage& storage) {
    if (storage.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
    return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
}

Result<std::vector<Wanted>> resolve(const config::InetAddress& address) {
    addrinfo hints{};
    const bool inet = address.family == config::InetAddress::Family::inet;
    hints.ai_family = inet ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const bool any = address.host.empty() || address.host == "*";
    addrinfo* found = nullptr;
    const int code =
        ::getaddrinfo(any ? nullptr : address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found);
    if (code != 0) {
        const std::string reason = code == EAI_SYSTEM ? system_error("").what : ::gai_strerror(code);
        return Error{EINVAL, "cannot resolve \"" + address.host + "\" of " + config::address_text(address) + ": " +
                                 reason + "; write the address as a number or mend the name"};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    std::vector<Wanted> all;
    for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
        Wanted wanted;
        std::copy_n(reinterpret_cast<const std::byte*>(info->ai_addr), info->ai_addrlen,
                    reinterpret_cast<std::byte*>(&wanted.storage));
        wanted.size = info->ai_addrlen;
        wanted.address =
            config::InetAddress{address.family, numeric_host(info->ai_addr, info->ai_addrlen), address.port};
        wanted.key = config::address_text(wanted.address);
        all.push_back(std::move(wanted));
    }
    return all;
}

// A wildcard IPv6 socket takes IPv4 connections too, as libmilter's does, but where an IPv4 wildcard of the same
// port stands beside it.
void separate_families(std::vector<Wanted>& all) {
    for (Wanted& six : all) {
        const auto* address = std::get_if<config::InetAddress>(&six.address);
        if (address == nullptr || address->family != config::InetAddress::Family::inet6) continue;
        six.ipv6_only = std::any_of(all.begin(), all.end(), [&](const Wanted& other) {
            const auto* four = std::get_if<config::InetAddress>(&other.address);
            return four != nullptr && four->family == config::InetAddress::Family::inet && four->port != 0 &&
                   four->port == address->port && config::is_wildcard(other.address);
        });
    }
}

Result<std::vector<Wanted>> wanted_sockets(const std::vector<std::string>& addresses) {
    std::vector<Wanted> all;
    for (const std::string& text : addresses) {
        auto parsed = config::parse_address(text);
        if (const auto* bad = std::get_if<config::AddressFault>(&parsed)) {
            return Error{EINVAL, "\"" + text + "\" is no address: " + bad->reason};
        }
        const config::ListenAddress& address = std::get<config::ListenAddress>(parsed);
        if (const auto* inet = std::get_if<config::InetAddress>(&address)) {
            Result<std::vector<Wanted>> resolved = resolve(*inet);
            if (!resolved) return resolved;
            for (Wanted& one : *resolved) all.push_back(std::move(one));
        } else {
            Wanted one;
            one.address = address;
            one.key = config::address_text(address);
            all.push_back(std::move(one));
        }
    }
    separate_families(all);
    return all;
}

Result<unique_fd> bind_inet(const Wanted& wanted, const std::string& shown) {
    unique_fd fd(::socket(wanted.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return system_error("cannot make a socket for " + shown);
    const int on = 1;
    const int only = wanted.ipv6_only ? 1 : 0;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (wanted.storage.ss_family == AF_INET6 &&
         ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)) {
        return system_error("cannot prepare a socket for " + shown);
    }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&wanted.storage), wanted.size) != 0 ||
        ::listen(fd.get(), kBacklog) != 0) {
        return system_error("cannot listen on " + shown);
    }
    return fd;
}

// accept4(2): errors of the one connection, which is gone already; the next accept may succeed.
bool concerns_one_connection(int code) {
    switch (code) {
        case ECONNABORTED:
        case EINTR:
        case EPERM:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
        case ETIMEDOUT:
            return true;
        default:
            return false;
    }
}

} // namespace

struct ListenerSet::Listener {
    Listener(Loop* loop, std::string with_key, ListenerSet& set)
        : key(std::move(with_key)), readable(loop, [this, &set](int) { set.accept_from(*this); }) {}

    std::string key;
    std::string shown;
    std::unique_ptr<SocketPath> path; // of a unix socket; unlinked, if still ours, when this ends
    unique_fd fd;
    IoWatcher readable; // last: stopped before the descriptor is closed
};

ListenerSet::ListenerSet(Loop* loop, std::string purpose, OnAccept on_accept)
    : loop_(loop),
      purpose_(std::move(purpose)),
      on_accept_(std::move(on_accept)),
      graveyard_(loop),
      resting_(loop, [this] {
          for (const auto& listener : listeners_) listener->readable.start(listener->fd.get(), EV_READ);
      }) {}

ListenerSet::~ListenerSet() = default;

Result<void> ListenerSet::apply(const std::vector<std::string>& addresses, const SocketAccess& access) {
    Result<std::vector<Wanted>> wanted = wanted_sockets(addresses);
    if (!wanted) return std::move(wanted).error();
    Result<ResolvedAccess> resolved = resolve_access(access);
    if (!resolved) return Error{resolved.error().code, purpose_ + ".socket_group: " + resolved.error().what};

    std::vector<std::unique_ptr<Listener>> added;
    std::vector<std::string> keys;
    for (const Wanted& one : *wanted) {
        if (std::find(keys.begin(), keys.end(), one.key) != keys.end()) continue;
        keys.push_back(one.key);
        const auto old = std::find_if(listeners_.begin(), listeners_.end(),
                                      [&](const auto& listener) { return listener->key == one.key; });
        if (old != listeners_.end()) {
            if ((*old)->path == nullptr) continue;
            if (Result<void> changed = (*old)->path->change_access(*resolved); !changed) return changed;
            continue;
        }
        auto listener = std::make_unique<Listener>(loop_, one.key, *this);
        listener->shown = config::address_text(one.address);
        Result<unique_fd> passed = passed_ == nullptr ? unique_fd{} : passed_->find(one.key);
        if (!passed) return std::move(passed).error();
        if (*passed) {
            listener->fd = std::move(*passed);
        } else if (const auto* unix_address = std::get_if<config::UnixAddress>(&one.address)) {
            Result<BoundPath> bound = bind_path(unix_address->path, *resolved, kBacklog);
            if (!bound) return std::move(bound).error();
            listener->fd = std::move(bound->socket);
            listener->path = std::move(bound->path);
        } else {
            Result<unique_fd> bound = bind_inet(one, listener->shown);
            if (!bound) return std::move(bound).error();
            listener->fd = std::move(*bound);
            sockaddr_storage name{};
            socklen_t size = sizeof name;
            if (::getsockname(listener->fd.get(), reinterpret_cast<sockaddr*>(&name), &size) == 0) {
                config::InetAddress real = std::get<config::InetAddress>(one.address);
                real.port = port_of(name);
                listener->shown = config::address_text(real);
            }
        }
        added.push_back(std::move(listener));
    }

    std::vector<std::unique_ptr<Listener>> kept;
    for (auto& listener : listeners_) {
        if (std::find(keys.begin(), keys.end(), listener->key) != keys.end()) {
            kept.push_back(std::move(listener));
            continue;
        }
        log::info("listener-closed", {{"purpose", purpose_}, {"address", listener->shown}});
        if (passed_ != nullptr && passed_->has(listener->key)) {
            log::warning("listener-closed", {{"purpose", purpose_},
                                             {"address", listener->shown},
                                             {"warning", "the service manager keeps it open: whoever connects waits"},
                                             {"remedy", "change its socket unit too"}});
        }
        listener->readable.stop();
        listener->fd.reset();
        listener->path.reset();
        graveyard_.bury(std::move(listener));
    }
    for (auto& listener : added) {
        log::info("listening", {{"purpose", purpose_}, {"address", listener->shown}});
        listener->readable.start(listener->fd.get(), EV_READ);
        kept.push_back(std::move(listener));
    }
    listeners_ = std::move(kept);
    return {};
}

void ListenerSet::close() {
    resting_.stop();
    for (auto& listener : listeners_) {
        listener->readable.stop();
        listener->fd.reset();
        listener->path.reset();
        graveyard_.bury(std::move(listener));
    }
    listeners_.clear();
}

std::vector<std::string> ListenerSet::addresses() const {
    std::vector<std::string> all;
    all.reserve(listeners_.size());
    for (const auto& listener : listeners_) all.push_back(listener->shown);
    return all;
}

std::vector<std::string> ListenerSet::keys() const {
    std::vector<std::string> all;
    all.reserve(listeners_.size());
    for (const auto& listener : listeners_) all.push_back(listener->key);
    return all;
}

void ListenerSet::accept_from(const Listener& listener) {
    for (int count = 0; count < kAcceptsPerTurn; ++count) {
        // Blocking on purpose: libmilter and our session worker expect a blocking socket.
        unique_fd connection(::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const int code = errno;
        if (!connection) {
            if (code == EAGAIN || code == EWOULDBLOCK) return;
            if (concerns_one_connection(code)) continue;
            rest(code);
            return;
        }
        Result<PeerAddress> peer = peer_address(connection.get());
        if (!peer) continue; // gone again
        if (!std::holds_alternative<UnixPeer>(*peer)) {
            const int on = 1;
            (void)::setsockopt(connection.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            (void)::setsockopt(connection.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        }
        on_accept_(std::move(connection), *peer);
        // Closed by what was accepted: the number may be another's by now.
        if (std::none_of(listeners_.begin(), listeners_.end(), [&](const auto& one) { return one.get() == &listener; }))
            return;
    }
}

void ListenerSet::rest(int code) {
    for (const auto& listener : listeners_) listener->readable.stop();
    resting_.start(kRest);
    const auto now = std::chrono::steady_clock::now();
    if (rest_logged_ && now - *rest_logged_ < kRestLogInterval) return;
    rest_logged_ = now;
    log::error("accept-failed",
               {{"purpose", purpose_},
                {"error", system_error("no connection can be accepted", code).what},
                {"remedy", "raise the limit of open files (RLIMIT_NOFILE) or lower milter.max_sessions"}});
}

} // namespace evermilter::supervisor
