// Finding a few bytes in many. Any thread.
#pragma once

#include <cstddef>
#include <cstring>
#include <string_view>

namespace evermilter::scanner {

// As string_view::find() of what is not empty, npos included, and faster by far: memmem(3), which takes no null
// pointer.
inline std::size_t find_bytes(std::string_view bytes, std::string_view wanted, std::size_t from = 0) noexcept {
    if (from >= bytes.size()) return std::string_view::npos;
    const void* found = ::memmem(bytes.data() + from, bytes.size() - from, wanted.data(), wanted.size());
    return found == nullptr ? std::string_view::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
}

} // namespace evermilter::scanner
