#include "supervisor/generations/loader_owner.h"

#include <utility>
#include <variant>

#include "supervisor/children/children.h"
#include "supervisor/generations/generations.h"
#include "supervisor/state.h"
#include "workers/common/base/overloaded.h"

namespace evermilter::supervisor {

LoaderOwner::LoaderOwner(Children& children, State& state, Generations& generations)
    : state_(state), generations_(generations) {
    children.own(messages::Role::loader, *this);
    children.own(messages::Role::standby, *this);
}

Child* LoaderOwner::find(std::uint64_t child_id) {
    if (Generation* generation = state_.find_generation_of_loader(child_id)) return &generation->loader;
    Generation* generation = state_.find_generation_of_standby(child_id);
    return generation == nullptr ? nullptr : &generation->standby;
}

void LoaderOwner::on_said(Child& child, messages::FromLoader&& message) {
    Generation* found = state_.find_generation_of_loader(child.id);
    if (found == nullptr) return; // a standby only answers pings (roles.h)
    Generation& generation = *found;
    using namespace messages;
    std::visit(Overloaded{
                   [](const Hello&) {}, // these two are Children's
                   [](const Pong&) {},
                   [&](const LoadProgress& progress) { generations_.on_progress(generation, progress); },
                   [&](const LoadAwaitsRoom&) { generations_.on_awaits_room(generation); },
                   [&](LoaderReady& ready) { generations_.on_ready(generation, std::move(ready)); },
                   [&](const LoadStarved&) { generations_.on_starved(generation); },
                   [&](const LoadUnchanged&) { generations_.on_unchanged(generation); },
                   [&](const LoadFailed& failed) { generations_.on_failed(generation, failed); },
                   [&](const ScannerStarted& started) { generations_.on_scanner_started(generation, started); },
                   [&](const ScannerEnded& ended) { generations_.on_scanner_ended(generation, ended); },
                   [&](const StandbyStarted& started) { generations_.on_standby_started(generation, started); },
                   [&](const StandbyEnded& ended) { generations_.on_standby_ended(generation, ended); },
               },
               message);
}

void LoaderOwner::on_exit(Child& child, pid_t pid, int wait_status) {
    if (Generation* loaded = state_.find_generation_of_loader(child.id))
        generations_.on_loader_exit(*loaded, pid, wait_status);
    else if (Generation* standing_by = state_.find_generation_of_standby(child.id))
        generations_.on_standby_exit(*standing_by, pid, wait_status);
}

pid_t LoaderOwner::parent_of(const Child& child) const {
    const Generation* generation = state_.find_generation_of_standby(child.id);
    return generation == nullptr ? 0 : generation->loader.pid;
}

void LoaderOwner::on_orphan_exit(pid_t pid, int wait_status) {
    generations_.on_orphan_reaped(pid, wait_status);
}

void LoaderOwner::sweep() {
    generations_.sweep();
}

} // namespace evermilter::supervisor
