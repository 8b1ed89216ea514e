// POSIX regular expressions, as ClamAV's lists have them, in RE2's syntax. Pure. What RE2 cannot do (back references,
// collating elements) is refused; that the result compiles is for its user to see.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"

namespace evermilter::ctl {

enum class PosixSyntax : std::uint8_t { basic, extended };

// How < and > are to be read.
enum class AngleBrackets : std::uint8_t {
    as_written,
    are_ends, // they can only be those around an address, and stand for its begin and its end
};

struct Untranslatable {
    std::string reason;
};

[[nodiscard]] Result<std::string, Untranslatable> re2_of_posix(std::string_view expression, PosixSyntax syntax,
                                                               AngleBrackets brackets);

// `text` as an expression that matches exactly it.
[[nodiscard]] std::string re2_of_literal(std::string_view text);

} // namespace evermilter::ctl
