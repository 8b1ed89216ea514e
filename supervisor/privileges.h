// The users that the processes run as. Started as root, the supervisor stays uid 0 with the few capabilities it needs,
// and the children run as the configured users without any; started as an ordinary user, all run as that user.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "config/config.h"
#include "workers/common/base/result.h"

namespace evermilter::supervisor {

// A user that children run as, resolved once at the start. `switch_user` is false where we are that user already.
struct Identity {
    std::string user;
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups; // supplementary ones
    bool switch_user = false;
};

struct Identities {
    Identity session; // process.user
    Identity scanner; // process.scanner_user
};

struct ResolvedIdentities {
    Identities identities;           // one that is unknown has no name (`user`)
    std::vector<std::string> faults; // the key, the user or group that is unknown, the remedy: exit status EX_NOUSER
};

// Looks up the users and groups of `process` when we are root; the current user otherwise. Waits for the directory
// service.
[[nodiscard]] ResolvedIdentities resolve_identities(const config::Process& process);

// A warning with its remedy where root has configured one user for everything, so that a scanner that opens strangers'
// archives could reach the workers that talk to the MTA; "" where the users differ or we are not root.
[[nodiscard]] std::string one_user_warning(const Identities& identities);

// As root: keeps CAP_SETUID, CAP_SETGID, CAP_KILL, CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER and
// CAP_NET_BIND_SERVICE, for good. As an ordinary user nothing
// is done.
[[nodiscard]] Result<void> drop_privileges();

// In a forked child, between fork and exec: groups, gid, uid, no capability, no_new_privs, and an OOM score that is
// `oom_points` above ours (oom_score.h). Async-signal-safe; errno on failure.
[[nodiscard]] bool become(const Identity& identity, int oom_points = 0) noexcept;

} // namespace evermilter::supervisor
