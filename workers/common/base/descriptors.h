// Descriptors of a forked process. What it inherits has numbers that somebody else has chosen: none is assumed to be
// free, nor to be what it was in the process that forked it.
#pragma once

#include <initializer_list>

namespace evermilter {

// Closes all descriptors above standard error but `kept` (negative ones are passed over). False: the kernel refused,
// errno says why. Async-signal-safe.
[[nodiscard]] bool close_all_but(std::initializer_list<int> kept) noexcept;

} // namespace evermilter
