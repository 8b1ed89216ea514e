#include "workers/session/session_table.h"

#include <fcntl.h>

#include <utility>

namespace evermilter::session {

Result<std::shared_ptr<Session>> SessionTable::add(const messages::HandOver& hand_over) {
    const auto refuse = [&](Error error) {
        outbox_.send(messages::SessionEnded{hand_over.session});
        return error;
    };
    if (hand_over.slot >= board_.slots()) return refuse({0, "slot beyond the scoreboard"});
    unique_fd connection(::fcntl(hand_over.connection.get(), F_DUPFD_CLOEXEC, 0));
    if (!connection) return refuse(system_error("duplicate connection"));
    auto session = std::make_shared<Session>(hand_over.session, hand_over.slot, to_text(hand_over.peer),
                                             std::move(connection), store_, memory_, hand_over.listener);
    session->detection = hand_over.detection;
    session->last_word.emplace_back(messages::SessionEnded{session->id});
    const Lock lock(mutex_);
    if (!by_id_.emplace(session->id, session).second) return Error{0, "session number is in use"};
    SessionSlot& slot = board_.slot(session->slot);
    write_stage(slot, Stage::negotiate);
    slot.generation.store(hand_over.generation);
    slot.set_queue_id({});
    slot.session.store(session->id);
    return session;
}

void SessionTable::set_descriptor(std::uint64_t session, int descriptor) {
    const Lock lock(mutex_);
    const auto found = by_id_.find(session);
    if (found == by_id_.end()) return;
    found->second->descriptor = descriptor;
    by_descriptor_[descriptor] = found->second;
}

void SessionTable::remove(Session& session) {
    const Lock lock(mutex_);
    if (!session.connection.release()) return;
    if (session.descriptor >= 0) by_descriptor_.erase(session.descriptor);
    board_.slot(session.slot).session.store(0);
    // Sent before it is gone: a worker without sessions may end at once.
    outbox_.send_kept(session.last_word);
    by_id_.erase(session.id);
}

std::shared_ptr<Session> SessionTable::find(std::uint64_t session) const noexcept {
    const Lock lock(mutex_);
    const auto found = by_id_.find(session);
    return found == by_id_.end() ? nullptr : found->second;
}

std::shared_ptr<Session> SessionTable::find_by_descriptor(int descriptor) const noexcept {
    const Lock lock(mutex_);
    const auto found = by_descriptor_.find(descriptor);
    return found == by_descriptor_.end() ? nullptr : found->second;
}

std::size_t SessionTable::size() const {
    const Lock lock(mutex_);
    return by_id_.size();
}

SessionSlot* SessionTable::slot_of(const Session& session) const {
    return by_id_.contains(session.id) ? &board_.slot(session.slot) : nullptr;
}

void SessionTable::write_stage(SessionSlot& slot, Stage stage) {
    slot.stage.store(static_cast<std::uint64_t>(stage));
    slot.since_ns.store(monotonic_ns());
}

void SessionTable::show_stage(const Session& session, Stage stage) {
    const Lock lock(mutex_);
    if (SessionSlot* const slot = slot_of(session)) write_stage(*slot, stage);
}

void SessionTable::show_generation(const Session& session, std::uint64_t generation) {
    const Lock lock(mutex_);
    if (SessionSlot* const slot = slot_of(session)) slot->generation.store(generation);
}

void SessionTable::show_queue_id(const Session& session) {
    const Lock lock(mutex_);
    if (SessionSlot* const slot = slot_of(session)) slot->set_queue_id(session.queue_id);
}

void SessionTable::show_begin(const Session& session) {
    const Lock lock(mutex_);
    SessionSlot* const slot = slot_of(session);
    if (slot == nullptr) return;
    write_stage(*slot, Stage::connect);
    slot->set_queue_id({});
}

Stage SessionTable::stage_of(const Session& session) const {
    const std::uint64_t stage = board_.slot(session.slot).stage.load();
    return stage < kStages ? static_cast<Stage>(stage) : Stage::negotiate;
}

} // namespace evermilter::session
