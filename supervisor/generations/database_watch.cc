#include "supervisor/generations/database_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "supervisor/files/link_path.h"
#include "workers/common/base/log.h"
#include "workers/common/base/result.h"
#include "workers/common/shared/scoreboard.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kContent =
    IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;
// In the folder of a link, which may be a busy one.
constexpr std::uint32_t kNames = IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;
constexpr std::uint32_t kItself = IN_DELETE_SELF | IN_MOVE_SELF;
// How often a directory that is not there, or cannot be watched, is looked for at least.
constexpr std::chrono::nanoseconds kAgain = 10s;
// What changes without end (a download that never ends) is loaded as it is after so many times database.settle.
constexpr int kMostSettles = 12;
constexpr std::chrono::nanoseconds kLeastBound = 10s;
constexpr std::size_t kMostFolders = 256;

// Whether the directory's databases are others, or others may read them. Times of access and of changes of rights are
// no change.
bool same_databases(const std::vector<DatabaseFile>& a, const std::vector<DatabaseFile>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const DatabaseFile& one, const DatabaseFile& other) {
        return one.name == other.name && one.device == other.device && one.inode == other.inode &&
               one.size == other.size && one.modified_ns == other.modified_ns && one.mode == other.mode &&
               one.user == other.user && one.group == other.group;
    });
}

} // namespace

DatabaseWatch::DatabaseWatch(Loop* loop, Handlers handlers)
    : handlers_(std::move(handlers)),
      readable_(loop, [this](int) { read(); }),
      settle_timer_(loop, [this] { settle(); }),
      look_timer_(loop, [this] { look(); }) {}

void DatabaseWatch::apply(const config::Database& database) {
    settle_ = database.settle;
    interval_ = database.check_interval;
    const std::string wanted = database.watch ? database.directory : std::string();
    if (wanted != directory_ || database.site_signatures != site_) {
        stop();
        directory_ = wanted;
        site_ = database.site_signatures;
        if (directory_.empty()) return;
        watch();
        seen_ = files();
    }
    if (!directory_.empty()) look_timer_.start(trouble_.empty() ? interval_ : std::min(interval_, kAgain));
}

void DatabaseWatch::stop() {
    readable_.stop();
    settle_timer_.stop();
    look_timer_.stop();
    inotify_.reset();
    directory_.clear();
    site_.clear();
    seen_.reset();
    changing_since_ns_ = 0;
    tell({});
}

// What is there; nullopt: the directory cannot be read.
std::optional<std::vector<DatabaseFile>> DatabaseWatch::files() const {
    auto found = list_database_files(directory_);
    if (!found) return std::nullopt;
    if (!site_.empty()) found->push_back(look_at_file(site_));
    return std::move(*found);
}

void DatabaseWatch::tell(const std::string& trouble) {
    if (std::exchange(trouble_, trouble) == trouble) return;
    if (!trouble.empty())
        log::warning("database-watch",
                     {{"error", trouble}, {"remedy", "the directory is looked at from time to time"}});
    else
        log::info("database-watch", {{"directory", directory_}});
    handlers_.trouble(trouble);
}

// Sets all watches again: the folders on the way may have been replaced.
void DatabaseWatch::watch() {
    readable_.stop();
    content_ = -1;
    links_.clear();
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_) return tell(system_error("cannot watch " + directory_).what);
    const auto trouble = add_watches();
    readable_.start(inotify_.get(), EV_READ);
    tell(trouble.value_or(""));
}

// The first thing that cannot be watched.
std::optional<std::string> DatabaseWatch::add_watches() {
    std::optional<std::string> trouble;
    std::set<FolderAndName> folders;
    const std::set<FolderAndName> way = places_on_the_way(directory_, &folders);
    std::set<FolderAndName> places = way;
    std::error_code failed;
    std::filesystem::directory_iterator entry(directory_, failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
        // Also one that leads nowhere yet.
        std::error_code unknown;
        if (entry->is_symlink(unknown) && is_database_file(entry->path().filename().string()))
            places.merge(places_on_the_way(entry->path().string()));
    }
    if (!site_.empty()) places.merge(places_on_the_way(site_));
    content_ = ::inotify_add_watch(inotify_.get(), directory_.c_str(), kContent | kItself | IN_ONLYDIR);
    if (content_ < 0) trouble = system_error("cannot watch " + directory_).what;
    for (const FolderAndName& place : places) {
        if (links_.size() >= kMostFolders) return "too many links lead to " + directory_;
        const std::uint32_t what = way.contains(place) ? kNames : kContent;
        const int watch = ::inotify_add_watch(inotify_.get(), place.folder.c_str(), what | IN_ONLYDIR | IN_MASK_ADD);
        if (watch >= 0)
            links_[watch].insert(place.name);
        else if (!trouble)
            trouble = system_error("cannot watch " + place.folder).what;
    }
    // A folder that its user may only pass through cannot be watched: the look sees what becomes of it.
    for (const FolderAndName& place : folders) {
        const int watch = ::inotify_add_watch(inotify_.get(), place.folder.c_str(), kNames | IN_ONLYDIR | IN_MASK_ADD);
        if (watch >= 0) links_[watch].insert(place.name);
    }
    return trouble;
}

// What is there now, however it came there.
void DatabaseWatch::look() {
    watch();
    auto now = files();
    const bool differs = now.has_value() != seen_.has_value() || (now && !same_databases(*now, *seen_));
    seen_ = std::move(now);
    // A directory that is not there is no reason to load; its return is.
    if (differs && seen_) changed();
    look_timer_.start(trouble_.empty() ? interval_ : std::min(interval_, kAgain));
}

void DatabaseWatch::changed() {
    const std::int64_t now = monotonic_ns();
    if (changing_since_ns_ == 0) changing_since_ns_ = now;
    const std::int64_t bound = std::max(settle_ * kMostSettles, kLeastBound).count();
    const std::int64_t left = changing_since_ns_ + bound - now;
    settle_timer_.start(std::clamp(std::chrono::nanoseconds(left), 0ns, settle_));
}

void DatabaseWatch::settle() {
    changing_since_ns_ = 0;
    if (auto now = files()) seen_ = std::move(now);
    handlers_.settled();
}

void DatabaseWatch::read() {
    alignas(inotify_event) std::array<char, 16384> buffer{};
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) return;
    bool content = false;
    bool way = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(length);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* const text = buffer.data() + at + sizeof event;
        const std::string_view name(text, ::strnlen(text, event.len));
        at += sizeof event + event.len;
        if ((event.mask & (kItself | IN_IGNORED | IN_Q_OVERFLOW)) != 0) way = true;
        if (event.wd == content_ && is_database_file(name)) {
            if ((event.mask & IN_ATTRIB) == 0) content = true;
            // A link among the databases: its target is to be watched. Rights or times: the look tells which.
            if ((event.mask & (IN_CREATE | IN_MOVED_TO | IN_ATTRIB)) != 0) way = true;
        }
        const auto link = links_.find(event.wd);
        if (link != links_.end() && link->second.contains(std::string(name))) way = true;
    }
    if (way) look();
    if (content) changed();
}

} // namespace evermilter::supervisor
