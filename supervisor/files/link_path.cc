#include "supervisor/files/link_path.h"

#include <deque>
#include <filesystem>
#include <system_error>

namespace evermilter::supervisor {

namespace fs = std::filesystem;

std::set<FolderAndName> places_on_the_way(const std::string& path, std::set<FolderAndName>* folders) {
    constexpr unsigned kMostLinks = 40;
    std::set<FolderAndName> places;
    std::deque<fs::path> left;
    const auto push = [&left](const fs::path& further) {
        std::deque<fs::path> parts;
        for (const fs::path& part : further.relative_path())
            if (!part.empty() && part != ".") parts.push_back(part);
        left.insert(left.begin(), parts.begin(), parts.end());
    };
    push(path);
    fs::path at = "/";
    unsigned links = 0;
    while (!left.empty()) {
        const fs::path part = left.front();
        left.pop_front();
        if (part == "..") {
            at = at.parent_path();
            continue;
        }
        std::error_code failed;
        const fs::path entry = at / part;
        const fs::file_status status = fs::symlink_status(entry, failed);
        if (left.empty() || fs::is_symlink(status)) places.insert({at.string(), part.string()});
        if (failed || !fs::exists(status)) {
            // A missing entry may appear later: watch its folder.
            places.insert({at.string(), part.string()});
            return places;
        }
        if (!fs::is_symlink(status)) {
            if (folders != nullptr && !left.empty()) folders->insert({at.string(), part.string()});
            at = entry;
            continue;
        }
        if (++links > kMostLinks) return places;
        const fs::path target = fs::read_symlink(entry, failed);
        if (failed) return places;
        if (target.is_absolute()) at = "/";
        push(target);
    }
    return places;
}

} // namespace evermilter::supervisor
