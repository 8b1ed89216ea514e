// The folders of a generation in scanner.temp_directory, by their names: "g<generation>-s<slot>", one for each of its
// scanners, and two with the slots after theirs for the loader itself. The loader makes them; the supervisor finds by
// the name what a dead generation has left, and what is ours in a folder that changes its owner. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace evermilter {

[[nodiscard]] std::string scan_folder(const std::string& temp_directory, std::uint64_t generation, std::uint32_t slot);

// The generation whose folder has this name; nullopt for any other name.
[[nodiscard]] std::optional<std::uint64_t> generation_of_scan_folder(std::string_view name);

} // namespace evermilter
