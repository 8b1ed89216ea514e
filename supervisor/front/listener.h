// Listening sockets: makes them from addresses, watches and closes them. Owns the descriptors and, for unix sockets,
// the path: a path in use by a live process is an error, one left by a dead process is taken over, and a path is
// unlinked at the end only if it is still ours. When descriptors run out, all sockets of the set pause for a moment
// (level-triggered readiness would spin otherwise) and the log says so once.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/front/endpoint.h"
#include "supervisor/front/socket_path.h"
#include "supervisor/service_manager.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/peer_address.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

class ListenerSet {
  public:
    // Addresses (config/address.h's text) that have a name in common, and for unix sockets their access.
    struct Group {
        std::string name; // of the [[listener]]; empty: the set's own
        std::vector<std::string> addresses;
        SocketAccess access;
    };
    // The connection is blocking and CLOEXEC; over TCP with TCP_NODELAY. `name` is that of its group.
    using OnAccept = std::function<void(unique_fd connection, const PeerAddress& peer, const std::string& name)>;

    // `purpose` names the set in errors and logs: "milter", "status".
    ListenerSet(Loop* loop, std::string purpose, OnAccept on_accept);
    ~ListenerSet();
    ListenerSet(const ListenerSet&) = delete;
    ListenerSet& operator=(const ListenerSet&) = delete;
    ListenerSet(ListenerSet&&) = delete;
    ListenerSet& operator=(ListenerSet&&) = delete;

    // Sockets that the service manager has passed are used for their addresses instead of new ones; their paths,
    // modes and ends are the manager's. Before apply(); outlives the set.
    void use_passed(const PassedSockets& passed) { passed_ = &passed; }

    // What a group's sockets get (resolve_access); an Error names the key of the set `purpose`. Waits for the directory
    // service.
    [[nodiscard]] static Result<ResolvedAccess> access_of(const Group& group, const std::string& purpose);

    // Called from now on with what is wrong with an address, and with "" when it works again. Before apply().
    using OnTrouble = std::function<void(const std::string& what, const std::string& reason)>;
    void on_trouble(OnTrouble on_trouble) { on_trouble_ = std::move(on_trouble); }

    // Makes the set what the groups say: what is there already stays open, in whichever group, what is new is bound and
    // listens, what is gone is closed. Names are resolved here (getaddrinfo(3), the one call that may
    // wait: at start, and when an operator changes the addresses). On an Error nothing has changed.
    // EADDRINUSE: in use by a live process; EEXIST: the path is no socket; EINVAL: no address.
    // `awaited`: an address that cannot be bound yet, but may become available, is not an Error; look() retries it.
    enum class Missing { refused, awaited };
    [[nodiscard]] Result<void> apply(const std::vector<Group>& groups, Missing missing = Missing::refused);

    // Binds what could not be bound before, and binds again what clients can no longer reach because its path was
    // removed or replaced (a path that a living process has taken stays that process's). Cheap; call it every few
    // seconds.
    void look();

    // The same in two steps, for changes that depend on more than sockets. prepare() does everything that can fail:
    // new sockets are bound and listen but accept nothing, existing ones are left alone. On an Error nothing is
    // prepared. Then call commit(), which cannot fail, or abandon(), which removes everything prepared.
    [[nodiscard]] Result<void> prepare(const std::vector<Group>& groups, Missing missing = Missing::refused);
    void commit();
    void abandon();

    // Closes all and unlinks the paths that are ours. Connections that were accepted are not touched.
    void close();

    // Canonical addresses, with the real port where port 0 was asked for: "inet:40123@127.0.0.1".
    [[nodiscard]] std::vector<std::string> addresses() const;
    // Those of the groups whose name `wanted` returns true for.
    [[nodiscard]] std::vector<std::string> addresses(const std::function<bool(const std::string& name)>& wanted) const;
    // The same as apply() has compared them: with port 0 as it was written.
    [[nodiscard]] std::vector<std::string> keys() const;
    [[nodiscard]] bool empty() const noexcept { return listeners_.empty(); }

  private:
    struct Listener;
    struct Prepared;

    [[nodiscard]] Result<void> prepare(const Group& group, Missing missing, Prepared& prepared);
    [[nodiscard]] Result<void> open(Listener& listener);
    static void put_in(Listener& listener, BoundEndpoint bound);
    static void watch(Listener& listener);
    void try_again(Listener& listener);
    void bind_again(Listener& listener);
    void failed(Listener& listener, const std::string& error);
    void well(Listener& listener);
    void end(std::unique_ptr<Listener> listener);
    void accept_from(const Listener& listener);
    void rest(int code);

    Loop* loop_;
    std::string purpose_;
    OnAccept on_accept_;
    OnTrouble on_trouble_;
    const PassedSockets* passed_ = nullptr;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::unique_ptr<Prepared> prepared_; // by prepare(), until commit() or abandon()
    DeferredDelete graveyard_;
    TimerWatcher resting_;
    std::optional<std::chrono::steady_clock::time_point> rest_logged_;
};

} // namespace evermilter::supervisor
