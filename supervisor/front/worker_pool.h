// The session workers: started ahead of need between workers.session_min and session_max, given connections,
// drained, replaced when they die. One idempotent function (adjust) compares what there is with what there should
// be, after any change. A worker that dies loses its own sessions and no others.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <random>
#include <string>

#include "supervisor/children/children.h"
#include "supervisor/children/restart_policy.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

class SessionWorkers {
  public:
    struct Handlers {
        std::function<void(SessionWorker&)> ready; // it needs the active generation's queue
        std::function<void()> gone;                // one was reaped and is in State::session_workers no more
        // One cannot be started or ended before any was ever ready: the service cannot start.
        std::function<void(int exit_code, const std::string& error)> unable;
        std::function<void()> changed; // State::workers_reason
        // One that waited for a worker with room is closed: it has hung up, or waited too long.
        std::function<void(const Peer& peer, bool hung_up)> turned_away;
    };

    SessionWorkers(Loop* loop, State& state, Children& children, const Settings& settings, Handlers handlers,
                   Children::Clock clock);

    // Starts, retires. Idempotent.
    void adjust();
    // See Operations::hand_over.
    [[nodiscard]] bool hand_over(unique_fd connection, Peer peer);
    // No new ones from now on; all that live drain. What waits for a worker is closed.
    void stop(bool refuse_mail, std::int64_t deadline_ns);
    // All end when their sessions have ended; adjust() starts others with the present settings.
    void replace_all();
    // Those that become ready later are told too, until there is one.
    void no_generation(const std::string& reason);
    void have_generation() { no_generation_.clear(); }
    // Frees the records of those that were reaped. See Children::Handlers.
    void sweep() { departed_.clear(); }

    void on_ready(SessionWorker& worker);
    void on_failed(SessionWorker& worker, const messages::SessionWorkerFailed& failure);
    void on_session_ended(SessionWorker& worker, const messages::SessionEnded& ended);
    void on_unfit(SessionWorker& worker, const messages::SessionWorkerUnfit& unfit);
    void on_exit(SessionWorker& worker, pid_t pid, int wait_status);
    // Whether one has been since the start.
    [[nodiscard]] bool ever_ready() const noexcept { return ever_ready_; }

  private:
    struct Waiting {
        std::uint64_t session = 0;
        unique_fd connection;
        std::int64_t deadline_ns = 0; // CLOCK_MONOTONIC, timeouts.negotiate after it came
    };

    struct Census {
        std::uint32_t current = 0;   // starting or ready, with the present settings
        std::uint32_t living = 0;    // these and all others that are not reaped
        std::uint32_t available = 0; // free slots of the current ones
    };

    [[nodiscard]] Census census() const;
    [[nodiscard]] static bool can_shrink(const Census& now, const config::Workers& limits);
    void hurry_oldest();
    void shrink();
    void start_one();
    [[nodiscard]] Result<unique_fd> take_memory(SessionWorker& worker);
    void give_back_memory(const SessionWorker& worker);
    void failed_to_serve(int exit_code, const std::string& error);
    void proven();
    void prove_by_time();
    void give(SessionWorker& worker, std::uint64_t session, unique_fd connection);
    void give_waiting();
    void queue(std::uint64_t session, unique_fd connection);
    void look_at_waiting();
    [[nodiscard]] SessionWorker* choose();
    void drain(SessionWorker& worker, bool refuse_mail, std::int64_t deadline_ns);

    State& state_;
    Children& children_;
    const Settings& settings_;
    Handlers handlers_;
    Children::Clock clock_;
    std::deque<Waiting> waiting_;
    std::list<SessionWorker> departed_; // reaped; freed when nobody refers to them
    RestartPolicy policy_;
    std::minstd_rand random_;
    TimerWatcher restart_timer_;
    TimerWatcher shrink_timer_;
    TimerWatcher waiting_timer_; // runs while somebody waits
    TimerWatcher proof_timer_;   // since the last failure
    bool stopping_ = false;
    std::string no_generation_; // not empty: nothing can be scanned, and why
    bool ever_ready_ = false;
};

} // namespace evermilter::supervisor
