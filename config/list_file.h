// Files of lists: one entry a line; blanks around it, empty lines and lines that begin with # do not count.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace evermilter::config {

inline constexpr std::size_t kLargestList = std::size_t{64} << 20U; // bytes

// Takes an entry; else says why not.
using TakeEntry = std::function<std::optional<std::string>(std::string_view)>;

// Reads the file: waits for the disk. The reason why it cannot be taken, with the place and the remedy.
[[nodiscard]] std::optional<std::string> read_list_file(const std::string& path, const TakeEntry& take);

// Which state of the file there is: its inode, size and times. Equal texts: unchanged. "" for an empty path.
[[nodiscard]] std::string state_of_file(const std::string& path);

} // namespace evermilter::config
