// Two questions about a layer by libclamav's name of its type ("CL_TYPE_ZIP"). Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"

namespace evermilter::scanner {

// Whether libclamav's debug messages are heard while it takes such a layer apart.
enum class Loudness : std::uint8_t {
    // What was not looked at in mail, text, HTML and pictures is known in other ways, and debug messages about them
    // would
    // cost time with each message. As the layer above.
    quiet,
    // Only debug messages say it.
    loud,
    // Never, in no layer below either: libclamav 1.4 asked for debug messages reads a TNEF file with an unknown level
    // for
    // ever (tnef.c), takes names of members for a format (LHA, ALZ, OneNote; libclamav_rust, logging.rs), and its RAR
    // library writes them to standard error directly. What is in these is known from their own directories.
    hushed,
};
[[nodiscard]] Loudness loudness(std::string_view type) noexcept;

// The option of the configuration by which such a layer is not taken apart; nullptr: it is.
[[nodiscard]] const char* turned_off(std::string_view type, const config::Scanner& config) noexcept;

} // namespace evermilter::scanner
