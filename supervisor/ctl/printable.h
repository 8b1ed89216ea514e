// Makes text of unknown origin safe for a terminal: control characters, bytes that are not UTF-8, and marks that turn
// or hide text become \xHH. Pure.
#pragma once

#include <string>
#include <string_view>

namespace evermilter::ctl {

[[nodiscard]] std::string printable(std::string_view text);

} // namespace evermilter::ctl
