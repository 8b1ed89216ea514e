// Tests whether a user can work in a folder: a forked child becomes that user and tries, because owner, mode, access
// lists, quota, free space and mounts all matter.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "supervisor/privileges.h"

namespace evermilter::supervisor {

// A trial writes this many bytes: a disk with less room counts as full.
inline constexpr std::size_t kTrialBytes = std::size_t{64} << 10U;

enum class TrialKind : std::uint8_t {
    full, // makes a folder and a file in it, writes, removes both
    // Writes a file without a name: the folder stays as it is, its times included. Where the file system has no such
    // files it is asked only. Of a folder that is missing: whether the user can get to where it would be.
    unseen,
    way, // whether the user can get to the folder in which it lies
};

// A child that becomes `user`, tries, and ends with status 0 or an errno. Its pid; -1 and errno if it cannot be forked.
// The caller reaps it.
[[nodiscard]] pid_t start_trial(const std::string& path, const Identity& user, TrialKind kind = TrialKind::full);
// What its wait status says: 0 or an errno.
[[nodiscard]] int trial_error(int wait_status) noexcept;
// The same, waiting for it.
[[nodiscard]] int try_folder(const std::string& path, const Identity& user, TrialKind kind = TrialKind::full);

// What is wrong with `path`, and what to do: "/run/x is full (No space left on device): make room there".
[[nodiscard]] std::string trial_text(const std::string& path, const Identity& user, int error);

} // namespace evermilter::supervisor
