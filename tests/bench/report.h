// What a benchmark prints: figures, and for each promise whether it was kept on this machine.
#pragma once

#include <string>

namespace evermilter::bench {

void figure(const char* name, const std::string& value);
// Kept if `measured` is at most `bound`.
void promise(const char* name, double measured, double bound, const char* unit);
// Decides the exit status.
[[nodiscard]] bool all_kept();

} // namespace evermilter::bench
