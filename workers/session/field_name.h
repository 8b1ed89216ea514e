// Names of header fields, as mail servers pass them and as they count them. Pure.
#pragma once

#include <strings.h>

#include <string_view>

namespace evermilter::session {

// Whether the field is called so: case does not count. White space before the colon belongs to the name as some MTAs
// pass it, but not as they count it; of which kind, isspace(3) decides there.
[[nodiscard]] inline bool is_field(std::string_view name, std::string_view wanted) noexcept {
    name = name.substr(0, name.find_last_not_of(" \t\r\n\v\f") + 1);
    return name.size() == wanted.size() && ::strncasecmp(name.data(), wanted.data(), wanted.size()) == 0;
}

} // namespace evermilter::session
