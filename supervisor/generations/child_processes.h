// GenerationProcesses of the service: the supervisor's children.
#pragma once

#include "supervisor/children/children.h"
#include "supervisor/generations/generation_processes.h"

namespace evermilter::supervisor {

class ChildProcesses final : public GenerationProcesses {
  public:
    explicit ChildProcesses(Children& children) : children_(children) {}

    [[nodiscard]] Result<void> start_loader(LoaderChild& loader, const Identities& identities) override;
    [[nodiscard]] Result<unique_fd> expect_standby(Child& standby) override;
    void forked(Child& standby, pid_t pid) override;
    void ended(Child& standby, int wait_status) override;
    [[nodiscard]] bool hear(Child& child) override;
    [[nodiscard]] bool became_ready(Child& loader) override;
    void kill(Child& child, const std::string& reason) override;
    [[nodiscard]] Kin kin(const Child& parent, std::int64_t pid) const override;
    [[nodiscard]] bool is_orphan(pid_t pid) const override;
    void kill_orphan(pid_t pid) override;
    [[nodiscard]] bool inherited(const Child& child) const override;
    [[nodiscard]] bool watches(const Child& child) const override;
    void prefer_for_oom(pid_t scanner) override;
    void send_to_loader(LoaderChild& loader, messages::ToLoader message) override;
    void send_to_session(SessionChild& worker, messages::ToSession message) override;

  private:
    Children& children_;
};

} // namespace evermilter::supervisor
