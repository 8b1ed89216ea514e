// The real evermilterd of this build, with a configuration, database, sockets and folders of its own in a new folder
// below /tmp. It stays in the foreground and logs to a file there. The destructor ends everything that the service
// started, by pid, and removes the folder.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/folder.h"
#include "tests/support/milter_client.h"
#include "tests/support/proc.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

// Configuration keys and their values as TOML writes them: {{"scanner.processes", "4"}}.
using Keys = std::map<std::string, std::string>;

enum class As {
    whoever_tests, // started by root, its workers and scanners run as nobody
    ordinary_user, // all of it runs as nobody, or as the user who runs the tests
};

// What a service manager passes to the process that it starts.
struct Manager {
    std::vector<int> sockets;             // passed as descriptors 3, 4, …
    std::vector<std::string> environment; // "NOTIFY_SOCKET=/path"
    int standard_error = -1;              // -1: a file, which log() reads
    void (*at_last)() = nullptr;          // in the child, before its exec: system calls only
};

class Service {
  public:
    // `keys` replace the keys that every test has; a key with an empty value is left out of the file. Writes the
    // configuration and an EICAR database; starts nothing.
    explicit Service(const Keys& keys = {}, As as = As::whoever_tests);
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    void launch(const Manager& manager = {}); // forks and returns
    void start();                             // and waits until the service is ready
    // In the background, as an operator calls it: returns when that command does. The caller takes care of the log.
    void launch_daemon();
    // Until the status says "ready", for the service and each session worker. Throws if the service ends before that.
    void wait_ready();
    // Waits until the service has ended. Exit code, or 128 + signal.
    int wait_end();
    // SIGTERM and wait_end().
    int stop();
    void signal(int number) const;

    void set(const std::string& key, const std::string& value);
    void write_config();

    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }
    [[nodiscard]] std::filesystem::path database() const { return path("db"); }
    [[nodiscard]] std::filesystem::path temp_directory() const { return path("tmp"); }
    [[nodiscard]] std::filesystem::path spool_directory() const { return path("spool"); }
    [[nodiscard]] std::filesystem::path state_directory() const { return path("state"); }
    [[nodiscard]] std::string config_file() const { return path("evermilter.toml"); }
    [[nodiscard]] std::string milter_address() const { return "unix:" + path("milter.sock").string(); }
    [[nodiscard]] std::string status_path() const { return path("status.sock"); }
    // The user that workers and scanners are to run as.
    [[nodiscard]] RunAs user() const { return user_; }

    [[nodiscard]] nlohmann::json status() const;
    // Waits until `holds(status)`.
    template <class Holds>
    nlohmann::json wait_status(const std::string& what, Holds holds) const;
    [[nodiscard]] MilterClient client() const { return MilterClient(milter_address()); }
    // A session that has sent HELO.
    [[nodiscard]] MilterClient session(Offer offer = {}) const;
    [[nodiscard]] Outcome ctl(const std::vector<std::string>& arguments) const;

    [[nodiscard]] pid_t pid() const { return child_.pid; }
    // Pids by the role that the status gives them: "session", "loader", "scanner".
    [[nodiscard]] std::vector<pid_t> pids(const std::string& role) const;
    // All processes of every launch that are still alive.
    [[nodiscard]] std::vector<Process> processes() const;
    [[nodiscard]] std::string log() const;
    // Waits for a line that contains all of `words`, from the beginning of the log; returns it.
    std::string wait_log(const std::vector<std::string>& words) const;
    // Things that a stopped service must not leave: processes, sockets, temporary and spool files. One line each.
    [[nodiscard]] std::vector<std::string> leftovers() const;

  protected:
    void end_processes(); // all that are still alive

  private:
    [[nodiscard]] std::string binary(const std::optional<RunAs>& user) const;
    [[nodiscard]] std::string find_log(const std::vector<std::string>& words) const;

    Folder folder_;
    Keys keys_;
    RunAs user_;
    As as_;
    Child child_;
    std::vector<pid_t> sessions_; // one per launch
};

// Descriptors, memfds (scoreboards left out) and unlinked files of every process of a service, for comparison
// before and after.
struct Holdings {
    std::map<pid_t, std::size_t> descriptors;
    std::size_t memfds = 0;
    std::size_t deleted_files = 0;
    std::size_t processes = 0;
    std::string text; // every memfd and unlinked file, one a line
};
[[nodiscard]] Holdings holdings(const Service& service);
// Waits until no process holds a message: a scanner closes its copy a moment after it has answered.
void wait_no_message(const Service& service);

// The scanners that are busy and hold a message with this text.
[[nodiscard]] std::vector<pid_t> scanners_with(const Service& service, std::string_view text);
// Waits until scanners_with() names a scanner twice in a row: it has said Taken by then. Returns its pid.
[[nodiscard]] pid_t wait_taken(const Service& service, std::string_view text);

} // namespace evermilter::test

#include "tests/support/waiting.h"

template <class Holds>
nlohmann::json evermilter::test::Service::wait_status(const std::string& what, Holds holds) const {
    nlohmann::json now;
    wait_until(what, [&] {
        now = status();
        return holds(now);
    });
    return now;
}
