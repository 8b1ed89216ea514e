#include "workers/scanner/temp_directory.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace evermilter::scanner {
namespace {

constexpr int kOpenFolders = 16;

int remove_entry(const char* path, const struct stat*, int, FTW*) {
    return ::remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

} // namespace

Result<void> remove_tree(const std::string& path) {
    // Without FTW_MOUNT: on an overlay of two file systems a file's st_dev is not that of its folder, and it would be
    // left out.
    if (::nftw(path.c_str(), remove_entry, kOpenFolders, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return {};
    return system_error("cannot remove " + path);
}

Result<void> make_empty_directory(const std::string& path) {
    auto removed = remove_tree(path);
    if (!removed) return removed;
    if (::mkdir(path.c_str(), 0700) != 0) return system_error("cannot make " + path);
    return {};
}

} // namespace evermilter::scanner
