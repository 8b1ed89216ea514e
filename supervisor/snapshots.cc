#include "supervisor/snapshots.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

namespace evermilter::supervisor {

std::vector<std::string> proven_snapshots(const std::string& state_directory) {
    std::vector<std::pair<std::uint64_t, std::string>> found;
    std::error_code failed;
    std::filesystem::directory_iterator entry(state_directory + "/snapshots", failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        const std::string name = entry->path().filename();
        std::uint64_t id = 0;
        const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), id);
        if (fault == std::errc{} && end == name.data() + name.size()) found.emplace_back(id, entry->path().string());
    }
    std::sort(found.rbegin(), found.rend());
    std::vector<std::string> paths;
    paths.reserve(found.size());
    for (auto& [id, path] : found) paths.push_back(std::move(path));
    return paths;
}

} // namespace evermilter::supervisor
