// The owner of session workers: for whom each of their messages is. What a worker is started, drained and replaced for
// is SessionWorkers'.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "supervisor/children/child_owner.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

class Children;
class Generations;
class InfectedCommand;
class PoisonWatch;
class SessionWorkers;
struct State;

class SessionOwner final : public OwnerOf<messages::FromSession> {
  public:
    // All must outlive this.
    SessionOwner(Children& children, State& state, SessionWorkers& workers, Generations& generations,
                 PoisonWatch& poison_watch, InfectedCommand& infected_command);

    [[nodiscard]] Child* find(std::uint64_t child_id) override;
    void on_exit(Child& child, pid_t pid, int wait_status) override;
    void sweep() override;

  protected:
    void on_said(Child& child, messages::FromSession&& message) override;

  private:
    void on_detection(const messages::Detection& detection);

    State& state_;
    SessionWorkers& workers_;
    Generations& generations_;
    PoisonWatch& poison_watch_;
    InfectedCommand& infected_command_;
};

} // namespace evermilter::supervisor
