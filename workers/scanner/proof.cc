#include "workers/scanner/proof.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/common/base/hex.h"
#include "workers/common/base/pidfd.h"
#include "workers/scanner/libclamav/seed.h"
#include "workers/scanner/own_alarm.h"

namespace evermilter::scanner {
namespace {

// Found nowhere but in our own probe.
constexpr std::string_view kProbeText = "evermilter-builtin-probe-6f1d3c52a84e49b0 not a virus";
constexpr std::string_view kProbeBase64 = "ZXZlcm1pbHRlci1idWlsdGluLXByb2JlLTZmMWQzYzUyYTg0ZTQ5YjAgbm90IGEgdmlydXMK";
constexpr std::size_t kMostReport = 4096; // bytes

std::string probe(std::string_view subject, std::string_view attachment) {
    std::string text =
        "From evermilter@localhost Thu Jan  1 00:00:00 1970\n"
        "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\n"
        "From: evermilter@localhost\nTo: evermilter@localhost\nSubject: ";
    text += subject;
    text +=
        "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"probe\"\n\n"
        "--probe\nContent-Type: text/plain\n\nA probe.\n\n"
        "--probe\nContent-Type: application/octet-stream; name=\"probe.bin\"\n"
        "Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"probe.bin\"\n\n";
    text += attachment;
    text += "\n--probe--\n";
    return text;
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t put = ::write(fd, text.data(), text.size());
        if (put < 0 && errno != EINTR) return false;
        if (put > 0) text.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

Result<unique_fd> as_file(std::string_view text) {
    unique_fd file(::memfd_create("evermilter-probe", MFD_CLOEXEC));
    if (!file || !write_all(file.get(), text)) return system_error("cannot make a probe");
    return file;
}

enum class Expected : std::uint8_t { infected, clean };

Result<void, Refusal> check(Engine& engine, int fd, Expected expected, const std::string& name) {
    const Verdict verdict = engine.scan(fd).verdict;
    if (expected == Expected::infected && verdict.outcome == messages::ScanOutcome::infected) return {};
    if (expected == Expected::clean && verdict.outcome == messages::ScanOutcome::clean) return {};
    std::string reason = "proof failed: " + name + " must be ";
    reason += expected == Expected::infected ? "found" : "clean";
    switch (verdict.outcome) {
        case messages::ScanOutcome::clean:
            return Refusal{EX_SOFTWARE, reason + ", but nothing was found"};
        case messages::ScanOutcome::infected:
            return Refusal{EX_SOFTWARE, reason + ", but " + verdict.detail + " was found"};
        case messages::ScanOutcome::incomplete:
            return Refusal{EX_SOFTWARE, reason + ", but the scan stopped at the limit " + verdict.detail};
        case messages::ScanOutcome::error:
        case messages::ScanOutcome::temp_failed:
            return Refusal{EX_SOFTWARE, reason + ", but the scan failed: " + verdict.detail};
    }
    return Refusal{EX_SOFTWARE, std::move(reason)};
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

// The regular files of a folder, sorted; a folder that does not exist has none.
Result<std::vector<std::string>, Refusal> files_of(const std::string& folder) {
    std::vector<std::string> files;
    const std::unique_ptr<DIR, CloseDirectory> open(::opendir(folder.c_str()));
    if (!open) {
        if (errno == ENOENT) return files;
        return Refusal{errno == EACCES ? EX_NOPERM : EX_OSERR,
                       "database.proof_directory: " + system_error(folder).what};
    }
    while (const dirent* entry = ::readdir(open.get())) {
        struct stat status {};
        if (::fstatat(::dirfd(open.get()), entry->d_name, &status, 0) == 0 && S_ISREG(status.st_mode))
            files.push_back(folder + "/" + entry->d_name);
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

std::string infected_probe() {
    return probe("an infected probe", kProbeBase64);
}
std::string clean_probe() {
    return probe("a clean probe", "QSBwcm9iZS4K");
}

Result<void, Refusal> add_builtin_probe(Engine& engine, const std::string& folder) {
    const std::string path = folder + "/probe.ndb";
    const std::string line = std::string(kProbeName) + ":0:*:" + to_hex(kProbeText) + "\n";
    {
        const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
        if (!file || !write_all(file.get(), line))
            return Refusal{EX_CANTCREAT, "temp directory not usable: " + system_error(path).what};
    }
    auto loaded = engine.load_uncounted(path);
    (void)::unlink(path.c_str());
    return loaded;
}

Result<void, Refusal> prove(Engine& engine, const std::string& proof_directory,
                            const std::function<void(const std::string&)>& report) {
    struct Builtin {
        const char* name;
        std::string text;
        Expected expected;
    };
    const Builtin builtins[] = {{"the built-in infected probe", infected_probe(), Expected::infected},
                                {"the built-in clean probe", clean_probe(), Expected::clean}};
    for (const Builtin& builtin : builtins) {
        report(builtin.name);
        auto file = as_file(builtin.text);
        if (!file) return Refusal{EX_OSERR, file.error().what};
        if (auto checked = check(engine, file->get(), builtin.expected, builtin.name); !checked) return checked;
    }
    if (proof_directory.empty()) return {};
    for (const auto& [folder, expected] : {std::pair{"/infected", Expected::infected}, {"/clean", Expected::clean}}) {
        auto files = files_of(proof_directory + folder);
        if (!files) return files.error();
        for (const std::string& path : *files) {
            report(path);
            const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
            if (!file)
                return Refusal{errno == EACCES ? EX_NOPERM : EX_OSERR,
                               "database.proof_directory: " + system_error(path).what};
            if (auto checked = check(engine, file.get(), expected, path); !checked) return checked;
        }
    }
    return {};
}

Result<ProofProcess> ProofProcess::start(Engine& engine, const config::Config& config,
                                         const std::string& temp_directory) {
    unique_fd report(::memfd_create("evermilter-proof", MFD_CLOEXEC));
    if (!report) return system_error("cannot make the report of the proof");
    const pid_t loader = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) return system_error("cannot fork for the proof");
    if (child == 0) {
        // Without its loader nobody hears its word, and its copy of the engine must not stay in memory.
        if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != loader) ::_exit(EX_OSERR);
        using namespace std::chrono;
        const auto alarm_after =
            static_cast<unsigned>(duration_cast<seconds>(config.scanner.max_scan_time).count()) + 10;
        const auto say = [&](std::string_view text) {
            return ::ftruncate(report.get(), 0) == 0 && ::lseek(report.get(), 0, SEEK_SET) == 0 &&
                   write_all(report.get(), text.substr(0, kMostReport));
        };
        seed_random();
        heed_own_alarm();
        if (auto set = engine.set_temp_directory(temp_directory); !set) {
            (void)say(set.error().what);
            ::_exit(EX_SOFTWARE);
        }
        auto proven = prove(engine, config.database.proof_directory, [&](const std::string& name) {
            (void)say(name);
            ::alarm(alarm_after);
        });
        if (!proven) (void)say(proven.error().reason);
        ::_exit(proven ? EX_OK : proven.error().exit_code);
    }
    unique_fd pidfd(::pidfd_open(child, 0));
    if (!pidfd) {
        Error error = system_error("pidfd_open");
        (void)::kill(child, SIGKILL); // ours and not reaped
        (void)::waitpid(child, nullptr, 0);
        return error;
    }
    return ProofProcess(std::move(pidfd), std::move(report));
}

Result<void, Refusal> ProofProcess::result() {
    siginfo_t info{};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED) != 0)
        return Refusal{EX_OSERR, "the proof cannot be reaped: " + system_error("waitid").what};
    std::string said(kMostReport, '\0');
    const ssize_t got = ::pread(report_.get(), said.data(), said.size(), 0);
    said.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (info.si_code == CLD_EXITED) {
        if (info.si_status == EX_OK) return {};
        return Refusal{info.si_status, said};
    }
    if (info.si_status == SIGALRM) return Refusal{EX_SOFTWARE, "proof failed: the scan of " + said + " hung"};
    const std::string when = said.empty() ? "before its first probe" : "while " + said + " was scanned";
    return Refusal{EX_SOFTWARE, "proof failed: signal " + std::to_string(info.si_status) + " (" +
                                    ::sigabbrev_np(info.si_status) + ") " + when};
}

} // namespace evermilter::scanner
