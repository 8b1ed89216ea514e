// See proc.h. Reads /proc as text; a process that ends meanwhile is left out.
#include "tests/support/proc.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <csignal>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/support/waiting.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

std::string proc_path(pid_t pid, const std::string& name) {
    return "/proc/" + std::to_string(pid) + "/" + name;
}

template <class Keep>
std::vector<Process> select_processes(Keep keep) {
    std::vector<Process> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (failure != std::errc() || end != name.data() + name.size()) continue;
        const auto one = process(pid);
        if (one && one->state != 'Z' && one->state != 'X' && keep(*one)) found.push_back(*one);
    }
    std::sort(found.begin(), found.end(), [](const Process& a, const Process& b) { return a.pid < b.pid; });
    return found;
}

} // namespace

std::optional<Process> process(pid_t pid) {
    const std::string text = read_file(proc_path(pid, "stat"));
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos) return std::nullopt;
    Process result;
    result.pid = pid;
    result.name = text.substr(open + 1, close - open - 1);
    std::istringstream rest(text.substr(close + 1)); // field 3 of proc(5) on
    std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
    if (fields.size() < 20) return std::nullopt;
    result.state = fields[0][0];
    result.parent = std::stoi(fields[1]);
    result.session = std::stoi(fields[3]);
    result.cpu_ticks = std::stoull(fields[11]) + std::stoull(fields[12]);
    result.threads = std::stol(fields[17]);
    result.start_time = std::stoull(fields[19]);
    return result;
}

bool alive(pid_t pid) {
    const auto found = process(pid);
    return found && found->state != 'Z' && found->state != 'X';
}

std::vector<Process> processes_of_session(pid_t session) {
    return select_processes([session](const Process& one) { return one.session == session; });
}

std::vector<Process> children(pid_t parent) {
    return select_processes([parent](const Process& one) { return one.parent == parent; });
}

std::vector<pid_t> threads_of(pid_t pid) {
    std::vector<pid_t> threads;
    std::error_code gone;
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone))
        threads.push_back(static_cast<pid_t>(std::stol(task.path().filename().string())));
    return threads;
}

std::vector<Descriptor> descriptors(pid_t pid) {
    std::vector<Descriptor> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(proc_path(pid, "fd"), error)) {
        const fs::path target = fs::read_symlink(entry.path(), error);
        if (!error) found.push_back({std::stoi(entry.path().filename()), target});
    }
    return found;
}

std::string read_descriptor(pid_t pid, int number) {
    // Opened a second time, so that the offset of the process under test stays where it is.
    return read_file(proc_path(pid, "fd/" + std::to_string(number)));
}

std::string executable(pid_t pid) {
    std::error_code error;
    return fs::read_symlink(proc_path(pid, "exe"), error);
}

uid_t real_user(pid_t pid) {
    const std::string value = status_field(pid, "Uid");
    return value.empty() ? static_cast<uid_t>(-1) : static_cast<uid_t>(std::stoul(value));
}

int nice_value(pid_t thread) {
    errno = 0;
    const int value = ::getpriority(PRIO_PROCESS, static_cast<id_t>(thread));
    return errno == 0 ? value : 0;
}

std::string status_field(pid_t pid, const std::string& field) {
    std::istringstream lines(read_file(proc_path(pid, "status")));
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(field + ":")) continue;
        const auto begin = line.find_first_not_of(" \t", field.size() + 1);
        return begin == std::string::npos ? "" : line.substr(begin);
    }
    return "";
}

std::uint64_t pss_kib(pid_t pid) {
    std::istringstream lines(read_file(proc_path(pid, "smaps_rollup")));
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with("Pss:")) return std::stoull(line.substr(4));
    return 0;
}

void stop_process(pid_t pid) {
    if (kill(pid, SIGSTOP) != 0) throw std::runtime_error("cannot stop " + std::to_string(pid));
    wait_until("process " + std::to_string(pid) + " is stopped", [pid] {
        const auto found = process(pid);
        return !found || found->state == 'T' || found->state == 'Z';
    });
}

void continue_process(pid_t pid) {
    kill(pid, SIGCONT);
}

std::vector<std::string> entries_below(const fs::path& folder) {
    std::vector<std::string> found;
    std::error_code error;
    // Entries that vanish meanwhile, or that we may not read, are skipped.
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
        found.push_back(entry->path().lexically_relative(folder));
    std::sort(found.begin(), found.end());
    return found;
}

std::string read_file(const fs::path& path) {
    std::string content;
    const unique_fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 65536> block{};
    for (ssize_t got = 0; (got = read(fd.get(), block.data(), block.size())) > 0;)
        content.append(block.data(), static_cast<std::size_t>(got));
    return content;
}

void write_file(const fs::path& path, const std::string& content) {
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << content;
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path.string());
}

} // namespace evermilter::test
