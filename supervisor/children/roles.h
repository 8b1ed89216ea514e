// The roles of processes, one row each: what is the same for all processes of a role. Its name is in protocol.h; what
// its messages and its end mean is said by its owner (child_owner.h). A new kind of process is a row here, a Role, and
// a folder with its owner.
#pragma once

#include <array>
#include <cstdint>

#include "supervisor/privileges.h"
#include "workers/common/base/oom_score.h"
#include "workers/common/ipc/protocol.h"

namespace evermilter::supervisor {

// How a process of a role comes to be.
enum class Origin : std::uint8_t {
    executed, // by us: a binary, with its channel from the start
    expected, // forked by another child of ours, with a channel that we have given to that one
    reported, // forked by another child of ours, without a channel to us: its parent tells of it
};

// Messages that do not come with each session or mail. More of them is a flood, whose sender is killed.
struct MessageBudget {
    double at_once = 5000;
    double per_second = 1000;
};

struct RoleRow {
    messages::Role role;
    Origin origin;
    const char* binary;         // beside evermilterd or in libexec; nullptr where it is not executed
    Identity Identities::*user; // that it runs as; of the one that forks it where it is not executed
    int oom_points;             // above its parent (oom_score.h)
    MessageBudget budget;
    bool only_pongs;    // it says nothing else until it has another role
    bool ready_in_time; // one that is not ready in time is killed (heartbeat.h); a load has a bound of its own
};

// clang-format off
inline constexpr std::array<RoleRow, messages::kRoles> kRoleRows{{
    // role                    origin            binary                user                  oom_points           budget only_pongs ready_in_time
    {messages::Role::session,  Origin::executed, "evermilter-session", &Identities::session, kOomPointsOfChild,   {},    false,     true},
    {messages::Role::loader,   Origin::executed, "evermilter-scanner", &Identities::scanner, kOomPointsOfChild,   {},    false,     false},
    {messages::Role::standby,  Origin::expected, nullptr,              &Identities::scanner, 0,                   {},    true,      false},
    {messages::Role::scanner,  Origin::reported, nullptr,              &Identities::scanner, kOomPointsOfScanner, {},    false,     false},
}};
// clang-format on

[[nodiscard]] constexpr const RoleRow& row_of(messages::Role role) {
    return kRoleRows.at(static_cast<std::size_t>(role));
}

} // namespace evermilter::supervisor
