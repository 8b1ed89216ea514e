// The service manager's watchdog is fed (WATCHDOG=1) while the loop turns and every child answers its pings, or is gone
// soon after it was killed for its silence. A child that not even SIGKILL ends can only be helped by a restart of the
// service.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <utility>

#include "tests/integration/reloading.h"
#include "tests/support/messages.h"
#include "tests/support/notify_socket.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// The manager would restart a service that is silent for that long.
const char* const kWatchdog = "WATCHDOG_USEC=300000";
constexpr std::chrono::milliseconds kSilence{1500};

// A stopped process that its tracer does not let go: when it is killed, it stays a zombie that its parent cannot reap,
// like a process in an uninterruptible wait.
class Clutched {
  public:
    explicit Clutched(pid_t pid) : pid_(pid) {
        stop_process(pid);
        if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
            continue_process(pid);
            not_possible("this machine lets no process be traced");
        }
    }
    ~Clutched() { let_go(); }
    Clutched(const Clutched&) = delete;
    Clutched& operator=(const Clutched&) = delete;
    // The process dies, if it has not yet, and its parent is notified.
    void let_go() {
        const pid_t pid = std::exchange(pid_, 0);
        if (pid == 0) return;
        kill(pid, SIGKILL);
        int status = 0;
        while (::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status)) {
        }
    }

  private:
    pid_t pid_;
};

bool session_workers_ready(const json& status) {
    std::size_t ready = 0;
    for (const auto& one : status.at("workers"))
        if (one.at("role") == "session" && one.at("state") == "ready") ++ready;
    return ready == 2;
}

} // namespace

BOOST_AUTO_TEST_SUITE(watchdog_test)

BOOST_AUTO_TEST_CASE(it_is_not_fed_while_the_loop_does_not_turn) {
    Service service;
    NotifySocket manager(service.path("notify"));
    service.launch({{}, {kWatchdog, "NOTIFY_SOCKET=" + manager.path()}});
    manager.wait_line("READY=1");
    manager.wait_line("WATCHDOG=1");
    stop_process(service.pid());
    manager.wait_silence("WATCHDOG=1", kSilence);
    continue_process(service.pid());
    manager.wait_line("WATCHDOG=1");
    BOOST_TEST(service.stop() == 0);
}

BOOST_DATA_TEST_CASE(it_is_not_fed_while_one_that_does_not_answer_does_not_die_either,
                     boost::unit_test::data::make({"session", "loader", "standby"}), role) {
    Service service(Keys{{"process.ping_timeout", "\"3s\""}});
    NotifySocket manager(service.path("notify"));
    service.launch({{}, {kWatchdog, "NOTIFY_SOCKET=" + manager.path()}});
    manager.wait_line("READY=1");
    service.wait_status("all are there", session_workers_ready);
    const pid_t pid = service.pids(role).front();
    Clutched stuck(pid);
    service.wait_log({"child-killed", "process.ping_timeout", std::to_string(pid)});
    manager.wait_silence("WATCHDOG=1", kSilence);
    BOOST_TEST(process(pid)->state == 'Z');
    // The other workers serve.
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(service.session().message(clean_mail(role)).status() == "Clean");
    stuck.let_go();
    manager.wait_line("WATCHDOG=1");
    service.wait_status("it is replaced", [&](const json& status) {
        return session_workers_ready(status) && service.pids("loader").size() == 1 &&
               service.pids("standby").size() == 1 && status.at("crashes").at(role) == 1;
    });
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
