// Which sessions were handed over, to which worker, from which peer. Pure.
// A session is here from its hand-over until SessionEnded or its worker's death.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "supervisor/front/peer.h"

namespace evermilter::supervisor {

struct Session {
    std::uint64_t id = 0;
    Peer peer;
    std::uint64_t worker = 0; // Child::id; 0: it waits for a worker
    std::uint32_t slot = 0;   // of the worker's board; stage and generation are there
};

class SessionRegistry {
  public:
    // Precondition: session.id is new.
    void add(Session session);
    // Gives a waiting session to a worker.
    void assign(std::uint64_t id, std::uint64_t worker, std::uint32_t slot);
    // The session that was removed, nullopt if there is none of this id, or it belongs to another worker.
    std::optional<Session> remove(std::uint64_t id, std::uint64_t worker);
    // Removes and returns all sessions of a worker that has died.
    std::vector<Session> remove_worker(std::uint64_t worker);

    [[nodiscard]] std::size_t size() const noexcept { return sessions_.size(); }
    [[nodiscard]] std::uint32_t of_peer(const std::string& key) const;
    [[nodiscard]] const std::unordered_map<std::uint64_t, Session>& all() const noexcept { return sessions_; }

  private:
    void forget_peer(const std::string& key);

    std::unordered_map<std::uint64_t, Session> sessions_;
    std::unordered_map<std::string, std::uint32_t> by_peer_;
};

} // namespace evermilter::supervisor
