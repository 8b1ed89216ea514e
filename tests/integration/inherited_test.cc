// The service is started in an odd state: signals blocked or ignored, descriptors closed or left open, low limits, an
// odd umask, a hostile environment, a working directory that is gone. It runs as usual, and its children inherit none
// of that.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

void block_and_ignore_signals() {
    for (int number = 1; number <= SIGRTMAX; ++number) (void)::signal(number, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
    (void)::alarm(1);
}

void limit() {
    const auto soft = [](auto resource, rlim_t value) {
        rlimit now{};
        (void)::getrlimit(resource, &now);
        now.rlim_cur = std::min(now.rlim_max, value);
        (void)::setrlimit(resource, &now);
    };
    soft(RLIMIT_NOFILE, 48);
    soft(RLIMIT_NPROC, 1);
    soft(RLIMIT_FSIZE, 0);
    soft(RLIMIT_STACK, 256UL << 10U);
    soft(RLIMIT_CPU, 1);
    soft(RLIMIT_CORE, 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    soft(RLIMIT_AS, 192UL << 20U);
    soft(RLIMIT_DATA, 32UL << 20U);
#endif
}

void odd_umask() {
    ::umask(0777);
}

// Standard descriptors are closed, and 3 to 40 are the folder of devices, without close-on-exec.
void odd_descriptors() {
    const int folder = ::open("/dev", O_RDONLY | O_DIRECTORY);
    for (int fd = 3; fd <= 40; ++fd)
        if (fd != folder) (void)::dup2(folder, fd);
    for (int fd = 0; fd <= 2; ++fd) (void)::close(fd);
}

void no_directory() {
    char name[] = "/tmp/evermilter-test-XXXXXX";
    if (::mkdtemp(name) != nullptr && ::chdir(name) == 0) (void)::rmdir(name);
}

void all_of_it() {
    block_and_ignore_signals();
    limit();
    odd_umask();
    odd_descriptors();
    no_directory();
}

struct State {
    const char* name;
    void (*enter)();
};
std::ostream& operator<<(std::ostream& out, const State& state) {
    return out << state.name;
}
const State kStates[] = {{"signals", block_and_ignore_signals}, {"limits", limit},           {"umask", odd_umask},
                         {"descriptors", odd_descriptors},      {"directory", no_directory}, {"all", all_of_it}};

const std::vector<std::string> kHostile = {"LD_LIBRARY_PATH=/nonexistent",
                                           "MALLOC_PERTURB_=165",
                                           "MALLOC_ARENA_MAX=1",
                                           "GLIBC_TUNABLES=glibc.malloc.perturb=165",
                                           "TMPDIR=/nonexistent",
                                           "TZ=:/etc/shadow",
                                           "LANG=tr_TR.UTF-8",
                                           "LC_ALL=tr_TR.UTF-8",
                                           "PATH=/nonexistent",
                                           "IFS=/",
                                           "CVD_CERTS_DIR=/nonexistent",
                                           "RES_OPTIONS=attempts:100"};

// Checks that no process has inherited these things.
void check_processes(const Service& service) {
    for (const Process& one : service.processes()) {
        for (const Descriptor& held : descriptors(one.pid)) BOOST_TEST(held.target != "/dev", one.name << " holds it");
        BOOST_TEST(std::filesystem::read_symlink("/proc/" + std::to_string(one.pid) + "/cwd") == "/");
        BOOST_TEST(status_field(one.pid, "Umask") == "0022");
        const bool child = one.pid != service.pid();
        // TERM, INT, HUP and ABRT in children.
        BOOST_TEST(std::stoull(status_field(one.pid, "SigBlk"), nullptr, 16) == (child ? 0x4023U : 0U), one.name);
        if (!child) continue;
        const std::string environment = read_file("/proc/" + std::to_string(one.pid) + "/environ");
        for (const std::string& variable : kHostile)
            BOOST_TEST(environment.find(variable) == std::string::npos, one.name << " has " << variable);
    }
}

void wait_replaced(const Service& service, const char* role, const std::vector<pid_t>& before) {
    service.wait_status("they are replaced", [&](const json& status) {
        std::size_t ready = 0;
        for (const json& one : status.at("workers"))
            if (one.at("role") == role && one.at("state") != "starting" &&
                std::find(before.begin(), before.end(), one.at("pid").get<pid_t>()) == before.end())
                ++ready;
        return ready >= before.size();
    });
    for (const pid_t pid : before) BOOST_TEST(!process(pid).has_value()); // not even a zombie is left
}

void check_core(Service& service) {
    const auto check_serves = [&] {
        MilterClient client = service.session();
        BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
        // Too large for memory: it goes to the spool directory.
        BOOST_TEST(client.message(multipart_mail({attachment("noise.bin", noise(3U << 20U, 1))})).status() == "Clean");
    };
    check_serves();
    check_processes(service);
    add_second_signature(service);
    const auto before = current(service);
    service.signal(SIGHUP);
    service.wait_status("it has reloaded", [&](const json& status) {
        return status.at("current_generation") != before && state_of(status, before) == "gone" &&
               status.at("state") == "ready";
    });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    for (const char* role : {"session", "standby", "scanner"}) {
        const std::vector<pid_t> old = service.pids(role);
        for (const pid_t pid : old) kill(pid, SIGKILL);
        wait_replaced(service, role, old);
    }
    kill_loader(service, current(service));
    check_serves();
    check_processes(service);
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(service.leftovers().empty());
}

} // namespace

BOOST_AUTO_TEST_SUITE(inherited_test)

BOOST_DATA_TEST_CASE(it_runs_as_ever_whatever_state_it_is_started_in, boost::unit_test::data::make(kStates), state) {
    Service service;
    Manager manager;
    manager.at_last = state.enter;
    service.launch(manager);
    service.wait_ready();
    check_core(service);
}

BOOST_AUTO_TEST_CASE(a_hostile_environment_reaches_no_child) {
    Service service;
    Manager manager;
    manager.environment = kHostile;
    service.launch(manager);
    service.wait_ready();
    check_core(service);
}

BOOST_AUTO_TEST_CASE(a_hangup_while_it_starts_does_not_end_it_and_is_heeded) {
    Service service;
    service.launch();
    // Signals are held back only for a short time; fork(3) does so too, before there is a program.
    wait_until("it holds signals back, or handles them already", [&] {
        std::error_code unknown;
        if (std::filesystem::read_symlink("/proc/" + std::to_string(service.pid()) + "/exe", unknown).filename() !=
            "evermilterd")
            return false;
        const auto has_hangup = [&](const char* field) {
            const std::string set = status_field(service.pid(), field);
            return !set.empty() && (std::stoull(set, nullptr, 16) & 1U) != 0;
        };
        return has_hangup("SigBlk") || has_hangup("SigCgt");
    });
    service.signal(SIGHUP);
    service.wait_ready();
    service.wait_log({"event=reload-asked", "by=SIGHUP"});
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
