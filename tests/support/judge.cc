// See judge.h. The judge has one thread; it judges the program by its exit status and by what is in a folder of its
// own.
#include "tests/support/judge.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "tests/support/proc.h"

namespace evermilter::test {
namespace {

namespace fs = std::filesystem;

constexpr int kSkipped = 77; // as ctest's SKIP_RETURN_CODE
constexpr std::size_t kMostOfALog = 10'000;

// "BINARY/TEST/_3: REASON", of a row of a test that has several, as "BINARY/TEST: REASON".
std::string without_row(const std::string& line) {
    const std::size_t colon = line.find(": ");
    const std::size_t row = line.rfind("/_", colon);
    if (colon == std::string::npos || row == std::string::npos) return line;
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (!std::all_of(line.begin() + static_cast<std::ptrdiff_t>(row + 2),
                     line.begin() + static_cast<std::ptrdiff_t>(colon), digit))
        return line;
    return line.substr(0, row) + line.substr(colon);
}

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

// Holds the report and what sanitizers write. A process of another user can write here too.
class ReportFolder {
  public:
    ReportFolder() {
        std::string name = "/tmp/evermilter-reports.XXXXXX";
        if (mkdtemp(name.data()) == nullptr) fail(name);
        path_ = name;
        if (chmod(name.c_str(), 01777) != 0) fail(name);
        std::ofstream(report()) << "";
        fs::copy_file(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "tests/tsan.supp", suppressions());
        fs::permissions(suppressions(), fs::perms(0644));
    }
    ~ReportFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    ReportFolder(const ReportFolder&) = delete;
    ReportFolder& operator=(const ReportFolder&) = delete;
    ReportFolder(ReportFolder&&) = delete;
    ReportFolder& operator=(ReportFolder&&) = delete;

    [[nodiscard]] fs::path report() const { return path_ / "report"; }
    [[nodiscard]] fs::path suppressions() const { return path_ / "tsan.supp"; }
    [[nodiscard]] fs::path sanitizer_log() const { return path_ / "sanitizer"; } // and ".PID"

    [[nodiscard]] std::vector<fs::path> sanitizer_logs() const {
        std::vector<fs::path> found;
        for (const fs::directory_entry& one : fs::directory_iterator(path_))
            if (one.path().filename().string().starts_with("sanitizer.") && one.file_size() > 0)
                found.push_back(one.path());
        std::sort(found.begin(), found.end());
        return found;
    }

  private:
    fs::path path_;
};

// `options` and behind them what the environment says already, which so wins.
void add_options(const char* variable, const std::string& options) {
    const char* own = std::getenv(variable);
    setenv(variable, (options + (own != nullptr ? std::string(":") + own : "")).c_str(), 1);
}

void set_environment(const ReportFolder& folder) {
    setenv(kReportVariable, folder.report().c_str(), 1);
    // A signal stays one: tests send SIGSEGV, and a crash is to end the process.
    setenv("BOOST_TEST_CATCH_SYSTEM_ERRORS", "no", 0);
    if (isatty(STDOUT_FILENO) == 0) setenv("BOOST_TEST_COLOR_OUTPUT", "no", 0);
    const std::string common = "handle_segv=0:log_path=" + folder.sanitizer_log().string();
    add_options("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0:" + common);
    add_options("UBSAN_OPTIONS", "halt_on_error=1:print_stacktrace=1:" + common);
    add_options("TSAN_OPTIONS", "halt_on_error=1:suppressions=" + folder.suppressions().string() + ":" + common);
}

struct End {
    int status = 0; // as waitpid(2) has it
    bool too_late = false;
    std::chrono::duration<double> cpu{}; // of it and of all that it waited for
};

std::chrono::seconds allowed_time() {
    const char* own = std::getenv("EVERMILTER_TEST_TIMEOUT");
    return std::chrono::seconds(own != nullptr ? std::atol(own) : 1200);
}

std::chrono::duration<double> cpu_time(const rusage& used) {
    const auto both = [](const timeval& one, const timeval& other) {
        return static_cast<double>(one.tv_sec + other.tv_sec) + static_cast<double>(one.tv_usec + other.tv_usec) / 1e6;
    };
    return std::chrono::duration<double>(both(used.ru_utime, used.ru_stime));
}

// Starts the program once more and waits for its end; a signal that asks us to end asks it.
End run(char* const* argv) {
    sigset_t watched;
    sigset_t before;
    sigemptyset(&watched);
    for (const int one : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&watched, one);
    sigprocmask(SIG_BLOCK, &watched, &before);
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); // nothing runs on without its judge
        sigprocmask(SIG_SETMASK, &before, nullptr);
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    End end;
    rusage used{};
    const auto deadline = std::chrono::steady_clock::now() + allowed_time();
    while (wait4(child, &end.status, WNOHANG, &used) == 0) {
        const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - std::chrono::steady_clock::now()).count();
        if (left <= 0 && !end.too_late) {
            end.too_late = true;
            kill(child, SIGKILL);
        }
        const timespec wait{std::max<time_t>(left, 1), 0};
        const int signal = sigtimedwait(&watched, nullptr, &wait);
        if (signal > 0 && signal != SIGCHLD) kill(child, signal);
    }
    sigprocmask(SIG_SETMASK, &before, nullptr);
    end.cpu = cpu_time(used);
    return end;
}

std::vector<std::string> lines(const fs::path& path) {
    std::vector<std::string> found;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) found.push_back(line);
    return found;
}

// What is left of a line behind `word `; empty if it does not begin so.
std::string behind(const std::string& line, std::string_view word) {
    return line.starts_with(word) ? line.substr(word.size() + 1) : "";
}

class Verdict {
  public:
    explicit Verdict(std::string binary) : binary_(std::move(binary)) {}

    void read(const fs::path& report) {
        std::set<std::string> ended;
        const std::vector<std::string> found = lines(report);
        for (const std::string& line : found) {
            if (const std::string name = behind(line, "passed"); !name.empty()) {
                ++passed_;
                ended.insert(name);
            } else if (const std::string other = behind(line, "failed"); !other.empty()) {
                failed(other, "");
                ended.insert(other);
            } else if (const std::string reason = behind(line, "not possible"); !reason.empty()) {
                not_possible(reason);
                ended.insert(reason.substr(0, reason.find(": ")));
            }
        }
        for (const std::string& line : found)
            if (const std::string name = behind(line, "listed"); !name.empty() && !ended.contains(name))
                failed(name, ": it was not run to its end");
        if (ended.empty() && failed_ == 0) failed("", ": no test was run");
    }

    void end(const End& end) {
        if (end.too_late) failed("", ": it did not end within " + std::to_string(allowed_time().count()) + " s");
        if (end.status == 0 || failed_ > 0) return;
        failed("", WIFSIGNALED(end.status)
                       ? ": every test passed, but it was ended by signal " + std::to_string(WTERMSIG(end.status))
                       : ": every test passed, but its exit status is " + std::to_string(WEXITSTATUS(end.status)));
    }

    void sanitizer(const fs::path& log) {
        failed("", ": a sanitizer reports of process " + log.extension().string().substr(1));
        printf("%s\n", read_file(log).substr(0, kMostOfALog).c_str());
    }

    int tell(std::chrono::duration<double> cpu) const {
        printf("%s took %.1f s of CPU time\n", binary_.c_str(), cpu.count());
        printf("%zu passed, %zu failed, %zu not possible\n", passed_, failed_, not_possible_);
        if (failed_ > 0) return 1;
        return passed_ > 0 ? 0 : kSkipped;
    }

  private:
    void failed(const std::string& name, const std::string& why) {
        ++failed_;
        printf("FAILED %s%s%s%s\n", binary_.c_str(), name.empty() ? "" : "/", name.c_str(), why.c_str());
    }

    void not_possible(const std::string& name_and_reason) {
        static const std::vector<std::string> pinned =
            lines(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "tests/not-possible.txt");
        const std::string line = binary_ + "/" + name_and_reason;
        if (std::find(pinned.begin(), pinned.end(), without_row(line)) == pinned.end())
            return failed(name_and_reason, " (this reason is not in tests/not-possible.txt)");
        if (geteuid() == 0 && line.ends_with("needs root")) return failed(name_and_reason, ", and this is root");
        ++not_possible_;
        printf("not possible: %s\n", line.c_str());
    }

    std::string binary_;
    std::size_t passed_ = 0;
    std::size_t failed_ = 0;
    std::size_t not_possible_ = 0;
};

} // namespace

bool wants_judge(int argc, char* const* argv) {
    if (std::getenv(kReportVariable) != nullptr) return false;
    return std::none_of(argv, argv + argc, [](std::string_view one) {
        return one.starts_with("--list") || one.starts_with("--help") || one.starts_with("--version") || one == "-h";
    });
}

int judge(char** argv) {
    const ReportFolder folder;
    set_environment(folder);
    const End end = run(argv);
    fflush(stdout);
    Verdict verdict(program_invocation_short_name);
    verdict.read(folder.report());
    verdict.end(end);
    for (const fs::path& log : folder.sanitizer_logs()) verdict.sanitizer(log);
    return verdict.tell(end.cpu);
}

} // namespace evermilter::test
