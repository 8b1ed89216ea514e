// Text from elsewhere, made safe for a terminal: control bytes become \xHH. Pure.
#pragma once

#include <string>
#include <string_view>

namespace evermilter::ctl {

[[nodiscard]] std::string printable(std::string_view text);

} // namespace evermilter::ctl
