// on_infected.command: a program that is told of each infected message, in a process of its own, from a queue with a
// bound. Neither a session nor the loop waits for it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "supervisor/privileges.h"
#include "workers/common/base/result.h"
#include "workers/common/ipc/from_session.h"

namespace evermilter::supervisor {

struct Settings;
struct State;

class InfectedCommand {
  public:
    // How many run at a time.
    static constexpr unsigned kAtOnce = 4;

    using Done = std::function<void(Result<std::string>)>;
    // Runs a job in a process of its own and gives back its text (Helpers::run()).
    using Run = std::function<void(std::chrono::nanoseconds bound, std::function<std::string()> job, Done done)>;

    // All must outlive this.
    InfectedCommand(State& state, const Settings& settings, Run run);

    // Nothing where no command is configured.
    void on_detection(const messages::Detection& detection);
    // What waits is dropped, and nothing is begun any more.
    void stop();

  private:
    struct Waiting {
        std::vector<std::string> arguments;
        std::string queue_id;
    };
    void begin(Waiting waiting);
    void end(const std::string& queue_id, const Result<std::string>& result);
    void drop(const std::string& queue_id, const char* reason);
    void drop_all(const char* reason);

    State& state_;
    const Settings& settings_;
    const Run run_;
    std::deque<Waiting> waiting_;
    unsigned running_ = 0;
    bool stopped_ = false;
};

// Runs `program` as `user` and waits for it; after `timeout` all of its process group is killed. "" if it ended with
// status 0, or how it ended. For a process with one thread that may wait.
[[nodiscard]] std::string run_program(const Identity& user, const std::string& program,
                                      const std::vector<std::string>& arguments, std::chrono::nanoseconds timeout);

} // namespace evermilter::supervisor
