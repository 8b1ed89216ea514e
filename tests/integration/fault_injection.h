// Injects one fault: a process of one role is killed or stopped in one of its states, while mail flows on several
// connections. Whatever dies, each message gets exactly one answer, no infected one passes, only sessions of a dead
// session worker are cut, the service is afterwards as before, and nothing of the dead process is left.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/service.h"
#include "tests/support/traffic.h"

namespace evermilter::test {

enum class Role { session, loader, standby, scanner };
enum class State {
    starting,      // a session worker that was forked and is not ready
    serving,       // a process of the active generation, with the work that the traffic gives it
    loading,       // a loader that loads; other processes while one does
    proving,       // a loader that scans its samples
    awaiting_room, // a loader that has its snapshot and waits for the old generation to end (reload.mode = "replace")
    awaited,       // a process of the generation that this loader waits for, whose scanner has a message
    draining,      // a process of a generation that a session still holds; a session worker of the former configuration
    in_message,    // a session worker with a message half received
    scanning,      // a long scan: its scanner, or the session worker that waits for it
};

struct Fault {
    Role role;
    State state;
    int signal;
};
std::ostream& operator<<(std::ostream& out, const Fault& fault);

// One service with mail flowing, and a held session, scan or load that puts the victim into its state.
class Injection {
  public:
    explicit Injection(const Fault& fault);
    // Checks everything that the head of this file promises.
    void run();

  private:
    static Keys keys(const Fault& fault);
    [[nodiscard]] bool replaces() const; // reload.mode = "replace": nothing is active when the fault comes
    [[nodiscard]] bool hangs() const;    // the slow scan never ends
    [[nodiscard]] std::string slow_mail() const;

    void bring_into_state();
    void set(const std::string& key, const std::string& value);
    void hold(const std::string& mail);
    void hold_in_scan();
    void wait_for_room();
    [[nodiscard]] pid_t catch_starting();

    [[nodiscard]] pid_t find_victim() const;
    [[nodiscard]] pid_t worker_of_held() const;
    [[nodiscard]] pid_t loader_that(const char* step) const;

    void strike(pid_t victim) const;
    void let_go_on(pid_t victim);
    void flows() const;
    void end_of_state();
    void check_answers();
    void check_as_before() const;
    // Waits until only one generation is left, with all of its processes.
    [[nodiscard]] Holdings settled() const;

    const Fault fault_;
    Service service_;
    std::uint64_t first_ = 0; // generation
    Holdings before_;
    std::deque<std::unique_ptr<Traffic>> traffic_;
    std::optional<MilterClient> held_;
    std::optional<HeldLoad> load_;
    pid_t starting_ = 0;
    pid_t stopped_ = 0;     // scanner
    std::uint64_t cut_ = 0; // connections
};

} // namespace evermilter::test
