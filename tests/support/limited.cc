// See limited.h.
#include "tests/support/limited.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "tests/support/proc.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

// prlimit(2) in a child that has become the user of `pid`, because root without CAP_SYS_RESOURCE (in a container) may
// not call it. Returns the previous soft limit; nullopt if the call is refused.
std::optional<rlim_t> change_soft_limit(pid_t pid, Resource resource, rlim_t value) {
    const auto user = real_user(pid);
    const auto group = static_cast<gid_t>(std::stoul(status_field(pid, "Gid")));
    std::array<int, 2> ends{};
    BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
                                 ::setresuid(user, user, user) != 0))
            ::_exit(1);
        rlimit limit{};
        if (::prlimit(pid, resource, nullptr, &limit) != 0) ::_exit(2);
        const rlim_t before = std::exchange(limit.rlim_cur, std::min(value, limit.rlim_max));
        if (::prlimit(pid, resource, &limit, nullptr) != 0) ::_exit(3);
        ::_exit(::write(ends[1], &before, sizeof before) == sizeof before ? 0 : 4);
    }
    ::close(ends[1]);
    rlim_t before = 0;
    const bool done = ::read(ends[0], &before, sizeof before) == sizeof before;
    ::close(ends[0]);
    ::waitpid(child, nullptr, 0);
    return done ? std::optional(before) : std::nullopt;
}

std::uint64_t ticks(const std::vector<pid_t>& pids) {
    std::uint64_t sum = 0;
    for (const pid_t pid : pids)
        if (const auto one = process(pid)) sum += one->cpu_ticks;
    return sum;
}

} // namespace

Limited::Limited(pid_t pid, Resource resource, rlim_t value) : pid_(pid), resource_(resource) {
    const auto before = change_soft_limit(pid, resource, value);
    BOOST_REQUIRE(before.has_value());
    before_ = *before;
}

Limited::~Limited() {
    if (alive(pid_)) (void)change_soft_limit(pid_, resource_, before_);
}

// A process that spins would use a hundred ticks.
void nobody_spins(const std::vector<pid_t>& pids) {
    const auto before = ticks(pids);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    wait_until("a second is over", [&] { return std::chrono::steady_clock::now() >= end; });
    BOOST_TEST(ticks(pids) < before + 50U); // a process that has ended meanwhile no longer counts
}

} // namespace evermilter::test
