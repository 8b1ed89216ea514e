#include "workers/scanner/file_repair.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/database_files.h"
#include "workers/common/shared/snapshot_paths.h"
#include "workers/scanner/file_trial.h"
#include "workers/scanner/snapshot.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

// libclamav reads some 100 MB of text in this time on a busy machine.
constexpr std::chrono::seconds kTrial{60};

bool same_bytes(const std::string& a, const std::string& b) {
    std::error_code failed;
    if (fs::file_size(a, failed) != fs::file_size(b, failed) || failed) return false;
    std::ifstream first(a, std::ios::binary);
    std::ifstream second(b, std::ios::binary);
    return first && second &&
           std::equal(std::istreambuf_iterator<char>(first), {}, std::istreambuf_iterator<char>(second));
}

} // namespace

std::vector<std::string> good_snapshots(const std::string& state_directory, const std::string& first) {
    std::vector<std::string> paths;
    if (!first.empty()) paths.push_back(first);
    for (SnapshotPath& snapshot : snapshot_paths(state_directory))
        if (snapshot.path != first) paths.push_back(std::move(snapshot.path));
    return paths;
}

bool FileRepair::after(const Refusal& refusal) {
    // libclamav says "out of memory" of a regular expression that it cannot compile, too.
    const bool of_memory = refusal.exit_code == EX_OSERR && !refusal.file.empty();
    if (refusal.exit_code != EX_DATAERR && !of_memory) return false;
    const std::size_t before = repaired_.size();
    if (!refusal.file.empty()) {
        if (is_official_database(refusal.file)) return false;
        if (of_memory && try_alone(refusal.file)) return false;
        repair(refusal.file, refusal.reason);
    }
    // libclamav stops at the first: others would cost a whole load each.
    const bool others = try_changed();
    return others || repaired_.size() > before || !refusal.file.empty();
}

void FileRepair::unread(const std::string& name, const std::string& reason) {
    repair(name, reason);
}

bool FileRepair::try_changed() {
    auto files = list_database_files(around_.folder);
    if (!files) return false;
    bool done = false;
    for (const DatabaseFile& file : *files) {
        if (is_official_database(file.name) || !changed(file.name)) continue;
        const auto tried = try_alone(file.name);
        if (tried) continue;
        repair(file.name, tried.error().reason);
        done = true;
    }
    return done;
}

Result<std::uint64_t, Refusal> FileRepair::try_alone(const std::string& name) const {
    return try_database_file(around_.scanner, around_.folder + "/" + name, around_.shown_as + "/" + name,
                             around_.temp_directory, kTrial);
}

// Whether it is not what has been loaded before.
bool FileRepair::changed(const std::string& name) const {
    const std::string path = around_.folder + "/" + name;
    return std::none_of(around_.snapshots.begin(), around_.snapshots.end(),
                        [&](const std::string& snapshot) { return same_bytes(path, snapshot + "/" + name); });
}

// The snapshot of the newest version that is not the one in the folder, or "".
std::string FileRepair::good_version(const std::string& name) const {
    std::error_code failed;
    for (const std::string& snapshot : around_.snapshots) {
        const std::string path = snapshot + "/" + name;
        if (fs::is_regular_file(path, failed) && !same_bytes(path, around_.folder + "/" + name)) return snapshot;
    }
    return {};
}

void FileRepair::repair(const std::string& name, const std::string& reason) {
    auto known = std::find_if(repaired_.begin(), repaired_.end(), [&](const auto& one) { return one.name == name; });
    // A former version that is refused too is not good any more.
    const std::string snapshot = known == repaired_.end() ? good_version(name) : std::string();
    const std::string path = around_.folder + "/" + name;
    (void)::unlink(path.c_str());
    Repaired repaired{name, reason, {}};
    if (!snapshot.empty()) {
        if (const auto copied = copy_database(snapshot + "/" + name, path); copied)
            repaired.instead = fs::path(snapshot).filename();
        else
            (void)::unlink(path.c_str());
    }
    log::error("database-broken",
               {{"file", around_.shown_as + "/" + name},
                {"reason", reason},
                {"instead", repaired.instead.empty() ? "nothing" : "its version of generation " + repaired.instead}});
    if (known == repaired_.end())
        repaired_.push_back(std::move(repaired));
    else
        known->instead = std::move(repaired.instead);
}

std::vector<std::string> FileRepair::texts() const {
    std::vector<std::string> texts;
    for (const Repaired& one : repaired_)
        texts.push_back(one.reason + (one.instead.empty()
                                          ? "; the file is left out, there is no good version of it"
                                          : "; its version of generation " + one.instead + " is used instead"));
    return texts;
}

std::vector<std::string> FileRepair::names() const {
    std::vector<std::string> names;
    for (const Repaired& one : repaired_) names.push_back(one.name);
    return names;
}

} // namespace evermilter::scanner
