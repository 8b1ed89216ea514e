// How deeply a text nests, looked at before it is parsed: the parser and the destructors of its result call themselves
// once a level, so a name of 100,000 parts would end the process. Reads strings and comments as TOML does. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace evermilter::config {

// Parts of one name, and brackets within each other. The schema needs two of each.
inline constexpr std::size_t kDeepest = 16;

struct TooDeep {
    unsigned line = 0;   // from 1
    unsigned column = 0; // from 1, in characters
    bool name = false;   // a name of too many parts; else brackets
};
// The first place past kDeepest.
[[nodiscard]] std::optional<TooDeep> too_deep(std::string_view text);

} // namespace evermilter::config
