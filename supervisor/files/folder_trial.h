// Whether a user can work in a folder: tried in a forked child that has become that user, because owner, mode, access
// lists, quota, room and mounts all have their say.
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/privileges.h"

namespace evermilter::supervisor {

// Less room than this is none: a trial writes as much.
inline constexpr std::size_t kTrialBytes = std::size_t{64} << 10U;

// A child that makes a folder and a file in `path`, writes, removes both, and ends with status 0 or an errno. Its pid;
// -1 and errno if it cannot be forked. The caller reaps it.
[[nodiscard]] pid_t start_trial(const std::string& path, const Identity& user);
// What its wait status says: 0 or an errno.
[[nodiscard]] int trial_error(int wait_status) noexcept;
// The same, waiting for it.
[[nodiscard]] int try_folder(const std::string& path, const Identity& user);

// What is wrong with `path`, and what to do: "/run/x is full (No space left on device): make room there".
[[nodiscard]] std::string trial_text(const std::string& path, const Identity& user, int error);

} // namespace evermilter::supervisor
