// A process of the same user cannot read our memory. A scanner in which an attacker's mail runs code is such a process.
#include <fcntl.h>
#include <grp.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/in_child.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// Tries it as the process's own user.
bool can_look_into(pid_t pid, RunAs user) {
    return !holds_in_child([&] {
        if (is_root() && (::setgroups(0, nullptr) != 0 || ::setresgid(user.group, user.group, user.group) != 0 ||
                          ::setresuid(user.user, user.user, user.user) != 0))
            return false;
        const std::string folder = "/proc/" + std::to_string(pid) + "/";
        for (const char* file : {"mem", "maps", "environ", "syscall"})
            if (::open((folder + file).c_str(), O_RDONLY | O_CLOEXEC) >= 0) return false;
        if (::access((folder + "fd").c_str(), R_OK) == 0) return false;
        char byte = 0;
        const iovec here{&byte, 1};
        const iovec there{const_cast<char*>("x"), 1};
        if (::process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0 || errno != EPERM) return false;
        return ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0;
    });
}

void check_all(const Service& service, bool with_supervisor) {
    for (const Process& one : service.processes()) {
        if (one.pid == service.pid() && !with_supervisor) continue;
        BOOST_TEST(!can_look_into(one.pid, service.user()), one.name << " " << one.pid);
    }
}

void check_all_deaths(Service& service, bool with_supervisor) {
    service.start();
    check_all(service, with_supervisor);
    const auto id = current(service);
    kill_loader(service, id);
    for (const pid_t scanner : service.pids("scanner")) kill(scanner, SIGKILL);
    service.wait_status("there are scanners again",
                        [&](const json& status) { return generation(status, id).at("scanners").size() == 2; });
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    check_all(service, with_supervisor);
    BOOST_TEST(service.stop() == 0);
}

} // namespace

BOOST_AUTO_TEST_SUITE(hidden_test)

BOOST_AUTO_TEST_CASE(no_process_of_the_workers_user_looks_into_one_of_them) {
    Service service;
    check_all_deaths(service, false); // the supervisor belongs to root if possible
}

BOOST_AUTO_TEST_CASE(started_by_an_ordinary_user_the_supervisor_is_hidden_as_well) {
    Service service({}, As::ordinary_user);
    check_all_deaths(service, true);
}

BOOST_AUTO_TEST_CASE(one_user_for_all_is_warned_of_where_it_need_not_be) {
    Service service;
    service.start();
    if (is_root())
        BOOST_TEST(service.wait_log({"event=one-user", "process.scanner_user"}).find("nobody") != std::string::npos);
    else
        BOOST_TEST(count_log(service, "event=one-user") == 0U);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
