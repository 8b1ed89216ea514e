// The supervisor: owns the sockets, the children and the generations; no mail bytes pass through it. One thread, one
// loop; nothing here waits. Its members are its parts, in the order in which they are built on each other.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "supervisor/children/children.h"
#include "supervisor/children/heartbeat.h"
#include "supervisor/children/helpers.h"
#include "supervisor/children/processes.h"
#include "supervisor/files/file_writer.h"
#include "supervisor/files/folders.h"
#include "supervisor/front/entrance.h"
#include "supervisor/front/session_owner.h"
#include "supervisor/front/worker_pool.h"
#include "supervisor/generations/child_processes.h"
#include "supervisor/generations/config_reload.h"
#include "supervisor/generations/database_watch.h"
#include "supervisor/generations/generations.h"
#include "supervisor/generations/leftover_engines.h"
#include "supervisor/generations/loader_owner.h"
#include "supervisor/generations/reload_splay.h"
#include "supervisor/generations/reloads.h"
#include "supervisor/infected_command.h"
#include "supervisor/loop_time.h"
#include "supervisor/notifications.h"
#include "supervisor/poison/watch.h"
#include "supervisor/service_manager.h"
#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "supervisor/status/commands.h"
#include "supervisor/status/operations.h"
#include "supervisor/status/status_socket.h"
#include "supervisor/summary.h"
#include "workers/common/base/event_loop.h"

namespace evermilter::supervisor {

class Supervisor final : public Operations {
  public:
    // `started` is called once: when the first generation is active, or when the service is up without one, with the
    // reason.
    using Started = std::function<void(const std::string& reason)>;
    Supervisor(Settings settings, ServiceManager manager, Started started);
    ~Supervisor() override;

    // Binds, drops privileges, starts, serves, stops. The exit status, from sysexits(3); the reason of one that is
    // not 0 is in fault().
    [[nodiscard]] int run();
    [[nodiscard]] const std::string& fault() const noexcept { return fault_; }

    // Before run(): standard error of children goes nowhere (a daemon).
    void silence_children() { processes_.silence_children(); }

    // Operations, for the edge.
    [[nodiscard]] State& state() override { return state_; }
    [[nodiscard]] const config::Config& config() const override { return settings_.config; }
    [[nodiscard]] bool hand_over(unique_fd connection, Peer peer) override;
    void request_reload(const ReloadRequest& request, ReloadCallback done) override;
    void request_config_reload(ReloadCallback done) override;
    [[nodiscard]] Result<std::size_t> forget_poison(const std::string& which) override {
        return poison_watch_.forget(which);
    }
    void hold(const std::string& by, const std::string& why) override { reloads_.hold(by, why); }
    void resume(const std::string& by) override { reloads_.resume(by); }

  private:
    [[nodiscard]] bool begin();
    void fail(int exit_code, const std::string& reason);

    // The end: graceful, with or without a reason to fail; then at once.
    [[nodiscard]] std::string passed_beside() const;
    void on_stop_signal();
    [[nodiscard]] Result<void> bind(ListenerSet::Missing missing);
    void take_settings(const Settings& settings, bool new_session_workers);
    void wipe_temp(std::uint64_t generation);
    void on_hangup();
    void look_around();
    void stop(int exit_code);
    void stop_at_once();
    void continue_stop();
    void update_service_state();
    void on_changed();

    Settings settings_;
    const ServiceManager manager_;
    Started started_;
    State state_;
    LoopHandle loop_;
    SystemProcesses processes_;
    LoopTime time_;
    Children children_;
    Helpers helpers_;
    Folders folders_;
    ChildProcesses child_processes_;
    Generations generations_;
    FileWriter decisions_writer_;
    Reloads reloads_;
    ReloadSplay splay_;
    SessionWorkers session_workers_;
    Heartbeat heartbeat_;
    LeftoverEngines leftover_engines_;
    Notifications notifications_;
    PoisonWatch poison_watch_;
    InfectedCommand infected_command_;
    Summary summary_;
    SessionOwner session_owner_;
    LoaderOwner loader_owner_;
    ConfigReload config_reload_;
    DatabaseWatch database_watch_;
    Entrance entrance_;
    Commands commands_;
    StatusSocket status_socket_;
    TimerWatcher look_timer_;
    SignalWatcher terminate_;
    SignalWatcher interrupt_;
    SignalWatcher hangup_;
    SignalWatcher reopen_logs_;
    SignalWatcher succeed_;
    TimerWatcher stop_timer_;
    int exit_code_ = 0;
    std::string fault_;
};

} // namespace evermilter::supervisor
