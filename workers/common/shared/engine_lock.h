// Which generations have an engine in memory, of this supervisor or of one before: each locks the byte of its number in
// <state_directory>/engines. The lock belongs to the open file (F_OFD_SETLK of fcntl(2)): the loader takes it before it
// loads, everything forked from it shares it, and it is gone when the last of them is, however they ended. So a
// supervisor can tell what the processes of one that was killed still hold.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter {

// Locked as long as a copy of the descriptor is open. An Error with EAGAIN: another process has it.
[[nodiscard]] Result<unique_fd> lock_engine(const std::string& state_directory, std::uint64_t generation);

// The state directory is another one: locks there as well, in the place of `held`, unless another process of this
// generation has done so.
[[nodiscard]] Result<void> lock_engine_again(int held, const std::string& state_directory, std::uint64_t generation);

// The generations that are locked, by whomever, ascending. No file is none.
[[nodiscard]] Result<std::vector<std::uint64_t>> locked_engines(const std::string& state_directory);

} // namespace evermilter
