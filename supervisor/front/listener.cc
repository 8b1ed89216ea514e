// Listening sockets: resolving, binding, accepting. A set changes as a whole or not at all.
#include "supervisor/front/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <utility>

#include "config/address.h"
#include "supervisor/children/restart_policy.h"
#include "supervisor/files/folder_path.h"
#include "supervisor/front/endpoint.h"
#include "supervisor/preflight.h"
#include "workers/common/base/log.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {

namespace {

constexpr int kAcceptsPerTurn = 64;                 // then the loop's other watchers have their turn
constexpr std::chrono::milliseconds kRest{200};     // when descriptors or memory are short
constexpr std::chrono::minutes kRestLogInterval{1}; // the shortage is logged at most so often

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

// Of the group that an address is in.
struct Membership {
    std::string name;
    ResolvedAccess access;
};

struct ListenerSet::Listener {
    Listener(Loop* loop, Endpoint what, Membership group, ListenerSet& set)
        : endpoint(std::move(what)),
          of(std::move(group)),
          readable(loop, [this, &set](int) { set.accept_from(*this); }) {
        shown = config::address_text(endpoint.address);
    }

    Endpoint endpoint;
    Membership of;
    std::string shown;
    std::unique_ptr<SocketPath> path; // of a unix socket; unlinked, if still ours, when this ends
    std::optional<ResolvedAccess>
        managers_access; // of a path that the service manager has made, kept when it is made again
    unique_fd fd;        // empty: it cannot be bound yet
    std::string trouble; // not empty: the last trouble reported for it
    RestartPolicy attempts;
    IoWatcher readable; // last: stopped before the descriptor is closed
};

struct ListenerSet::Prepared {
    std::map<std::string, Membership> wanted; // by key: all sockets that should exist afterwards
    std::vector<std::unique_ptr<Listener>> added;
};

ListenerSet::ListenerSet(Loop* loop, std::string purpose, OnAccept on_accept)
    : loop_(loop),
      purpose_(std::move(purpose)),
      on_accept_(std::move(on_accept)),
      graveyard_(loop),
      resting_(loop, [this] {
          for (const auto& listener : listeners_) watch(*listener);
      }) {}

ListenerSet::~ListenerSet() = default;

void ListenerSet::watch(Listener& listener) {
    if (listener.fd) listener.readable.start(listener.fd.get(), EV_READ);
}

// The socket that the service manager passed for this address, or one of our own.
Result<void> ListenerSet::open(Listener& listener) {
    Result<unique_fd> passed = passed_ == nullptr ? unique_fd{} : passed_->find(listener.endpoint.key);
    if (!passed) return std::move(passed).error();
    if (*passed) {
        listener.fd = std::move(*passed);
        const auto* local = std::get_if<config::UnixAddress>(&listener.endpoint.address);
        if (local == nullptr) return {};
        listener.path = std::make_unique<SocketPath>(local->path);
        listener.managers_access = listener.path->managers_access();
        return {};
    }
    Result<BoundEndpoint> bound = bind_endpoint(listener.endpoint, listener.of.access);
    if (!bound) return std::move(bound).error();
    put_in(listener, std::move(*bound));
    return {};
}

void ListenerSet::put_in(Listener& listener, BoundEndpoint bound) {
    listener.path = std::move(bound.path); // of the one before, whose inode must not be another's until it is compared
    listener.fd = std::move(bound.socket);
    listener.shown = std::move(bound.shown);
}

Result<ResolvedAccess> ListenerSet::access_of(const Group& group, const std::string& purpose) {
    Result<ResolvedAccess> resolved = resolve_access(group.access);
    if (resolved) return resolved;
    const std::string of = group.name.empty() ? purpose : "listener[" + group.name + "]";
    return Error{resolved.error().code, of + ".socket_group: " + resolved.error().what};
}

Result<void> ListenerSet::apply(const std::vector<Group>& groups, Missing missing) {
    if (Result<void> prepared = prepare(groups, missing); !prepared) return prepared;
    commit();
    return {};
}

Result<void> ListenerSet::prepare(const std::vector<Group>& groups, Missing missing) {
    prepared_.reset();
    auto prepared = std::make_unique<Prepared>();
    for (const Group& group : groups)
        if (Result<void> done = prepare(group, missing, *prepared); !done) return done;
    prepared_ = std::move(prepared);
    return {};
}

Result<void> ListenerSet::prepare(const Group& group, Missing missing, Prepared& prepared) {
    Result<std::vector<Endpoint>> wanted = endpoints_of(group.addresses);
    if (!wanted) return std::move(wanted).error();
    Result<ResolvedAccess> resolved = access_of(group, purpose_);
    if (!resolved) return std::move(resolved).error();
    for (const Endpoint& one : *wanted) {
        if (!prepared.wanted.try_emplace(one.key, Membership{group.name, *resolved}).second) continue;
        const auto old = std::find_if(listeners_.begin(), listeners_.end(),
                                      [&](const auto& listener) { return listener->endpoint.key == one.key; });
        if (old != listeners_.end()) {
            if ((*old)->path != nullptr && resolved->group && !may_give_to(*resolved->group))
                return system_error("cannot give " + (*old)->shown + " to the group " + group.access.group, EPERM);
            continue;
        }
        auto listener = std::make_unique<Listener>(loop_, one, Membership{group.name, *resolved}, *this);
        if (Result<void> opened = open(*listener); !opened) {
            if (missing == Missing::refused || !may_come_by_itself(one, opened.error().code)) return opened;
            failed(*listener, opened.error().what);
        }
        prepared.added.push_back(std::move(listener));
    }
    return {};
}

void ListenerSet::abandon() {
    prepared_.reset();
}

void ListenerSet::commit() {
    if (!prepared_) return;
    const std::unique_ptr<Prepared> prepared = std::move(prepared_);
    std::vector<std::unique_ptr<Listener>> kept;
    for (auto& listener : listeners_) {
        if (const auto wanted = prepared->wanted.find(listener->endpoint.key); wanted != prepared->wanted.end()) {
            listener->of = wanted->second;
            // prepare() has checked that this is allowed; a change of the path since then harms nothing else.
            if (listener->path != nullptr && !listener->managers_access) {
                if (Result<void> changed = listener->path->change_access(listener->of.access); !changed)
                    log::error("listeners", {{"address", listener->shown}, {"error", changed.error().what}});
            }
            kept.push_back(std::move(listener));
            continue;
        }
        log::info("listener-closed", {{"purpose", purpose_}, {"address", listener->shown}});
        if (passed_ != nullptr && passed_->has(listener->endpoint.key)) {
            log::warning("listener-closed", {{"purpose", purpose_},
                                             {"address", listener->shown},
                                             {"warning", "the service manager keeps it open: whoever connects waits"},
                                             {"remedy", "change its socket unit too"}});
        }
        end(std::move(listener));
    }
    for (auto& listener : prepared->added) {
        if (listener->fd) log::info("listening", {{"purpose", purpose_}, {"address", listener->shown}});
        watch(*listener);
        kept.push_back(std::move(listener));
    }
    listeners_ = std::move(kept);
}

void ListenerSet::end(std::unique_ptr<Listener> listener) {
    well(*listener);
    listener->readable.stop();
    listener->path.reset();
    listener->fd.reset();
    graveyard_.bury(std::move(listener));
}

void ListenerSet::close() {
    prepared_.reset();
    resting_.stop();
    for (auto& listener : listeners_) {
        // The next process started by the manager reads from it which access the manager gave.
        if (listener->path != nullptr && listener->managers_access) listener->path->leave();
        end(std::move(listener));
    }
    listeners_.clear();
}

void ListenerSet::look() {
    // By number: what is accepted meanwhile may close all.
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        Listener& listener = *listeners_[i];
        if (!listener.fd)
            try_again(listener);
        else if (listener.path == nullptr || listener.path->reachable())
            well(listener);
        else
            bind_again(listener);
    }
}

void ListenerSet::try_again(Listener& listener) {
    if (listener.attempts.not_before() > std::chrono::nanoseconds(monotonic_ns())) return;
    if (Result<void> opened = open(listener); !opened) return failed(listener, opened.error().what);
    log::info("listening", {{"purpose", purpose_}, {"address", listener.shown}});
    watch(listener);
    well(listener);
}

// The socket's path is gone, or something else is there. Connections that are already open stay open.
void ListenerSet::bind_again(Listener& listener) {
    const std::string path = std::get<config::UnixAddress>(listener.endpoint.address).path;
    const std::string folder = std::filesystem::path(path).parent_path();
    if (auto made = make_folder(folder, kSocketFolderMode, Identity{}, Above::made); made)
        log::warning("folder-made", {{"path", folder}, {"reason", "it was gone"}});
    Result<BoundEndpoint> bound =
        bind_endpoint(listener.endpoint, listener.managers_access.value_or(listener.of.access));
    if (!bound) return failed(listener, bound.error().what);
    log::warning("listening-again",
                 {{"purpose", purpose_}, {"address", listener.shown}, {"reason", "its path was gone"}});
    accept_from(listener);
    if (!listener.fd) return; // closed by what was accepted
    listener.readable.stop();
    put_in(listener, std::move(*bound));
    watch(listener);
    well(listener);
}

void ListenerSet::failed(Listener& listener, const std::string& error) {
    listener.attempts.failed(std::chrono::nanoseconds(monotonic_ns()), 0.5);
    if (listener.trouble == error) return;
    listener.trouble = error;
    log::error(
        "not-listening",
        {{"purpose", purpose_}, {"address", listener.shown}, {"reason", error}, {"remedy", "tried again by itself"}});
    if (on_trouble_) on_trouble_(purpose_ + ' ' + listener.endpoint.key, error);
}

void ListenerSet::well(Listener& listener) {
    listener.attempts.proven();
    if (std::exchange(listener.trouble, {}).empty()) return;
    if (on_trouble_) on_trouble_(purpose_ + ' ' + listener.endpoint.key, {});
}

std::vector<std::string> ListenerSet::addresses() const {
    return addresses([](const std::string&) { return true; });
}

std::vector<std::string> ListenerSet::addresses(const std::function<bool(const std::string&)>& wanted) const {
    std::vector<std::string> all;
    for (const auto& listener : listeners_)
        if (listener->fd && wanted(listener->of.name)) all.push_back(listener->shown);
    return all;
}

std::vector<std::string> ListenerSet::keys() const {
    std::vector<std::string> all;
    all.reserve(listeners_.size());
    for (const auto& listener : listeners_) all.push_back(listener->endpoint.key);
    return all;
}

void ListenerSet::accept_from(const Listener& listener) {
    const std::string name = listener.of.name; // what is accepted may end the listener
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
        on_accept_(std::move(connection), *peer, name);
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
