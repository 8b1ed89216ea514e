// All sessions of this worker, by their number and by libmilter's descriptor, and as the scoreboard shows them. The
// supervisor hears of each removal once. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "workers/common/base/result.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/ipc/to_session.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/common/shared/stage.h"
#include "workers/scanning/memory_budget.h"
#include "workers/scanning/outbox.h"
#include "workers/session/session.h"

namespace evermilter::session {

class SessionTable {
  public:
    // All references must outlive the table.
    SessionTable(const SessionBoard& board, const scanning::StoreSettings& store, scanning::MemoryBudget& memory,
                 scanning::Outbox& outbox)
        : board_(board), store_(store), memory_(memory), outbox_(outbox) {}

    // A HandOver: shown in stage negotiate. The connection stays the caller's. An Error means that it cannot be served;
    // the supervisor has heard of its end then.
    [[nodiscard]] Result<std::shared_ptr<Session>> add(const messages::HandOver& hand_over);
    // libmilter has accepted its connection under this descriptor. Unknown numbers are ignored.
    void set_descriptor(std::uint64_t session, int descriptor);
    // The connection is closed, or about to be. Idempotent.
    void remove(Session& session);

    // Empty for one that has ended.
    [[nodiscard]] std::shared_ptr<Session> find(std::uint64_t session) const noexcept;
    [[nodiscard]] std::shared_ptr<Session> find_by_descriptor(int descriptor) const noexcept;
    [[nodiscard]] std::size_t size() const;
    template <class Body> // (Session&), which must not call the table
    void for_each(Body&& body) const {
        const Lock lock(mutex_);
        for (const auto& [id, session] : by_id_) body(*session);
    }

    // For the scoreboard. Nothing of a session that has ended, whose slot may be another's.
    void show_stage(const Session& session, Stage stage);
    void show_generation(const Session& session, std::uint64_t generation);
    void show_queue_id(const Session& session);
    // A further SMTP session on its connection: stage connect, no queue id.
    void show_begin(const Session& session);
    // What is shown.
    [[nodiscard]] Stage stage_of(const Session& session) const;

  private:
    using Lock = std::lock_guard<std::mutex>;

    // nullptr for one that has ended. Under the lock.
    [[nodiscard]] SessionSlot* slot_of(const Session& session) const;
    static void write_stage(SessionSlot& slot, Stage stage);

    const SessionBoard& board_;
    const scanning::StoreSettings& store_;
    scanning::MemoryBudget& memory_;
    scanning::Outbox& outbox_;

    mutable std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<Session>> by_id_;
    std::unordered_map<int, std::shared_ptr<Session>> by_descriptor_;
};

} // namespace evermilter::session
