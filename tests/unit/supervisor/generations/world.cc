#include "tests/unit/supervisor/generations/world.h"

#include <fcntl.h>
#include <sysexits.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <utility>
#include <variant>

namespace evermilter::supervisor::test {
namespace {

using namespace std::chrono_literals;

unique_fd some_descriptor() {
    return unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

} // namespace

World::World(config::ReloadMode mode)
    : generations(time, state, *this, settings,
                  {[this](const LoadOutcome& outcome) { reloads.load_ended(outcome); }, [this] { reloads.room(); },
                   [this](const Generation& one) {
                       ++lost;
                       reloads.lost_loader(one);
                   },
                   [] {}, [](const std::string&) {}, [](std::uint64_t) {}}),
      reloads(time, state, generations, settings,
              {[this](const std::string& why) { unserved.push_back(why); }, [this] { ++served; }, [] {},
               [this] {
                   std::vector<StoredSnapshot> known;
                   for (const auto& [path, content] : snapshots_) {
                       StoredSnapshot one;
                       one.id = snapshot_id(path);
                       one.path = path;
                       one.digest = content;
                       known.push_back(one);
                   }
                   std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
                   return known;
               },
               [this](const std::string&, const std::string& text) {
                   written = text;
                   reloads.decisions_written({});
               }}) {
    settings.config = config::defaults();
    settings.config.database.state_directory = "/nowhere/of/a/test";
    settings.config.reload.mode = mode;
    settings.scanners = 1;
}

// ---------------------------------------------------------------- orders

std::size_t World::order(ReloadRequest request, const std::string& what) {
    const std::size_t number = asked.size();
    asked.push_back({what, {}});
    request.by = "a test";
    reloads.request(request,
                    [this, number](const ReloadOutcome& outcome) { asked[number].answers.push_back(outcome); });
    return number;
}

std::size_t World::order_with_other_settings() {
    const std::size_t number = asked.size();
    asked.push_back({"with other settings", {}});
    reloads.request_with(std::make_shared<const Settings>(settings),
                         [this, number](const ReloadOutcome& outcome) { asked[number].answers.push_back(outcome); });
    return number;
}

void World::hold() {
    reloads.hold("a test", "to see");
}

void World::resume() {
    reloads.resume("a test");
}

void World::stop() {
    if (std::exchange(stopping_, true)) return;
    state.service = ServiceState::stopping;
    reloads.stop();
    continue_stop();
    settle();
}

// Session workers end when their sessions have; then the generations.
void World::continue_stop() {
    if (stopping_ && state.session_workers.empty()) generations.stop();
}

// ---------------------------------------------------------------- loaders

Generation* World::loading() {
    for (Generation& one : state.generations)
        if (one.state == GenerationState::loading && one.loader.pid != 0 && !processes_.at(one.loader.pid).dead)
            return &one;
    return nullptr;
}

const messages::StartLoad& World::order_of(const Generation& generation) const {
    return loads[orders_.at(generation.id)];
}

bool World::load(const std::string& content) {
    Generation* generation = loading();
    if (generation == nullptr || generation->loaded) return false;
    if (order_of(*generation).await_room && !room_given_.contains(generation->id)) {
        if (!generation->may_await_room) return false; // it waits already
        generations.on_awaits_room(*generation);
    } else {
        say_ready(*generation, content);
    }
    settle();
    return true;
}

bool World::load_directory() {
    Generation* generation = loading();
    if (generation == nullptr || generation->loaded) return false;
    const messages::StartLoad& order = order_of(*generation);
    if (!order.reuse_snapshot.empty()) {
        const auto found = snapshots_.find(order.reuse_snapshot);
        return load(found == snapshots_.end() ? "?" : found->second);
    }
    if (order.force || order.active_digest != directory || room_given_.contains(generation->id)) return load(directory);
    generations.on_unchanged(*generation);
    die(generation->loader.pid, kWell);
    settle();
    return true;
}

void World::say_ready(Generation& generation, const std::string& content) {
    const pid_t loader = generation.loader.pid;
    fork_standby(&generation);
    const pid_t scanner = fork(loader, "scanner", generation.id);
    generations.on_scanner_started(generation, {scanner, 0});
    messages::LoaderReady ready;
    ready.signatures = 1000;
    ready.digest = content;
    ready.source_digest = content;
    ready.databases = {"main"};
    const std::string& reused = order_of(generation).reuse_snapshot;
    ready.snapshot = reused.empty() ? "/nowhere/of/a/test/snapshots/" + std::to_string(generation.id) : reused;
    snapshots_[ready.snapshot] = content;
    generations.on_ready(generation, std::move(ready));
}

void World::say_ready_again(Generation& generation) {
    if (!generation.loaded) return;
    generations.on_ready(generation, {});
    settle();
}

bool World::fork_standby(Generation* generation) {
    if (generation == nullptr || standby_wanted_.erase(generation->id) == 0) return false;
    if (generation->loader.pid == 0 || processes_.at(generation->loader.pid).dead) return false;
    const pid_t standby = fork(generation->loader.pid, "standby", generation->id);
    generations.on_standby_started(*generation, {standby});
    if (standbys_die) die(standby, kKilled);
    return true;
}

void World::cannot_fork_standby(Generation& generation) {
    standby_wanted_.erase(generation.id);
    generations.on_standby_ended(generation, {0, 0, false, "cannot fork a standby"});
}

bool World::fail(int exit_code, const std::string& error) {
    Generation* generation = loading();
    if (generation == nullptr || generation->loaded) return false;
    generations.on_failed(*generation, {exit_code, error, directory, {}});
    die(generation->loader.pid, exit_code << 8);
    settle();
    return true;
}

bool World::starve() {
    Generation* generation = loading();
    if (generation == nullptr || generation->loaded || !order_of(*generation).low_priority) return false;
    generations.on_starved(*generation);
    die(generation->loader.pid, kWell);
    settle();
    return true;
}

bool World::load_dies(int wait_status) {
    Generation* generation = loading();
    return generation != nullptr && !generation->loaded && loader_dies(generation, wait_status);
}

// ---------------------------------------------------------------- ends of processes

bool World::loader_dies(Generation* generation, int wait_status) {
    if (generation == nullptr || generation->loader.pid == 0 || processes_.at(generation->loader.pid).dead)
        return false;
    die(generation->loader.pid, wait_status);
    return true;
}

bool World::standby_dies(Generation* generation) {
    if (generation == nullptr || generation->standby.pid == 0 || processes_.at(generation->standby.pid).dead)
        return false;
    die(generation->standby.pid, kKilled);
    return true;
}

bool World::scanner_dies(Generation* generation) {
    if (generation == nullptr || generation->scanners.empty()) return false;
    const pid_t pid = generation->scanners.front().pid;
    if (processes_.at(pid).dead) return false;
    die(pid, kKilled);
    return true;
}

bool World::reap_one() {
    for (const auto& [pid, process] : processes_) {
        if (!process.dead) continue;
        const auto parent = processes_.find(process.parent);
        if (parent != processes_.end() && parent->second.dead) continue; // after its parent, and by us
        reap(pid);
        settle();
        return true;
    }
    return false;
}

void World::reap(pid_t pid) {
    const Process process = processes_.at(pid);
    processes_.erase(pid);
    if (process.parent != kUs) {
        Generation* generation = state.find_generation(process.generation);
        if (process.role == "standby") {
            generations.on_standby_ended(*generation, {pid, process.status, process.status == kWell, {}});
            return;
        }
        generations.on_scanner_ended(*generation, {pid, 0, process.status, process.status == kWell, {}});
        if (process.status == kWell) return;
        const pid_t scanner = fork(process.parent, "scanner", process.generation);
        generations.on_scanner_started(*generation, {scanner, 0});
        return;
    }
    for (Generation& one : state.generations) {
        if (one.loader.pid == pid) return child_exited({one.loader.id, pid, process.status});
        if (one.standby.pid == pid) return child_exited({one.standby.id, pid, process.status});
    }
    generations.on_orphan_reaped(pid, process.status);
    continue_stop();
}

// As Children and the Supervisor do it.
void World::child_exited(const Ended& ended) {
    if (watched_.erase(ended.child) == 0) return;
    Generation* of_loader = state.find_generation_of_loader(ended.child);
    Generation* of_standby = of_loader == nullptr ? state.find_generation_of_standby(ended.child) : nullptr;
    if (of_loader == nullptr && of_standby == nullptr) return;
    Child& child = of_loader != nullptr ? of_loader->loader : of_standby->standby;
    child.pid = 0;
    child.channel.close();
    child.state = ChildState::dead;
    if (of_loader != nullptr)
        generations.on_loader_exit(*of_loader, ended.pid, ended.status);
    else
        generations.on_standby_exit(*of_standby, ended.pid, ended.status);
    continue_stop();
}

bool World::sending_end_is_held(const Generation& generation) const {
    return generation.queue || std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
               return entry.second.holds.contains(generation.id);
           });
}

// Nobody can send it a message: what it has forked ends, then the loader. Where that is dead, its scanners do.
bool World::end_one_loader() {
    for (Generation& one : state.generations) {
        if (sending_end_is_held(one)) continue;
        if (one.state != GenerationState::draining && one.state != GenerationState::failed) continue;
        for (const auto& [pid, process] : processes_) {
            if (process.dead || process.generation != one.id || pid == one.loader.pid) continue;
            die(pid, kWell);
            return true;
        }
        if (one.loader.pid == 0 || processes_.at(one.loader.pid).dead) continue;
        const bool alone = std::none_of(processes_.begin(), processes_.end(), [&](const auto& entry) {
            return entry.second.generation == one.id && entry.first != one.loader.pid;
        });
        if (!alone) continue; // those that it has not reaped yet
        die(one.loader.pid, kWell);
        return true;
    }
    return false;
}

// ---------------------------------------------------------------- session workers

SessionWorker* World::worker_at(std::size_t which) {
    if (state.session_workers.empty()) return nullptr;
    auto found = state.session_workers.begin();
    std::advance(found, static_cast<std::ptrdiff_t>(which % state.session_workers.size()));
    return &*found;
}

void World::start_worker() {
    if (stopping_) return;
    SessionWorker& worker = state.session_workers.emplace_back();
    watch(worker.child, messages::Role::session, next_pid_++);
    worker.child.state = ChildState::ready;
    workers_[worker.child.id] = {};
    generations.give_to(worker);
    settle();
}

bool World::worker_dies(std::size_t which) {
    SessionWorker* worker = worker_at(which);
    if (worker == nullptr) return false;
    const std::uint64_t id = worker->child.id;
    watched_.erase(id);
    workers_.erase(id);
    state.session_workers.remove_if([id](const SessionWorker& one) { return one.child.id == id; });
    generations.worker_gone();
    continue_stop();
    settle();
    return true;
}

bool World::worker_takes(std::size_t which) {
    SessionWorker* worker = worker_at(which);
    if (worker == nullptr || workers_[worker->child.id].to_take.empty()) return false;
    auto& to_take = workers_[worker->child.id].to_take;
    const std::uint64_t generation = to_take.front();
    to_take.pop_front();
    generations.on_taken(*worker, {generation});
    settle();
    return true;
}

// What it was asked for, else what is not its current one.
bool World::worker_releases(std::size_t which) {
    SessionWorker* worker = worker_at(which);
    if (worker == nullptr) return false;
    Worker& its = workers_[worker->child.id];
    if (!its.to_take.empty() || its.holds.empty()) return false; // one after the other
    std::uint64_t generation = *its.holds.begin();
    if (!its.to_release.empty())
        generation = *its.to_release.begin();
    else if (its.holds.size() < 2)
        return false;
    its.to_release.erase(generation);
    if (its.holds.erase(generation) == 0) return false;
    generations.on_released(*worker, {generation});
    settle();
    return true;
}

// ---------------------------------------------------------------- time

void World::settle() {
    for (int turn = 0;; ++turn) {
        BOOST_REQUIRE_MESSAGE(turn < 1000, "something goes on for ever without time passing");
        if (!ended_.empty()) {
            const Ended ended = ended_.front();
            ended_.pop_front();
            child_exited(ended);
        } else if (!time.call_one()) {
            break;
        }
        if (state.current_generation != 0 && (actives_.empty() || actives_.back() != state.current_generation))
            actives_.push_back(state.current_generation);
        generations.sweep();
    }
}

void World::pass(std::chrono::nanoseconds duration) {
    const Moment end = time.now() + duration;
    settle();
    for (auto at = time.next(); at && *at <= end; at = time.next()) {
        time.go_to(*at);
        settle();
    }
    time.go_to(end);
}

// What one of the processes owes. False: nothing.
bool World::do_duty() {
    for (const SessionWorker& worker : state.session_workers) {
        if (worker.child.kill_reason.empty() && !stopping_) continue;
        const auto which = static_cast<std::size_t>(std::distance(
            state.session_workers.begin(), std::find_if(state.session_workers.begin(), state.session_workers.end(),
                                                        [&](const auto& one) { return &one == &worker; })));
        return worker_dies(which);
    }
    for (std::size_t i = 0; i < state.session_workers.size(); ++i)
        if (worker_takes(i) || worker_releases(i)) return true;
    if (reap_one() || end_one_loader()) return true;
    for (const std::uint64_t id : std::set<std::uint64_t>(standby_wanted_)) {
        Generation* generation = state.find_generation(id);
        if (generation == nullptr || generation->loader.pid == 0) {
            standby_wanted_.erase(id);
        } else if (generation->loaded && fork_standby(generation)) {
            settle();
            return true;
        }
    }
    return load_directory();
}

void World::come_to_rest() {
    cannot_fork = false;
    standbys_die = false;
    settle();
    const Moment end = time.now() + 1h;
    while (time.now() < end) {
        int duties = 0;
        while (do_duty()) BOOST_REQUIRE_MESSAGE(++duties < 10000, "the duties never end");
        const auto next = time.next_single();
        if (!next) break;
        time.go_to(*next);
        settle();
    }
}

// ---------------------------------------------------------------- promises

std::size_t World::engines() const {
    std::set<std::uint64_t> in_memory;
    for (const auto& [pid, process] : processes_) in_memory.insert(process.generation);
    return in_memory.size();
}

std::string World::broken_promise() {
    if (engines() > 2) return "there are " + std::to_string(engines()) + " engines";
    const auto actives = std::count_if(state.generations.begin(), state.generations.end(),
                                       [](const Generation& one) { return one.state == GenerationState::active; });
    if (actives > 1) return "two generations are active";
    if ((actives == 1) != (state.active_generation() != nullptr)) return "the current generation is not the active one";
    if (actives == 1 && active()->state != GenerationState::active) return "the current generation is not active";
    if (!std::is_sorted(actives_.begin(), actives_.end())) return "an older generation became active";
    for (const Asked& one : asked)
        if (one.answers.size() > 1) return one.what + " was answered twice";
    return {};
}

std::string World::left_behind() {
    for (const Asked& one : asked)
        if (one.answers.size() != 1) return one.what + " was never answered";
    for (const Generation& one : state.generations) {
        const std::string which = "generation " + std::to_string(one.id) + " is " + name(one.state);
        const bool over = one.state == GenerationState::failed || one.state == GenerationState::gone;
        if (!over && !has_process(one)) return which + " and has no process";
        if (over && has_process(one)) return which + " and has processes";
        if (one.state == GenerationState::loading || one.state == GenerationState::draining) return which + " for ever";
        if (over && (one.queue || one.queue_end)) return which + " and its queue is open";
        if (over && state.queue_holders.is_held(one.id)) return which + " and its queue is held";
    }
    if (state.queue_holders.due()) return "an acknowledgement is waited for";
    if (stopping_) return processes_.empty() ? "" : "processes live after the stop";
    if (state.active_generation() == nullptr) return "nothing serves";
    if (active()->loader.pid == 0) return "the active generation has no loader";
    if (active()->standby.pid == 0) return "the active generation has no standby";
    if (!state.no_signatures.empty()) return "it says that there are no signatures: " + state.no_signatures;
    if (!state.degraded_reason.empty()) return "it is degraded: " + state.degraded_reason;
    if (time.next_single()) return "a timer runs";
    return {};
}

// ---------------------------------------------------------------- Processes

void World::watch(Child& child, messages::Role role, pid_t pid) {
    child.id = state.next_child++;
    child.role = role;
    child.state = ChildState::starting;
    child.pid = pid;
    child.kill_reason.clear();
    child.started_ns = time.now().count();
    child.channel = PacketChannel(some_descriptor());
    watched_.insert(child.id);
}

pid_t World::fork(pid_t parent, const std::string& role, std::uint64_t generation) {
    const pid_t pid = next_pid_++;
    processes_[pid] = Process{.parent = parent, .role = role, .generation = generation};
    return pid;
}

void World::die(pid_t pid, int status) {
    Process& process = processes_.at(pid);
    if (process.dead) return;
    process.dead = true;
    process.status = status;
    for (auto& [child, its] : processes_)
        if (its.parent == pid) its.parent = kUs;
}

Result<void> World::start_loader(LoaderChild& loader, const Identities& /*identities*/) {
    if (cannot_fork) return Error{EAGAIN, "cannot fork"};
    watch(loader, messages::Role::loader, fork(kUs, "loader", 0));
    return {};
}

Result<unique_fd> World::expect_standby(Child& standby) {
    for (const Generation& one : state.generations)
        if (&one.standby == &standby) standby_wanted_.insert(one.id);
    watch(standby, messages::Role::standby, 0);
    return some_descriptor();
}

void World::forked(Child& standby, pid_t pid) {
    standby.pid = pid;
    standby.state = ChildState::ready;
}

void World::ended(Child& standby, int wait_status) {
    ended_.push_back({standby.id, standby.pid, wait_status});
}

bool World::became_ready(Child& loader) {
    loader.state = ChildState::ready;
    return true;
}

void World::kill(Child& child, const std::string& reason) {
    if (child.pid <= 0 || !child.kill_reason.empty()) return;
    child.kill_reason = reason;
    child.state = ChildState::stopping;
    if (processes_.contains(child.pid)) die(child.pid, kKilled);
}

GenerationProcesses::Kin World::kin(const Child& parent, std::int64_t pid) const {
    const auto found = processes_.find(static_cast<pid_t>(pid));
    if (found == processes_.end()) return Kin::ended;
    return found->second.parent == parent.pid || is_orphan(found->first) ? Kin::forked : Kin::stranger;
}

bool World::is_orphan(pid_t pid) const {
    const auto found = processes_.find(pid);
    if (found == processes_.end() || found->second.parent != kUs) return false;
    return std::none_of(state.generations.begin(), state.generations.end(),
                        [pid](const Generation& one) { return one.loader.pid == pid || one.standby.pid == pid; });
}

void World::kill_orphan(pid_t pid) {
    if (is_orphan(pid)) die(pid, kKilled);
}

bool World::inherited(const Child& child) const {
    const auto found = processes_.find(child.pid);
    return child.pid > 0 && found != processes_.end() && found->second.parent == kUs;
}

void World::send_to_loader(LoaderChild& loader, messages::ToLoader message) {
    const Generation* generation = nullptr;
    for (const Generation& one : state.generations)
        if (&one.loader == &loader) generation = &one;
    if (auto* start = std::get_if<messages::StartLoad>(&message)) {
        processes_.at(loader.pid).generation = start->generation;
        orders_[start->generation] = loads.size();
        start->queue.reset();
        start->board.reset();
        start->standby.reset();
        start->poison.reset();
        // Its generation has its id by now; expect_standby() came before.
        loads.push_back(std::move(*start));
    } else if (std::holds_alternative<messages::RoomToLoad>(message) && generation != nullptr) {
        room_given_.insert(generation->id);
    } else if (auto* replace = std::get_if<messages::ReplaceScanner>(&message)) {
        const auto found = processes_.find(static_cast<pid_t>(replace->scanner));
        if (found != processes_.end()) die(found->first, kKilled);
    } else if (auto* take_over = std::get_if<messages::TakeOver>(&message); take_over != nullptr) {
        // The scanners stay children of ours; the standby-to-be is forked when a test says so.
        static_cast<void>(take_over);
    }
}

void World::send_to_session(SessionChild& worker, messages::ToSession message) {
    const auto found = workers_.find(worker.id);
    if (found == workers_.end()) return;
    if (const auto* take = std::get_if<messages::TakeQueue>(&message)) {
        found->second.to_take.push_back(take->generation);
        found->second.holds.insert(take->generation);
    } else if (const auto* let_go = std::get_if<messages::LetGo>(&message)) {
        found->second.to_release.insert(let_go->generation);
    }
}

} // namespace evermilter::supervisor::test
