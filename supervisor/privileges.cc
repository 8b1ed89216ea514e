#include "supervisor/privileges.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "workers/common/base/oom_score.h"

namespace evermilter::supervisor {
namespace {

// Where process.scanner_user is not set.
constexpr const char* kScannerUser = "evermilter-scanner";

Result<gid_t> look_up_group(const std::string& group) {
    errno = 0;
    const struct group* found = ::getgrnam(group.c_str());
    if (found != nullptr) return found->gr_gid;
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        return system_error("process.group: cannot look up the group " + group);
    return Error{0, "process.group: there is no group \"" + group + "\": create it or set process.group"};
}

Result<Identity> look_up(const std::string& user, const std::string& group, const char* key) {
    errno = 0;
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) {
        if (errno != 0 && errno != ENOENT && errno != ESRCH)
            return system_error(std::string(key) + ": cannot look up the user " + user);
        return Error{0, std::string(key) + ": there is no user \"" + user + "\": create it or set " + key};
    }
    Identity identity;
    identity.user = user;
    identity.uid = entry->pw_uid;
    identity.gid = entry->pw_gid;
    if (!group.empty()) {
        const auto found = look_up_group(group);
        if (!found) return found.error();
        identity.gid = *found;
    }
    int count = 64;
    identity.groups.resize(static_cast<std::size_t>(count));
    while (::getgrouplist(user.c_str(), identity.gid, identity.groups.data(), &count) < 0)
        identity.groups.resize(static_cast<std::size_t>(count));
    identity.groups.resize(static_cast<std::size_t>(count));
    identity.switch_user = true;
    return identity;
}

// Not one is left. A user who is not root may have been given some that last (AmbientCapabilities= of systemd), and
// under SECBIT_NO_SETUID_FIXUP a change of the uid takes none away.
bool drop_capabilities() noexcept {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return false;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    const std::array<__user_cap_data_struct, 2> none{};
    return ::syscall(SYS_capset, &header, none.data()) == 0;
}

} // namespace

ResolvedIdentities resolve_identities(const config::Process& process) {
    ResolvedIdentities resolved;
    Identities& all = resolved.identities;
    if (::geteuid() != 0) {
        Identity own;
        own.uid = ::geteuid();
        own.gid = ::getegid();
        const passwd* entry = ::getpwuid(own.uid);
        own.user = entry == nullptr ? std::to_string(own.uid) : entry->pw_name;
        all = {own, own};
        return resolved;
    }
    const auto take = [&](Identity& identity, Result<Identity> found) {
        if (found)
            identity = std::move(*found);
        else
            resolved.faults.push_back(found.error().what);
    };
    // The group is looked up of a user who is unknown too: both are told at once.
    take(all.session, look_up(process.user, process.group, "process.user"));
    if (all.session.user.empty() && !process.group.empty()) {
        if (auto group = look_up_group(process.group); !group && group.error().what != resolved.faults.front())
            resolved.faults.push_back(group.error().what);
    }
    const bool unset = process.scanner_user.empty();
    const std::string scanner_user = unset ? kScannerUser : process.scanner_user;
    if (scanner_user == process.user || (unset && ::getpwnam(kScannerUser) == nullptr)) {
        all.scanner = all.session;
        return resolved;
    }
    // process.group is the group of process.user; another user comes with its own.
    take(all.scanner, look_up(scanner_user, "", "process.scanner_user"));
    return resolved;
}

std::string one_user_warning(const Identities& identities) {
    const Identity& session = identities.session;
    if (!session.switch_user || session.uid != identities.scanner.uid) return {};
    return "session workers and scanners run as one user, " + session.user + "; create the user " + kScannerUser +
           ", or set process.scanner_user to another of their own";
}

Result<void> drop_privileges() {
    if (::geteuid() != 0) return {};
    constexpr std::array kept = {CAP_SETUID, CAP_SETGID,          CAP_KILL, CAP_DAC_OVERRIDE, CAP_CHOWN,
                                 CAP_FOWNER, CAP_NET_BIND_SERVICE};
    if (capng_get_caps_process() != 0) return system_error("reading the capabilities of this process");
    std::array<bool, kept.size()> have{};
    for (std::size_t i = 0; i < kept.size(); ++i)
        have[i] = capng_have_capability(CAPNG_PERMITTED, static_cast<unsigned>(kept[i])) != 0;
    // Narrowing the bounding set needs CAP_SETPCAP, which a container may not have given; what children could get is
    // none in any case (another uid, no_new_privs).
    const bool narrow = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
    capng_clear(CAPNG_SELECT_BOTH);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (!have[i]) continue;
        const auto type = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET);
        if (capng_update(CAPNG_ADD, type, static_cast<unsigned>(kept[i])) != 0)
            return Error{0, "cannot choose the capabilities to keep"};
    }
    if (capng_apply(narrow ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
        return Error{errno, "cannot drop the capabilities that are not needed"};
    return {};
}

bool become(const Identity& identity, int oom_points) noexcept {
    // While it is ours to write: after a change of the user it is root's.
    if (oom_points != 0 && identity.switch_user) raise_oom_score(oom_points);
    if (oom_points != 0 && !identity.switch_user) raise_hidden_oom_score(oom_points);
    if (identity.switch_user) {
        if (::setgroups(identity.groups.size(), identity.groups.data()) != 0) return false;
        if (::setresgid(identity.gid, identity.gid, identity.gid) != 0) return false;
        if (::setresuid(identity.uid, identity.uid, identity.uid) != 0) return false;
    }
    return drop_capabilities() && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

} // namespace evermilter::supervisor
