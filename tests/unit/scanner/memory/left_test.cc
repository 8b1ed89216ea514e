// Memory that is left, read from folders that look like /proc and /sys/fs/cgroup.
#include "workers/scanner/memory/left.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1024UL * 1024;

struct Machine {
    Machine() {
        write("/proc/meminfo", "MemTotal:  8192 kB\nMemFree:  10 kB\nMemAvailable:    2097152 kB\nSwapFree:  0 kB\n");
    }
    void write(const std::string& path, const std::string& content) const {
        const fs::path target(root() + path);
        fs::create_directories(target.parent_path());
        test::write_file(target, content);
    }
    void write(const std::string& path, std::uint64_t value) const { write(path, std::to_string(value) + "\n"); }
    [[nodiscard]] std::string root() const { return folder.path().string(); }
    // "on this machine 2048, in the control group /a 100", in MiB.
    [[nodiscard]] std::string left() const {
        std::string text;
        for (const MemoryLeft& one : read_memory_left(root()))
            text += (text.empty() ? "" : ", ") + one.where + " " + std::to_string(one.bytes / kMiB);
        return text;
    }
    test::Folder folder;
};

const std::string kGroup = "/sys/fs/cgroup/mail.slice/evermilter.service/";
const std::string kGroupV1 = "/sys/fs/cgroup/memory/docker/1/";

} // namespace

BOOST_AUTO_TEST_SUITE(memory_left)

BOOST_FIXTURE_TEST_CASE(without_control_groups_the_machine_counts_with_its_swap, Machine) {
    BOOST_TEST(left() == "on this machine 2048");
    write("/proc/meminfo", "MemAvailable:    2097152 kB\nSwapFree:        1048576 kB\n");
    BOOST_TEST(left() == "on this machine 3072");
}

BOOST_FIXTURE_TEST_CASE(what_cannot_be_read_sets_no_bound, Machine) {
    fs::remove(folder / "proc/meminfo");
    write("/proc/self/cgroup", "nonsense\n0::/mail.slice\n5:memory:/\n");
    BOOST_TEST(left().empty());
    write("/sys/fs/cgroup/mail.slice/memory.max", "garbage\n");
    write("/sys/fs/cgroup/mail.slice/memory.current", "garbage\n");
    BOOST_TEST(left().empty());
}

BOOST_FIXTURE_TEST_CASE(each_group_up_to_the_root_counts_in_version_2, Machine) {
    write("/proc/self/cgroup", "0::/mail.slice/evermilter.service\n");
    write(kGroup + "memory.max", "max\n");
    write(kGroup + "memory.current", 100 * kMiB);
    BOOST_TEST(left() == "on this machine 2048");
    write("/sys/fs/cgroup/mail.slice/memory.max", 1500 * kMiB);
    write("/sys/fs/cgroup/mail.slice/memory.current", 1400 * kMiB);
    BOOST_TEST(left() == "on this machine 2048, in the control group /mail.slice 100");
    write(kGroup + "memory.max", 1000 * kMiB);
    BOOST_TEST(left() ==
               "on this machine 2048, in the control group /mail.slice/evermilter.service 900, "
               "in the control group /mail.slice 100");
}

BOOST_FIXTURE_TEST_CASE(cached_files_and_allowed_swap_are_room_in_version_2, Machine) {
    write("/proc/self/cgroup", "0::/mail.slice/evermilter.service\n");
    write(kGroup + "memory.max", 1000 * kMiB);
    write(kGroup + "memory.current", 900 * kMiB);
    write(kGroup + "memory.stat", "anon 1\nfile 999999999999\ninactive_file " + std::to_string(300 * kMiB) +
                                      "\nactive_file " + std::to_string(100 * kMiB) + "\nslab_reclaimable " +
                                      std::to_string(50 * kMiB) + "\n");
    BOOST_TEST(left().ends_with("evermilter.service 550"));
    write("/proc/meminfo", "MemAvailable: 2097152 kB\nSwapFree: 1048576 kB\n");
    BOOST_TEST(left().ends_with("evermilter.service 1574"));
    write(kGroup + "memory.swap.max", 200 * kMiB);
    write(kGroup + "memory.swap.current", 150 * kMiB);
    BOOST_TEST(left().ends_with("evermilter.service 600"));
}

BOOST_FIXTURE_TEST_CASE(version_1_has_its_own_files, Machine) {
    write("/proc/self/cgroup", "4:cpu,cpuacct:/docker/1\n3:name=systemd:/\n2:memory:/docker/1\n");
    write(kGroupV1 + "memory.limit_in_bytes", 9223372036854771712U); // no limit
    write(kGroupV1 + "memory.usage_in_bytes", 100 * kMiB);
    BOOST_TEST(left() == "on this machine 2048");
    write(kGroupV1 + "memory.limit_in_bytes", 500 * kMiB);
    write(kGroupV1 + "memory.stat", "total_inactive_file " + std::to_string(20 * kMiB) + "\n");
    BOOST_TEST(left() == "on this machine 2048, in the control group /docker/1 420");
    write("/proc/meminfo", "MemAvailable: 2097152 kB\nSwapFree: 1048576 kB\n");
    // Memory and swap together: 30 MiB of swap beside the 400 MiB of memory that are not used.
    write(kGroupV1 + "memory.memsw.limit_in_bytes", 550 * kMiB);
    write(kGroupV1 + "memory.memsw.usage_in_bytes", 120 * kMiB);
    BOOST_TEST(left().ends_with("/docker/1 450"));
}

BOOST_FIXTURE_TEST_CASE(in_a_container_the_groups_root_is_ours, Machine) {
    write("/proc/self/cgroup", "2:memory:/docker/of-the-host\n");
    write("/sys/fs/cgroup/memory/memory.limit_in_bytes", 500 * kMiB);
    write("/sys/fs/cgroup/memory/memory.usage_in_bytes", 100 * kMiB);
    BOOST_TEST(left() == "on this machine 2048, in the control group / 400");
}

BOOST_AUTO_TEST_CASE(this_machine_tells_its_memory_and_ours) {
    BOOST_TEST(!read_memory_left().empty());
    BOOST_TEST(private_memory() > 100'000U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
