// What a process has inherited is as our roles want it afterwards, whatever it was.
#include "workers/common/base/process_state.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/support/in_child.h"

namespace evermilter {
namespace {

using test::holds_in_child;

bool is(int number, void (*handler)(int)) {
    struct sigaction now {};
    return ::sigaction(number, nullptr, &now) == 0 && now.sa_handler == handler;
}

bool environment_is(const char* name, const char* value) {
    const char* now = ::getenv(name);
    return value == nullptr ? now == nullptr : now != nullptr && std::strcmp(now, value) == 0;
}

} // namespace

BOOST_AUTO_TEST_SUITE(process_state)

BOOST_AUTO_TEST_CASE(every_signal_without_a_use_is_ignored_and_no_failure_and_no_childs_end_is) {
    BOOST_TEST(holds_in_child([] {
        for (const int number : {SIGCHLD, SIGSEGV, SIGABRT, SIGBUS}) (void)::signal(number, SIG_IGN);
        ignore_signals({SIGTERM});
        for (const int number :
             {SIGHUP,  SIGINT,    SIGQUIT, SIGPIPE,  SIGALRM, SIGUSR1, SIGUSR2, SIGTSTP,   SIGTTIN,  SIGTTOU, SIGXFSZ,
              SIGXCPU, SIGVTALRM, SIGPROF, SIGWINCH, SIGPOLL, SIGPWR,  SIGURG,  SIGSTKFLT, SIGRTMIN, SIGRTMAX})
            if (!is(number, SIG_IGN)) return false;
        for (const int number : {SIGCHLD, SIGTERM, SIGABRT, SIGBUS})
            if (!is(number, SIG_DFL)) return false;
        return true;
    }));
}

BOOST_AUTO_TEST_CASE(the_two_signals_of_the_c_library_end_no_process) {
    BOOST_TEST(holds_in_child([] {
        ignore_signals();
        for (const int number : {32, 33})
            if (::syscall(SYS_kill, ::getpid(), number) != 0) return false;
        return true;
    }));
}

BOOST_AUTO_TEST_CASE(a_timer_that_was_inherited_never_runs_out) {
    BOOST_TEST(holds_in_child([] {
        ::alarm(1000);
        ignore_signals();
        return ::alarm(0) == 0;
    }));
}

BOOST_AUTO_TEST_CASE(what_was_blocked_is_not_and_what_comes_before_the_handlers_is_kept) {
    BOOST_TEST(holds_in_child([] {
        sigset_t all;
        sigfillset(&all);
        (void)::sigprocmask(SIG_SETMASK, &all, nullptr);
        if (!block_signals(Blocked::until_handled)) return false;
        ignore_signals({SIGHUP});
        (void)::raise(SIGHUP);
        sigset_t now;
        (void)::sigprocmask(SIG_SETMASK, nullptr, &now);
        if (sigismember(&now, SIGTERM) != 0 || sigismember(&now, SIGHUP) != 1 || sigismember(&now, SIGCHLD) != 1)
            return false;
        static volatile std::sig_atomic_t heard = 0;
        (void)::signal(SIGHUP, [](int) { heard = 1; });
        return block_signals(Blocked::none) && heard == 1;
    }));
}

BOOST_AUTO_TEST_CASE(a_child_is_stopped_by_no_signal_that_goes_to_all) {
    BOOST_TEST(holds_in_child([] {
        ignore_signals();
        if (!block_signals(Blocked::in_child)) return false;
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGABRT, SIGQUIT, SIGUSR1}) (void)::kill(::getpid(), number);
        return true;
    }));
}

BOOST_AUTO_TEST_CASE(umask_limits_and_directory_are_set) {
    BOOST_TEST(holds_in_child([] {
        ::umask(0777);
        for (const auto resource : {RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_STACK}) {
            rlimit limit{};
            (void)::getrlimit(resource, &limit);
            limit.rlim_cur = resource == RLIMIT_STACK ? 256UL << 10U : 1000;
            (void)::setrlimit(resource, &limit);
        }
        set_surroundings();
        rlimit limit{};
        for (const auto resource : {RLIMIT_FSIZE, RLIMIT_CPU})
            if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur != limit.rlim_max) return false;
        if (::getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur < (8UL << 20U)) return false;
        char* const directory = ::get_current_dir_name();
        const bool root = directory != nullptr && std::string(directory) == "/";
        std::free(directory);
        return root && ::umask(0) == 022;
    }));
}

BOOST_AUTO_TEST_CASE(of_the_environment_only_what_is_of_use_stays) {
    BOOST_TEST(holds_in_child([] {
        for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "MALLOC_PERTURB_", "GLIBC_TUNABLES", "TMPDIR",
                                 "CVD_CERTS_DIR", "IFS", "LANG", "OPENSSL_CONF", "LOCPATH", "RES_OPTIONS"})
            ::setenv(name, "/hostile", 1);
        ::setenv("PATH", "/hostile", 1);
        ::setenv("TZ", "Europe/Berlin", 1);
        ::setenv("NOTIFY_SOCKET", "/run/notify", 1);
        ::unsetenv("EVERMILTER_KEEP_ENVIRONMENT");
        clean_environment();
        std::size_t left = 0;
        for (char** one = environ; *one != nullptr; ++one) ++left;
        return left == 3 && environment_is("TZ", "Europe/Berlin") && environment_is("NOTIFY_SOCKET", "/run/notify") &&
               environment_is("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    }));
}

BOOST_AUTO_TEST_CASE(a_time_zone_names_no_file_and_what_is_to_stay_stays) {
    BOOST_TEST(holds_in_child([] {
        for (const char* zone : {"/etc/shadow", ":/etc/shadow", "../../../etc/shadow", "a b", ""}) {
            ::setenv("TZ", zone, 1);
            clean_environment();
            if (!environment_is("TZ", nullptr)) return false;
        }
        ::setenv("EVERMILTER_KEEP_ENVIRONMENT", "ONE  TWO", 1);
        ::setenv("ONE", "1", 1);
        ::setenv("TWO", "2", 1);
        ::setenv("THREE", "3", 1);
        clean_environment();
        return environment_is("ONE", "1") && environment_is("TWO", "2") && environment_is("THREE", nullptr) &&
               environment_is("EVERMILTER_KEEP_ENVIRONMENT", "ONE  TWO");
    }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
