// See memory_group.h. Its files: Documentation/admin-guide/cgroup-v1/memory.rst and cgroup-v2.rst of the kernel.
#include "tests/support/memory_group.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/support/waiting.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

namespace fs = std::filesystem;

namespace {

// Such a file takes each value with one write(2), or refuses it.
bool put(const fs::path& file, const std::string& value) {
    const unique_fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

std::vector<std::string> words(const std::string& line, char separator) {
    std::vector<std::string> found;
    std::istringstream rest(line);
    for (std::string word; std::getline(rest, word, separator);) found.push_back(word);
    return found;
}

// The value after `name` in a file of lines "name value".
std::uint64_t number(const fs::path& file, const std::string& name) {
    std::istringstream lines(read_file(file));
    std::string key;
    std::uint64_t value = 0;
    while (lines >> key >> value)
        if (key == name) return value;
    return 0;
}

struct Mount {
    fs::path point;
    std::string root; // the part of the hierarchy that is mounted there
    bool second = false;
};

// Where memory is controlled: the v1 hierarchy that has "memory", or the v2 hierarchy.
std::optional<Mount> memory_mount() {
    std::optional<Mount> found;
    std::istringstream lines(read_file("/proc/self/mountinfo"));
    for (std::string line; std::getline(lines, line);) {
        // proc(5): 36 35 98:0 ROOT POINT options … - TYPE source OPTIONS
        const auto fields = words(line, ' ');
        const auto dash = std::find(fields.begin(), fields.end(), "-");
        if (fields.size() < 5 || fields.end() - dash < 4) continue;
        const auto options = words(dash[3], ',');
        if (dash[1] == "cgroup" && std::find(options.begin(), options.end(), "memory") != options.end())
            return Mount{fields[4], fields[3], false};
        if (dash[1] == "cgroup2") found = Mount{fields[4], fields[3], true};
    }
    return found;
}

// The group of this process, as a folder.
fs::path own_group(const Mount& mount) {
    std::istringstream lines(read_file("/proc/self/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        // cgroups(7): "4:memory:/path", "0::/path"
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const auto controllers = words(line.substr(first + 1, second - first - 1), ',');
        const bool ours = mount.second
                              ? line.starts_with("0::")
                              : std::find(controllers.begin(), controllers.end(), "memory") != controllers.end();
        if (!ours) continue;
        std::string path = line.substr(second + 1);
        if (mount.root != "/" && path.starts_with(mount.root)) path.erase(0, mount.root.size());
        fs::path folder = mount.point / fs::path(path).relative_path();
        return fs::exists(folder / "cgroup.procs") ? folder : mount.point;
    }
    return mount.point;
}

const char* limit_file(bool second) {
    return second ? "memory.max" : "memory.limit_in_bytes";
}

} // namespace

MemoryGroup::MemoryGroup() {
    const auto mount = memory_mount();
    if (!mount) not_possible("no memory control group can be made");
    second_ = mount->second;
    home_ = own_group(*mount);
    const std::string name = "evermilter-test-" + std::to_string(::getpid());
    // In v2 a group with processes cannot have child groups with controllers; its parent may have them.
    for (const fs::path& above : {home_, home_.parent_path()}) {
        if (second_) (void)put(above / "cgroup.subtree_control", "+memory");
        std::error_code refused;
        path_ = above / name;
        if (!fs::create_directory(path_, refused)) continue;
        if (::access((path_ / limit_file(second_)).c_str(), W_OK) == 0) return;
        fs::remove(path_, refused);
        if (!second_) break;
    }
    not_possible("no memory control group can be made");
}

MemoryGroup::~MemoryGroup() {
    // A process leaves its group a moment after it was reaped.
    for (const Deadline end = patience(); ::rmdir(path_.c_str()) != 0 && errno == EBUSY && left(end) > 0;)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

MemoryGroup::Visit::Visit(const MemoryGroup& group) : home_(group.home_) {
    if (!put(group.path_ / "cgroup.procs", std::to_string(::getpid())))
        not_possible("no memory control group can be made");
}

MemoryGroup::Visit::~Visit() {
    (void)put(home_ / "cgroup.procs", std::to_string(::getpid()));
}

std::uint64_t MemoryGroup::held() const {
    const fs::path stat = path_ / "memory.stat";
    const std::uint64_t all = std::stoull(read_file(path_ / (second_ ? "memory.current" : "memory.usage_in_bytes")));
    return all - std::min(all, number(stat, "inactive_file") + number(stat, "active_file"));
}

void MemoryGroup::limit(std::uint64_t bytes) const {
    // The kernel first takes back the memory above the limit, which may need more than one attempt.
    wait_until("the memory limit is set", [&] { return put(path_ / limit_file(second_), std::to_string(bytes)); });
}

std::uint64_t MemoryGroup::kills() const {
    return number(path_ / (second_ ? "memory.events" : "memory.oom_control"), "oom_kill");
}

} // namespace evermilter::test
