#include "workers/common/shared/database_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace evermilter {
namespace {

constexpr std::array<std::string_view, 38> kSuffixes = {
    ".db",  ".hdb", ".hdu", ".fp",  ".mdb", ".mdu", ".hsb", ".hsu",  ".sfp",  ".msb", ".msu",  ".ndb", ".ndu",
    ".ldb", ".ldu", ".sdb", ".zmd", ".rmd", ".pdb", ".gdb", ".wdb",  ".cbc",  ".ftm", ".cfg",  ".cvd", ".cld",
    ".cud", ".cdb", ".cat", ".crb", ".idb", ".ioc", ".yar", ".yara", ".pwdb", ".ign", ".ign2", ".imp"};

bool ends_with(std::string_view name, std::string_view suffix) noexcept {
    return name.size() >= suffix.size() &&
           ::strncasecmp(name.data() + (name.size() - suffix.size()), suffix.data(), suffix.size()) == 0;
}

std::int64_t nanoseconds(const timespec& time) {
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

DatabaseFile file_of(const std::string& name, const struct stat& status) {
    return {name,
            status.st_dev,
            status.st_ino,
            status.st_size,
            nanoseconds(status.st_mtim),
            nanoseconds(status.st_ctim),
            status.st_mode,
            status.st_uid,
            status.st_gid};
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

} // namespace

bool is_database_file(std::string_view name) noexcept {
    return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                       [&](std::string_view suffix) { return ends_with(name, suffix); });
}

std::string database_name(std::string_view file) {
    for (const std::string_view suffix : {".cvd", ".cld", ".cud"})
        if (ends_with(file, suffix)) return std::string(file.substr(0, file.size() - suffix.size()));
    return std::string(file);
}

bool is_official_database(std::string_view file) noexcept {
    for (const std::string_view name : {"main", "daily", "bytecode"}) {
        for (const std::string_view suffix : {".cvd", ".cld", ".cud"})
            if (file.size() == name.size() + suffix.size() && file.starts_with(name) && file.ends_with(suffix))
                return true;
    }
    return false;
}

DatabaseFile look_at_file(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return {.name = path};
    return file_of(path, status);
}

Result<std::vector<DatabaseFile>> list_database_files(const std::string& directory) {
    const std::unique_ptr<DIR, CloseDirectory> open(::opendir(directory.c_str()));
    if (!open) return system_error(directory);
    std::vector<DatabaseFile> files;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(open.get());
        if (entry == nullptr) {
            if (errno != 0) return system_error(directory);
            break;
        }
        if (!is_database_file(entry->d_name)) continue;
        struct stat status {};
        if (::fstatat(::dirfd(open.get()), entry->d_name, &status, 0) != 0) {
            // Behind a link that cannot be followed: reading it gives the reason, and all others are read.
            if (errno != ENOENT && errno != ENOTDIR) files.push_back({.name = entry->d_name});
            continue;
        }
        if (!S_ISREG(status.st_mode)) continue;
        files.push_back(file_of(entry->d_name, status));
    }
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return files;
}

} // namespace evermilter
