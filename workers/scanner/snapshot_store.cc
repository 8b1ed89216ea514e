#include "workers/scanner/snapshot_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/common/base/log.h"
#include "workers/common/shared/generation_id.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {
namespace {

constexpr std::string_view kLoading = ".loading-";

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

Result<std::vector<std::string>> entries(const std::string& folder) {
    const std::unique_ptr<DIR, CloseDirectory> open(::opendir(folder.c_str()));
    if (!open) return system_error(folder);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(open.get());
        if (entry == nullptr) {
            if (errno != 0) return system_error(folder);
            return names;
        }
        names.emplace_back(entry->d_name);
    }
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > kLargestGenerationId) return std::nullopt;
    return value;
}

// A lock on a folder, shared between loaders; empty with errno where it cannot be had.
unique_fd lock_folder(const std::string& path, int operation) {
    unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (folder && ::flock(folder.get(), operation) != 0) folder.reset();
    return folder;
}

// Removes the folder unless a living loader holds it; true when it is held.
Result<bool> remove_unless_held(const std::string& path) {
    const unique_fd lock = lock_folder(path, LOCK_EX | LOCK_NB);
    if (!lock) {
        if (errno == EWOULDBLOCK) return true;
        if (errno == ENOENT) return false;
        return system_error(path);
    }
    auto removed = remove_tree(path);
    if (!removed) return std::move(removed).error();
    return false;
}

Refusal cannot_make(const std::string& path, int code) {
    return {EX_CANTCREAT, "cannot make the snapshot: " + system_error(path, code).what};
}

} // namespace

Result<std::string, Refusal> SnapshotStore::begin(std::uint64_t generation) {
    if (::mkdir(folder_.c_str(), 0750) != 0 && errno != EEXIST) return cannot_make(folder_, errno);
    auto names = entries(folder_);
    if (!names) return cannot_make(folder_, names.error().code);
    for (const std::string& name : *names) {
        if (!name.starts_with(kLoading)) continue;
        if (auto held = remove_unless_held(folder_ + "/" + name); !held)
            return Refusal{EX_CANTCREAT, held.error().what};
    }
    generation_ = generation;
    begun_ = loading_folder(generation);
    if (::mkdir(begun_.c_str(), 0750) != 0) return cannot_make(std::exchange(begun_, {}), errno);
    lock_ = lock_folder(begun_, LOCK_SH);
    if (!lock_) return cannot_make(begun_, errno);
    return begun_;
}

Result<std::string, Refusal> SnapshotStore::reuse(const std::string& path) {
    lock_ = lock_folder(path, LOCK_SH);
    if (!lock_) {
        const int code = errno;
        return Refusal{code == ENOENT   ? EX_NOINPUT
                       : code == EACCES ? EX_NOPERM
                                        : EX_OSERR,
                       "cannot use the snapshot: " + system_error(path, code).what};
    }
    reused_ = path;
    return path;
}

Result<std::string, Refusal> SnapshotStore::publish(const SnapshotAbout& about) {
    if (begun_.empty()) return reused_;
    if (auto written = write_about(begun_, about); !written)
        log::warning("snapshot-about", {{"error", written.error().what}});
    const std::string path = folder_ + "/" + std::to_string(generation_);
    if (::rename(begun_.c_str(), path.c_str()) != 0) return cannot_make(path, errno);
    begun_.clear();
    return path;
}

void SnapshotStore::discard() noexcept {
    if (begun_.empty()) return;
    // What cannot be removed now is removed before the next snapshot.
    (void)remove_tree(std::exchange(begun_, {}));
    lock_.reset();
}

std::string SnapshotStore::loading_folder(std::uint64_t generation) const {
    return folder_ + "/" + std::string(kLoading) + std::to_string(generation);
}

void SnapshotStore::abandon(std::uint64_t generation) const noexcept {
    (void)remove_tree(loading_folder(generation));
}

Result<void> SnapshotStore::prune(std::uint32_t keep) const {
    auto names = entries(folder_);
    if (!names) return std::move(names).error();
    std::vector<std::uint64_t> generations;
    for (const std::string& name : *names)
        if (const auto generation = number(name)) generations.push_back(*generation);
    std::sort(generations.rbegin(), generations.rend());
    std::uint32_t kept = 0;
    std::set<std::string> seen;
    for (const std::uint64_t generation : generations) {
        const std::string path = folder_ + "/" + std::to_string(generation);
        const std::string digest = read_about(path).digest;
        const bool twin = !digest.empty() && !seen.insert(digest).second;
        if (kept < keep && !twin) {
            // Those that are in use come on top of what is kept.
            const unique_fd free = lock_folder(path, LOCK_EX | LOCK_NB);
            if (free) ++kept;
            continue;
        }
        if (auto held = remove_unless_held(path); !held) return std::move(held).error();
    }
    return {};
}

} // namespace evermilter::scanner
