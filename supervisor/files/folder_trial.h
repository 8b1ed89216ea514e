// Tests whether a user can work in a folder: a forked child becomes that user and tries, because owner, mode, access
// lists, quota, free space and mounts all matter.
#pragma once

#include <sys/types.h>

#include <string>

#include "supervisor/privileges.h"

namespace evermilter::supervisor {

// A trial writes this many bytes: a disk with less room counts as full.
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
