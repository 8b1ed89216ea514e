#include "supervisor/generations/child_processes.h"

#include <unistd.h>

#include <utility>

#include "workers/common/base/oom_score.h"

namespace evermilter::supervisor {

Result<void> ChildProcesses::start_loader(LoaderChild& loader, const Identities& identities) {
    return children_.start(loader, messages::Role::loader, identities);
}

Result<unique_fd> ChildProcesses::expect_standby(Child& standby) {
    return children_.expect(standby, messages::Role::standby);
}

void ChildProcesses::forked(Child& standby, pid_t pid) {
    children_.forked(standby, pid);
}

void ChildProcesses::ended(Child& standby, int wait_status) {
    children_.ended(standby, wait_status);
}

bool ChildProcesses::hear(Child& child) {
    return children_.hear(child);
}

bool ChildProcesses::became_ready(Child& loader) {
    return children_.apply(loader, ChildChange::ready);
}

void ChildProcesses::kill(Child& child, const std::string& reason) {
    children_.kill(child, reason);
}

GenerationProcesses::Kin ChildProcesses::kin(const Child& parent, std::int64_t pid) const {
    switch (children_.kin(parent, pid)) {
        case Children::Kin::forked:
            return Kin::forked;
        case Children::Kin::stranger:
            return Kin::stranger;
        case Children::Kin::ended:
            return Kin::ended;
    }
    return Kin::stranger;
}

bool ChildProcesses::is_orphan(pid_t pid) const {
    return children_.is_orphan(pid);
}

void ChildProcesses::kill_orphan(pid_t pid) {
    children_.kill_orphan(pid);
}

bool ChildProcesses::inherited(const Child& child) const {
    return children_.inherited(child);
}

bool ChildProcesses::watches(const Child& child) const {
    return children_.watches(child);
}

void ChildProcesses::prefer_for_oom(pid_t scanner) {
    if (::geteuid() == 0) raise_oom_score_of(scanner, kOomPointsOfScanner);
}

void ChildProcesses::send_to_loader(LoaderChild& loader, messages::ToLoader message) {
    children_.send(loader, std::move(message));
}

void ChildProcesses::send_to_session(SessionChild& worker, messages::ToSession message) {
    children_.send(worker, std::move(message));
}

} // namespace evermilter::supervisor
