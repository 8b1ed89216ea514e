// The generations and reloads of the supervisor with all that is around them, but without a process: what a kernel,
// loaders, standbys, scanners and session workers do is done here, by orders of a test, with a clock that it turns.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "config/parse.h"
#include "supervisor/generations/generation_processes.h"
#include "supervisor/generations/generations.h"
#include "supervisor/generations/reloads.h"
#include "supervisor/state.h"
#include "tests/unit/supervisor/time_by_hand.h"

namespace evermilter::supervisor::test {

class World : public GenerationProcesses {
  public:
    explicit World(config::ReloadMode mode = config::ReloadMode::overlap);

    // ------------------------------------------------ orders; each is answered once, in `answers`
    struct Asked {
        std::string what;
        std::vector<ReloadOutcome> answers;
    };
    std::size_t order(ReloadRequest request, const std::string& what);
    std::size_t order_with_other_settings();
    void hold();
    void resume();
    // As Supervisor::stop(): reloads, then session workers drain, then the generations end.
    void stop();

    // ------------------------------------------------ what a loader does; false: it has no place now
    [[nodiscard]] Generation* loading();
    [[nodiscard]] Generation* active() { return state.active_generation(); }
    // With a standby and its scanners; or it waits for room first, where it was asked to.
    bool load(const std::string& content);
    // Ready, or "unchanged" where that is what it was asked to compare with.
    bool load_directory();
    bool fail(int exit_code, const std::string& error = "of a test");
    bool starve();
    bool load_dies(int wait_status);
    // What the loader says that is not its turn to say.
    void say_ready_again(Generation& generation);

    // ------------------------------------------------ ends of processes
    bool loader_dies(Generation* generation, int wait_status);
    bool standby_dies(Generation* generation);
    bool scanner_dies(Generation* generation);
    bool fork_standby(Generation* generation);
    // Its loader cannot fork the one that it was asked for.
    void cannot_fork_standby(Generation& generation);
    // One process that was killed, or has ended, is reaped; or a loader that has nothing left to do ends.
    bool reap_one();
    bool end_one_loader();

    // ------------------------------------------------ session workers
    void start_worker();
    bool worker_dies(std::size_t which);
    bool worker_takes(std::size_t which);
    bool worker_releases(std::size_t which);

    // ------------------------------------------------ time
    // All that is due now, as the top of the loop does it.
    void settle();
    void pass(std::chrono::nanoseconds duration);
    // Everybody does his duty until nothing is left to do, for an hour at most.
    void come_to_rest();

    // ------------------------------------------------ what is promised
    [[nodiscard]] std::size_t engines() const;
    // "", or which promise is broken: at any moment; when all is quiet.
    [[nodiscard]] std::string broken_promise();
    [[nodiscard]] std::string left_behind();

    TimeByHand time;
    State state;
    Settings settings;
    std::string directory = "A"; // what it holds
    std::deque<Asked> asked;
    std::vector<std::string> unserved; // reasons
    unsigned served = 0;
    unsigned lost = 0; // loaders without a standby
    bool cannot_fork = false;
    bool standbys_die = false;              // at once
    std::string written;                    // decisions
    std::vector<messages::StartLoad> loads; // without descriptors, in their order

    // ------------------------------------------------ Processes
    [[nodiscard]] Result<void> start_loader(LoaderChild& loader, const Identities& identities) override;
    [[nodiscard]] Result<unique_fd> expect_standby(Child& standby) override;
    void forked(Child& standby, pid_t pid) override;
    void ended(Child& standby, int wait_status) override;
    [[nodiscard]] bool hear(Child& child) override { return child.pid != 0 && child.channel.open(); }
    [[nodiscard]] bool became_ready(Child& loader) override;
    void kill(Child& child, const std::string& reason) override;
    [[nodiscard]] Kin kin(const Child& parent, std::int64_t pid) const override;
    [[nodiscard]] bool is_orphan(pid_t pid) const override;
    void kill_orphan(pid_t pid) override;
    [[nodiscard]] bool inherited(const Child& child) const override;
    [[nodiscard]] bool watches(const Child& child) const override { return watched_.contains(child.id); }
    void prefer_for_oom(pid_t /*scanner*/) override {}
    void send_to_loader(LoaderChild& loader, messages::ToLoader message) override;
    void send_to_session(SessionChild& worker, messages::ToSession message) override;

  private:
    static constexpr pid_t kUs = 1;

    struct Process {
        pid_t parent = kUs;
        bool dead = false; // not reaped yet
        int status = 0;
        std::string role;
        std::uint64_t generation = 0;
    };
    struct Worker {
        std::deque<std::uint64_t> to_take;
        std::set<std::uint64_t> holds;
        std::set<std::uint64_t> to_release;
    };
    struct Ended {
        std::uint64_t child = 0;
        pid_t pid = 0;
        int status = 0;
    };

    void watch(Child& child, messages::Role role, pid_t pid);
    pid_t fork(pid_t parent, const std::string& role, std::uint64_t generation);
    void die(pid_t pid, int status);
    void reap(pid_t pid);
    void child_exited(const Ended& ended);
    [[nodiscard]] SessionWorker* worker_at(std::size_t which);
    [[nodiscard]] bool sending_end_is_held(const Generation& generation) const;
    void say_ready(Generation& generation, const std::string& content);
    [[nodiscard]] const messages::StartLoad& order_of(const Generation& generation) const;
    bool do_duty();
    void continue_stop();

    std::map<pid_t, Process> processes_;
    std::map<std::uint64_t, Worker> workers_; // by Child::id
    std::set<std::uint64_t> watched_;
    std::deque<Ended> ended_;
    std::map<std::uint64_t, std::size_t> orders_; // of generations, in `loads`
    std::set<std::uint64_t> room_given_;
    std::set<std::uint64_t> standby_wanted_;       // generations
    std::map<std::string, std::string> snapshots_; // path: content
    std::vector<std::uint64_t> actives_;
    pid_t next_pid_ = 100;
    bool stopping_ = false;

  public:
    Generations generations;
    Reloads reloads;
};

// As waitpid(2) gives it.
inline constexpr int kWell = 0;
inline constexpr int kKilled = 9;
inline constexpr int kCrashed = 11;

} // namespace evermilter::supervisor::test
