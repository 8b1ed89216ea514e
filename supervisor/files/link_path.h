// Lists the directory entries that decide where a path leads: those of the symbolic links on its way and of its target.
// A change of one of them changes what is behind the path.
#pragma once

#include <compare>
#include <set>
#include <string>

namespace evermilter::supervisor {

struct FolderAndName {
    std::string folder;
    std::string name;
    auto operator<=>(const FolderAndName&) const = default; // NOLINT(modernize-use-nullptr): of the 0 that it makes
};

// Of an absolute path; ends where something is missing, and after 40 links (path_resolution(7)). `folders` gets the
// entries of the plain folders on its way: another folder may be put in the place of one.
[[nodiscard]] std::set<FolderAndName> places_on_the_way(const std::string& path,
                                                        std::set<FolderAndName>* folders = nullptr);

} // namespace evermilter::supervisor
