// Two questions about a layer by libclamav's name of its type ("CL_TYPE_ZIP"). Pure.
#pragma once

#include <string_view>

#include "config/config.h"

namespace evermilter::scanner {

// Whether what was not looked at in such a layer is told by debug messages alone. Of mail, text, HTML and pictures it
// is known in other ways, and debug messages about them would cost time with each message.
[[nodiscard]] bool loud_type(std::string_view type) noexcept;

// The option of the configuration by which such a layer is not taken apart; nullptr: it is.
[[nodiscard]] const char* turned_off(std::string_view type, const config::Scanner& config) noexcept;

} // namespace evermilter::scanner
