// The loader of one generation: loads in a thread, proves in a forked process, forks scanners and standby, and serves
// until the generation's queue has ended. Started and told by the supervisor; when that dies, it goes on serving until
// the session workers have let go of the queue. Main thread, on libev; never waits but for the loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

#include "config/config.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/to_loader.h"
#include "workers/common/shared/poison_board.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanner/generation_server.h"
#include "workers/scanner/load_priority.h"
#include "workers/scanner/load_steps.h"
#include "workers/scanner/loading.h"
#include "workers/scanner/proof.h"
#include "workers/scanner/snapshot_store.h"
#include "workers/scanner/supervisor_link.h"

namespace evermilter::scanner {

class Loader {
  public:
    // `channel`: to the supervisor, non-blocking.
    explicit Loader(unique_fd channel);
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;
    ~Loader();

    // The exit status, from sysexits(3).
    [[nodiscard]] int run();

  private:
    // waiting -> loading -> proving -> serving -> ending; each but serving may go to ending.
    enum class State : std::uint8_t { waiting, loading, proving, serving, ending };

    void on_message(messages::ToLoader message);
    void start_load(messages::StartLoad start);
    void run_load(bool low_priority);
    void load_moved();
    void look_at_load();
    void loaded();
    void start_proof();
    void proved();
    void serve();

    void send(messages::FromLoader message) { link_.send(std::move(message)); }
    void link_ended();
    // The load was refused, or is not needed: what was made is removed, and the process ends.
    void refuse(const Refusal& refusal);
    void end(int exit_status);
    // While the load thread runs, which cannot be stopped.
    [[noreturn]] void end_around_load();
    enum class Purpose : std::uint8_t { load, proof };
    [[nodiscard]] std::string own_folder(Purpose purpose) const;
    void remove_own_folders() noexcept;

    const bool of_one_user_; // with the supervisor
    const LoopHandle loop_ = make_loop();
    SupervisorLink link_;
    State state_ = State::waiting;
    int exit_status_ = 0;

    LoadOrder order_;
    std::uint32_t scanners_ = 0;
    unique_fd queue_;
    unique_fd engine_lock_;     // shared with all that is forked
    std::string books_;         // not empty: why the engine could not be locked
    unique_fd standby_channel_; // for the first standby
    std::optional<ScannerBoard> board_;
    std::optional<PoisonBoard> poison_;
    std::optional<SnapshotStore> store_;

    // Between the load thread and the main thread: `steps_`, `awaits_room_` and `finished_` are announced by `moved_`;
    // `end_of_load_` is the thread's until it is joined.
    std::thread thread_;
    LoadSteps steps_;
    std::atomic<bool> finished_{false};
    std::atomic<pid_t> load_thread_{0}; // its thread id, once it runs
    std::atomic<bool> awaits_room_{false};
    std::binary_semaphore room_{0}; // released by RoomToLoad
    bool room_asked_ = false;       // of the main thread: LoadAwaitsRoom was sent, and not answered
    std::optional<LoadEnd> end_of_load_;
    std::optional<Loaded> loaded_;         // from proving on
    std::chrono::milliseconds shutdown_{}; // timeouts.shutdown, until the GenerationServer keeps it
    AsyncWatcher moved_;

    std::optional<ProofProcess> proof_;
    std::optional<GenerationServer> serving_;

    Starvation starvation_;
    TimerWatcher load_look_;
    IoWatcher proof_watch_;
};

} // namespace evermilter::scanner
