// What a child keeps of the rights of its parent: none.
#include "supervisor/privileges.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "tests/support/command.h"
#include "tests/support/in_child.h"
#include "tests/support/report.h"

using namespace evermilter::supervisor;
using namespace evermilter::test;

namespace {

constexpr uid_t kUser = 65534;

// All that is permitted, inheritable too.
bool make_inheritable() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
    for (auto& set : sets) set.effective = set.inheritable = set.permitted;
    return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

bool has_no_capability() {
    std::ifstream status("/proc/self/status");
    int sets = 0;
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("CapInh:") && !line.starts_with("CapPrm:") && !line.starts_with("CapEff:") &&
            !line.starts_with("CapAmb:"))
            continue;
        if (line.find_first_not_of("0\t ", line.find(':') + 1) != std::string::npos) return false;
        ++sets;
    }
    return sets == 4;
}

} // namespace

BOOST_AUTO_TEST_SUITE(privileges_test)

BOOST_AUTO_TEST_CASE(a_user_who_was_given_lasting_capabilities_hands_none_on) {
    if (!is_root()) not_possible("needs root");
    BOOST_TEST(holds_in_child([] {
        const bool given = ::prctl(PR_SET_KEEPCAPS, 1) == 0 && ::setresgid(kUser, kUser, kUser) == 0 &&
                           ::setresuid(kUser, kUser, kUser) == 0 && make_inheritable() &&
                           ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0) == 0;
        return given && !has_no_capability() && become(Identity{}) && has_no_capability();
    }));
}

BOOST_AUTO_TEST_CASE(a_change_of_the_user_that_takes_no_capability_away_leaves_none) {
    if (!is_root()) not_possible("needs root");
    BOOST_TEST(holds_in_child([] {
        Identity identity;
        identity.uid = kUser;
        identity.gid = kUser;
        identity.switch_user = true;
        return ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0 && make_inheritable() && become(identity) &&
               has_no_capability();
    }));
}

BOOST_AUTO_TEST_SUITE_END()
