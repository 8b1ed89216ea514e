// The owner of loaders and standbys: gives Generations what they say and how they end.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "supervisor/children/child_owner.h"
#include "workers/common/ipc/from_loader.h"

namespace evermilter::supervisor {

class Children;
class Generations;
struct State;

class LoaderOwner final : public OwnerOf<messages::FromLoader> {
  public:
    // All must outlive this.
    LoaderOwner(Children& children, State& state, Generations& generations);

    [[nodiscard]] Child* find(std::uint64_t child_id) override;
    void on_exit(Child& child, pid_t pid, int wait_status) override;
    [[nodiscard]] pid_t parent_of(const Child& child) const override;
    void on_orphan_exit(pid_t pid, int wait_status) override;
    void sweep() override;

  protected:
    void on_said(Child& child, messages::FromLoader&& message) override;

  private:
    State& state_;
    Generations& generations_;
};

} // namespace evermilter::supervisor
