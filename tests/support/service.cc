// See service.h.
#include "tests/support/service.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/database.h"
#include "tests/support/status_client.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

std::string quoted(const std::string& text) {
    return '"' + text + '"';
}

std::string user_name(uid_t user) {
    return user == 0 ? "root" : user == nobody().user ? "nobody" : std::to_string(user);
}

// The service is "ready" with its first engine, whatever its session workers are doing.
bool all_ready(const nlohmann::json& status) {
    const auto& all = status.at("workers");
    return status.at("state") == "ready" && std::all_of(all.begin(), all.end(), [](const nlohmann::json& one) {
               return one.at("role") != "session" || one.at("state") == "ready";
           });
}

} // namespace

Service::Service(const Keys& keys, As as) : user_(is_root() ? nobody() : RunAs{geteuid(), getegid()}), as_(as) {
    const std::string root = folder_.path();
    keys_ = {{"milter.listen", "[" + quoted(milter_address()) + "]"},
             {"scanner.processes", "2"},
             {"scanner.temp_directory", quoted(root + "/tmp")},
             {"database.directory", quoted(root + "/db")},
             {"database.state_directory", quoted(root + "/state")},
             {"database.watch", "false"},
             // Tests hold processes for as long as they need to.
             {"process.ping_timeout", quoted("10m")},
             {"message.spool_directory", quoted(root + "/spool")},
             {"status.socket", quoted("unix:" + status_path())},
             {"log.level", quoted("debug")}};
    if (is_root()) {
        keys_["process.user"] = quoted(user_name(user_.user));
        const group* found = getgrgid(user_.group);
        keys_["process.group"] = quoted(found != nullptr ? found->gr_name : std::to_string(user_.group));
    }
    for (const auto& [key, value] : keys) keys_[key] = value;
    fs::create_directory(database());
    write_eicar_database(database());
    if (is_root() && as_ == As::ordinary_user && chown(root.c_str(), user_.user, user_.group) != 0)
        throw std::system_error(errno, std::generic_category(), root);
    write_config();
}

void Service::end_processes() {
    // Every process left is in one of our sessions; each is killed by its pid while it still is one of ours.
    if (sessions_.empty()) return;
    if (child_.pid != 0) {
        kill(child_.pid, SIGKILL);
        waitpid(child_.pid, nullptr, 0);
    }
    for (int round = 0; round < 1000; ++round) {
        const std::vector<Process> rest = processes();
        if (rest.empty()) break;
        for (const Process& one : rest) kill(one.pid, SIGKILL);
        for (const pid_t session : sessions_) {
            while (waitpid(-session, nullptr, WNOHANG) > 0) {
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    sessions_.clear();
}

Service::~Service() {
    end_processes();
    if (!fs::exists(path("log"))) return; // the service was never launched
    // A sanitizer's report from one of its processes fails the test during which it came.
    const std::string said = log();
    for (const char* report : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "ThreadSanitizer"})
        if (const auto at = said.find(report); at != std::string::npos) BOOST_ERROR(said.substr(at, 4000));
    if (std::getenv("EVERMILTER_TEST_SHOW_LOG") != nullptr) fprintf(stderr, "%s", log().c_str());
}

void Service::set(const std::string& key, const std::string& value) {
    keys_[key] = value;
    write_config();
}

void Service::write_config() {
    std::string text;
    for (const auto& [key, value] : keys_)
        if (!value.empty()) text.append(key).append(" = ").append(value).append("\n");
    write_file(config_file(), text);
}

void Service::launch(const Manager& manager) {
    // Orphans become our children, so that we can see their end and reap them.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const unique_fd log_file(open(path("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    if (!log_file) throw std::system_error(errno, std::generic_category(), path("log"));
    const std::optional<RunAs> user = as_ == As::ordinary_user ? std::optional(user_) : std::nullopt;
    const int errors = manager.standard_error < 0 ? log_file.get() : manager.standard_error;
    child_ = start_program({binary(user), "--foreground", "--config", config_file()}, log_file.get(), errors, user,
                           manager.environment, manager.sockets, manager.at_last);
    sessions_.push_back(child_.pid);
}

std::string Service::binary(const std::optional<RunAs>& user) const {
    if (!user || !is_root()) return program("evermilterd");
    // Other users may not be able to read the build tree.
    fs::create_directory(path("bin"));
    for (const char* name : {"evermilterd", "evermilter-session", "evermilter-scanner", "evermilterctl"})
        fs::copy_file(program(name), path("bin") / name, fs::copy_options::overwrite_existing);
    return path("bin") / "evermilterd";
}

void Service::launch_daemon() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const Outcome outcome = run({program("evermilterd"), "--config", config_file()});
    if (outcome.status != 0)
        throw std::runtime_error("the daemon did not start, exit status " + std::to_string(outcome.status) + ": " +
                                 outcome.errors + log());
    child_.pid = status().at("pid").get<pid_t>();
    child_.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, child_.pid, 0)));
    if (!child_.pidfd) throw std::system_error(errno, std::generic_category(), "pidfd_open");
    sessions_.push_back(child_.pid); // the daemon leads a session of its own
}

void Service::wait_ready() {
    const auto ready = [this] {
        pollfd entry{child_.pidfd.get(), POLLIN, 0};
        if (poll(&entry, 1, 0) == 1) throw std::runtime_error("the service ended instead of being ready:\n" + log());
        try {
            return all_ready(status());
        } catch (const std::system_error&) {
            return false; // nobody listens yet
        }
    };
    try {
        wait_until("the service is ready", ready);
    } catch (const NeverHappened& error) {
        throw NeverHappened(error.what() + std::string("; its log:\n") + log());
    }
}

void Service::start() {
    launch();
    wait_ready();
}

int Service::wait_end() {
    return wait_exit(child_);
}

int Service::stop() {
    signal(SIGTERM);
    return wait_end();
}

void Service::signal(int number) const {
    if (syscall(SYS_pidfd_send_signal, child_.pidfd.get(), number, nullptr, 0) != 0)
        throw std::system_error(errno, std::generic_category(), "signal to evermilterd");
}

nlohmann::json Service::status() const {
    return StatusClient(status_path()).ask("status");
}

MilterClient Service::session(Offer offer) const {
    MilterClient one = client();
    one.open(offer);
    return one;
}

Outcome Service::ctl(const std::vector<std::string>& arguments) const {
    std::vector<std::string> command = {program("evermilterctl"), "--socket", status_path()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(command);
}

std::vector<pid_t> Service::pids(const std::string& role) const {
    std::vector<pid_t> found;
    const nlohmann::json now = status();
    for (const auto& one : now.at("workers"))
        if (one.at("role") == role) found.push_back(one.at("pid").get<pid_t>());
    return found;
}

std::vector<Process> Service::processes() const {
    std::vector<Process> all;
    for (const pid_t session : sessions_) {
        for (Process& one : processes_of_session(session)) all.push_back(std::move(one));
    }
    return all;
}

std::string Service::log() const {
    return read_file(path("log"));
}

std::string Service::find_log(const std::vector<std::string>& words) const {
    std::istringstream lines(log());
    for (std::string line; std::getline(lines, line);) {
        bool all = true;
        for (const std::string& word : words) all = all && line.find(word) != std::string::npos;
        if (all) return line;
    }
    return "";
}

std::string Service::wait_log(const std::vector<std::string>& words) const {
    const unique_fd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (inotify_add_watch(changes.get(), path("log").c_str(), IN_MODIFY) < 0)
        throw std::system_error(errno, std::generic_category(), path("log"));
    const Deadline deadline = patience();
    for (;;) {
        if (std::string line = find_log(words); !line.empty()) return line;
        pollfd entry{changes.get(), POLLIN, 0};
        if (poll(&entry, 1, left(deadline)) <= 0) {
            std::string what = "waited in vain for a log line with";
            for (const std::string& word : words) what += " " + quoted(word);
            throw NeverHappened(what + "; the log:\n" + log());
        }
        std::array<char, 4096> events{};
        while (read(changes.get(), events.data(), events.size()) > 0) {
        }
    }
}

std::vector<std::string> Service::leftovers() const {
    std::vector<std::string> found;
    for (const Process& one : processes())
        found.push_back("process " + std::to_string(one.pid) + " " + one.name + " " + one.state);
    for (const auto& entry : fs::directory_iterator(folder_.path()))
        if (entry.is_socket()) found.push_back("socket " + entry.path().string());
    for (const std::string& name : entries_below(temp_directory())) found.push_back("temporary " + name);
    for (const std::string& name : entries_below(spool_directory())) found.push_back("spooled " + name);
    return found;
}

Holdings holdings(const Service& service) {
    Holdings result;
    for (const Process& one : service.processes()) {
        ++result.processes;
        const std::vector<Descriptor> held = descriptors(one.pid);
        result.descriptors[one.pid] = held.size();
        for (const Descriptor& descriptor : held) {
            // Scoreboards come and go with processes; a scanner closes its loader's board a moment after its fork.
            if (descriptor.target.find("-board") != std::string::npos) continue;
            if (!descriptor.memfd() && !descriptor.deleted_file()) continue;
            if (descriptor.memfd()) ++result.memfds;
            if (descriptor.deleted_file()) ++result.deleted_files;
            result.text += one.name + " " + std::to_string(one.pid) + " " + descriptor.target + "\n";
        }
    }
    return result;
}

void wait_no_message(const Service& service) {
    wait_until("nobody holds a message", [&] {
        for (const Process& one : service.processes())
            for (const Descriptor& held : descriptors(one.pid))
                if (held.message() || held.deleted_file()) return false;
        return true;
    });
}

std::vector<pid_t> scanners_with(const Service& service, std::string_view text) {
    const auto holds = [text](pid_t scanner) {
        const auto all = descriptors(scanner);
        return std::any_of(all.begin(), all.end(), [&](const Descriptor& one) {
            return one.message() && read_descriptor(scanner, one.number).find(text) != std::string::npos;
        });
    };
    std::vector<pid_t> found;
    const nlohmann::json status = service.status();
    for (const auto& generation : status.at("generations"))
        for (const auto& scanner : generation.at("scanners")) {
            const pid_t pid = scanner.at("pid").get<pid_t>();
            if (scanner.at("scans_running") == 1 && holds(pid)) found.push_back(pid);
        }
    return found;
}

pid_t wait_taken(const Service& service, std::string_view text) {
    pid_t taken = 0;
    std::vector<pid_t> before;
    wait_until("a scanner has taken the message", [&] {
        const std::vector<pid_t> now = scanners_with(service, text);
        for (const pid_t pid : now)
            if (std::find(before.begin(), before.end(), pid) != before.end()) taken = pid;
        before = now;
        return taken != 0;
    });
    return taken;
}

} // namespace evermilter::test
