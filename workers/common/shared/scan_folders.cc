#include "workers/common/shared/scan_folders.h"

#include <charconv>
#include <system_error>

namespace evermilter {

std::string scan_folder(const std::string& temp_directory, std::uint64_t generation, std::uint32_t slot) {
    return temp_directory + "/g" + std::to_string(generation) + "-s" + std::to_string(slot);
}

std::optional<std::uint64_t> generation_of_scan_folder(std::string_view name) {
    if (!name.starts_with('g')) return std::nullopt;
    name.remove_prefix(1);
    std::uint64_t generation = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), generation);
    if (error != std::errc{}) return std::nullopt;
    name.remove_prefix(static_cast<std::size_t>(end - name.data()));
    if (!name.starts_with("-s")) return std::nullopt;
    return generation;
}

} // namespace evermilter
