// evermilterd: reads the command line and the configuration, becomes a daemon unless it stays in the foreground,
// and runs the supervisor. As a daemon, the process that was called stays until the first generation is active or
// refused, and exits with that status.
#include <fcntl.h>
#include <sysexits.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "config/effective.h"
#include "config/parse.h"
#include "config/skip_lists.h"
#include "supervisor/privileges.h"
#include "supervisor/service_manager.h"
#include "supervisor/settings.h"
#include "supervisor/start_check.h"
#include "supervisor/start_report.h"
#include "supervisor/supervisor.h"
#include "workers/common/base/journal.h"
#include "workers/common/base/log.h"
#include "workers/common/base/process_state.h"
#include "workers/common/base/standard_error.h"
#include "workers/common/base/unique_fd.h"

namespace {

using namespace evermilter;

struct CommandLine {
    std::string config = EVERMILTER_CONFIG_FILE;
    bool check_config = false;
    bool dump_config = false;
    bool changed = false; // dump only what is not as by default
    bool foreground = false;
};

// A reader of standard error that does not read must not keep us from ending.
bool say(const std::string& line) {
    constexpr std::chrono::seconds patience{1};
    return write_standard_error(line + "\n", patience);
}

void complain(const std::string& text) {
    static_cast<void>(say(log::journal_prefix(log::Level::error) + "evermilterd: " + text));
}

void note(const std::string& text) {
    static_cast<void>(say(log::journal_prefix(log::Level::warning) + "evermilterd: note: " + text));
}

// Descriptors 0 to 3 must be taken, so that none of ours becomes a standard one or a child's channel by accident.
bool occupy_low_descriptors() {
    for (;;) {
        const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0) return false;
        if (fd <= 2) static_cast<void>(::fcntl(fd, F_SETFD, 0));
        if (fd > 3) {
            ::close(fd);
            return true;
        }
    }
}

// The calling side of a daemon: waits for the status, which is one byte on `status`.
[[noreturn]] void await_start(int status) {
    unsigned char code = EX_SOFTWARE;
    if (::read(status, &code, 1) != 1) complain("ended before it was ready");
    ::_exit(code);
}

// In the child: a session of its own, no terminal. Returns the write end on which the status is reported.
unique_fd become_daemon() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {};
    const pid_t pid = ::fork();
    if (pid < 0) return {};
    if (pid > 0) {
        ::close(ends[1]);
        await_start(ends[0]);
    }
    ::close(ends[0]);
    ::setsid();
    return unique_fd(ends[1]);
}

void tell(unique_fd& status, int code) {
    if (!status) return;
    const auto byte = static_cast<unsigned char>(code);
    static_cast<void>(::write(status.get(), &byte, 1) == 1);
    status.reset();
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
[[gnu::constructor(101)]] // a sanitizer has to begin first
#endif
void hold_early_signals() {
    static_cast<void>(block_signals(Blocked::until_handled));
}
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// What comes before main() has begun is kept: this is called before the constructors of any library, which take as long
// as the rest of the start (of 100 SIGHUPs 2.5 ms after exec 13 ended the process, and 89 of those after 3 ms before it
// was so). System calls only.
[[gnu::section(".preinit_array"), gnu::used]] void (*const kFirst)() = hold_early_signals;
#endif

void leave_terminal(bool keep_stderr) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return;
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    if (!keep_stderr) ::dup2(null, STDERR_FILENO);
    ::close(null);
}

int refuse(const std::vector<config::Fault>& faults) {
    for (const config::Fault& fault : faults) {
        if (!say(log::journal_prefix(log::Level::error) + fault.text())) break;
    }
    return EX_CONFIG;
}

// Reads the one file and no list that it names, so that whoever may read it can see it.
int dump_config(const CommandLine& line) {
    auto text = config::read_text(line.config);
    if (!text) return refuse({std::move(text).error()});
    auto parsed = config::parse(*text, line.config);
    if (!parsed) return refuse(parsed.error());
    std::cout << config::effective_text(*parsed, line.changed ? config::Keys::changed : config::Keys::all);
    errno = 0;
    std::cout.flush();
    if (std::cout.good()) return EX_OK;
    if (errno != EPIPE) complain("cannot write the configuration"); // a reader that has seen enough
    return EX_IOERR;
}

// Whether the service could start; everything that is in the way is said.
int try_start(const supervisor::Settings& settings, const std::vector<std::string>& unknown_users,
              const supervisor::ServiceManager& manager) {
    const supervisor::StartReport report = supervisor::check_start(settings, unknown_users, manager);
    for (const supervisor::StartFault& fault : report.faults()) complain(fault.text);
    for (const std::string& text : report.notes()) note(text);
    return report.exit_code();
}

int run(const CommandLine& line, supervisor::ServiceManager manager) {
    if (line.dump_config) return dump_config(line);
    auto parsed = config::parse_file(line.config);
    if (!parsed) return refuse(parsed.error());
    config::Config& config = *parsed;
    supervisor::ResolvedIdentities users = supervisor::resolve_identities(config.process);
    if (!line.check_config && !users.faults.empty()) {
        for (const std::string& fault : users.faults) complain(fault);
        return EX_NOUSER;
    }
    // Make the path absolute: a reload reads it again after the daemon has changed its directory.
    const std::string origin = std::filesystem::absolute(line.config);
    set_surroundings();
    std::string lists = config::state_of_lists(config);
    auto settings = supervisor::make_settings(std::move(config), origin, std::move(lists), std::move(users.identities),
                                              line.foreground);
    if (line.check_config) return try_start(settings, users.faults, manager);
    const bool log_to_stderr = settings.config.log.target == config::LogTarget::stderr_;
    log::open("supervisor", settings.config.log.target, settings.config.log.level);

    unique_fd status;
    if (!line.foreground) {
        status = become_daemon();
        if (!status) {
            complain("cannot become a daemon");
            return EX_OSERR;
        }
    }
    supervisor::Supervisor supervisor(std::move(settings), std::move(manager), [&](const std::string& reason) {
        if (line.foreground) return;
        if (!reason.empty()) complain("serves, but " + reason + " (loading is tried again by itself)");
        tell(status, EX_OK);
        leave_terminal(log_to_stderr);
    });
    if (!line.foreground && !log_to_stderr) supervisor.silence_children();
    static_cast<void>(block_signals(Blocked::none)); // its handlers are there
    const int code = supervisor.run();
    if (!supervisor.fault().empty()) complain(supervisor.fault());
    tell(status, code);
    return code;
}

} // namespace

int main(int argc, char** argv) {
    static_cast<void>(block_signals(Blocked::until_handled));
    ignore_signals({SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2});
    // Before anything else opens a descriptor: passed sockets have fixed numbers.
    if (auto closed = supervisor::close_unpassed(); !closed) {
        complain(closed.error().what);
        return EX_OSERR;
    }
    auto manager = supervisor::meet_service_manager();
    if (!manager) {
        complain(manager.error().what);
        return EX_CONFIG;
    }
    if (!occupy_low_descriptors()) return EX_OSERR;
    own_standard_error();
    clean_environment();
    hide_memory();
    CommandLine line;
    line.foreground = manager->there();
    CLI::App app("A ClamAV mail filter that never stops to reload.", "evermilterd");
    app.add_option("--config", line.config, "The configuration file")->capture_default_str();
    app.add_flag("--check-config", line.check_config,
                 "Only check whether the service could start: exit 0, or say everything that is in the way");
    CLI::Option* dump = app.add_flag("--dump-config", line.dump_config,
                                     "Only print the configuration that the file gives, a key a line");
    app.add_flag("--changed", line.changed, "With --dump-config: only what is not as by default")->needs(dump);
    app.add_flag("--foreground", line.foreground, "Do not become a daemon (default under systemd)");
    app.set_version_flag("--version", "evermilter " EVERMILTER_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) return app.exit(error); // --help, --version
        complain(std::string(error.what()) + "; evermilterd --help shows the options");
        return EX_USAGE;
    }
    try {
        return run(line, std::move(*manager));
    } catch (const std::exception& error) {
        complain(error.what());
        return EX_SOFTWARE;
    }
}
