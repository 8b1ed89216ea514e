#include "supervisor/front/session_registry.h"

#include <utility>

namespace evermilter::supervisor {

void SessionRegistry::add(Session session) {
    ++by_peer_[session.peer.key];
    const std::uint64_t id = session.id;
    sessions_.insert_or_assign(id, std::move(session));
}

void SessionRegistry::assign(std::uint64_t id, std::uint64_t worker, std::uint32_t slot) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    found->second.worker = worker;
    found->second.slot = slot;
}

std::optional<Session> SessionRegistry::remove(std::uint64_t id, std::uint64_t worker) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end() || found->second.worker != worker) return std::nullopt;
    Session session = std::move(found->second);
    sessions_.erase(found);
    forget_peer(session.peer.key);
    return session;
}

std::vector<Session> SessionRegistry::remove_worker(std::uint64_t worker) {
    std::vector<Session> removed;
    for (auto entry = sessions_.begin(); entry != sessions_.end();) {
        if (entry->second.worker != worker) {
            ++entry;
            continue;
        }
        removed.push_back(std::move(entry->second));
        entry = sessions_.erase(entry);
        forget_peer(removed.back().peer.key);
    }
    return removed;
}

std::uint32_t SessionRegistry::of_peer(const std::string& key) const {
    const auto found = by_peer_.find(key);
    return found == by_peer_.end() ? 0 : found->second;
}

void SessionRegistry::forget_peer(const std::string& key) {
    const auto found = by_peer_.find(key);
    if (found == by_peer_.end()) return;
    if (--found->second == 0) by_peer_.erase(found);
}

} // namespace evermilter::supervisor
