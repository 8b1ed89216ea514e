#include "workers/scanner/libclamav/call_watch.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>

namespace evermilter::scanner {
namespace {

constexpr int kOpenFolders = 16;
constexpr std::uint64_t kBlock = 512; // of st_blocks

struct Count {
    const char* call = nullptr;
    unsigned made = 0;
};

// Looked at by each call, malloc(3) too, which must not come to anything that is made at its first use.
constinit std::atomic<bool> g_active{false};   // a scan runs
constinit std::atomic<bool> g_counting{false}; // calls are counted and may be refused: in tests only

// Of the scan that runs; the thread that scans is the only one. `directory` changes between scans only.
struct Watch {
    std::string directory;
    timespec begin{};
    bool temp_failed = false;
    bool no_room = false;
    bool temp_fault = false; // a failure of the temp directory that is not for want of room
    bool measured = false;
    bool filled = false;
    const char* other = nullptr;
    int other_error = 0;
    Injection injection;
    std::array<Count, 40> counts{};
};
Watch& watch() {
    static Watch the_watch;
    return the_watch;
}

// Of nftw(3), which hands nothing through.
struct Sum {
    timespec since{};
    std::uint64_t bytes = 0;
    std::uint64_t files = 0;
};
Sum g_sum;

bool before(const timespec& one, const timespec& other) noexcept {
    return one.tv_sec != other.tv_sec ? one.tv_sec < other.tv_sec : one.tv_nsec < other.tv_nsec;
}

int add_entry(const char*, const struct stat* status, int, FTW*) {
    // Nobody can choose the time at which an inode was changed.
    if (before(status->st_ctim, g_sum.since)) return 0;
    g_sum.bytes += static_cast<std::uint64_t>(status->st_blocks) * kBlock;
    ++g_sum.files;
    return 0;
}

// Measured once a scan: what comes after the first is its consequence.
void measure(Watch& now) noexcept {
    if (now.measured || now.directory.empty()) return;
    now.measured = true;
    struct statvfs room {};
    if (::statvfs(now.directory.c_str(), &room) != 0) return;
    g_sum = Sum{now.begin, 0, 0};
    // Without FTW_MOUNT, as in temp_directory.cc.
    (void)::nftw(now.directory.c_str(), add_entry, kOpenFolders, FTW_PHYS);
    const auto used = static_cast<std::uint64_t>(room.f_blocks - room.f_bfree) * room.f_frsize;
    const auto files = static_cast<std::uint64_t>(room.f_files - room.f_ffree);
    // A file system for a handful of files is not a limit of the message.
    constexpr std::uint64_t kFewFiles = 128;
    const bool no_inode = room.f_files > 0 && room.f_ffree == 0;
    // Room that others have given back meanwhile may do for another try.
    const bool no_block = room.f_bfree <= room.f_blocks / 10;
    now.filled = (no_inode && g_sum.files >= kFewFiles && filled_alone(g_sum.files, files)) ||
                 (no_block && filled_alone(g_sum.bytes, used));
}

} // namespace

void begin_call_watch(const std::string& directory) {
    Watch& now = watch();
    now.directory = directory;
    // The clock of the times of files.
    if (::clock_gettime(CLOCK_REALTIME_COARSE, &now.begin) != 0) now.begin = {};
    now.temp_failed = now.no_room = now.temp_fault = now.measured = now.filled = false;
    now.other = nullptr;
    now.other_error = 0;
    now.counts = {};
    g_active.store(true);
}

void end_call_watch() noexcept {
    g_active.store(false);
}

bool temp_call_failed() noexcept {
    return watch().temp_failed;
}

bool temp_directory_filled() noexcept {
    return watch().filled && !watch().temp_fault;
}

std::string other_call_failed() {
    const Watch& now = watch();
    if (now.other == nullptr) return {};
    return std::string(now.other) + ": " + std::strerror(now.other_error);
}

void call_failed(const char* call, int error, bool in_temp) noexcept {
    if (!g_active.load(std::memory_order_relaxed)) return;
    const int kept = errno;
    g_active.store(false); // what measure() calls is not the scan's
    Watch& now = watch();
    if (error == ENOSPC || error == EDQUOT) {
        now.temp_failed = now.no_room = true;
        measure(now);
    } else if (in_temp && error != ENOMEM && error != EMFILE && error != ENFILE) {
        now.temp_failed = true;
        // What could not be made for want of room is missing afterwards.
        const bool consequence = now.no_room && (error == 0 || error == ENOENT || error == ENOTDIR || error == EBADF);
        now.temp_fault = now.temp_fault || !consequence;
    } else if (now.other == nullptr) {
        now.other = call;
        now.other_error = error;
    }
    g_active.store(true);
    errno = kept;
}

void inject(const Injection& injection) noexcept {
    watch().injection = injection;
    g_counting.store(true);
}

int injected_error(const char* call) noexcept {
    if (!g_active.load(std::memory_order_relaxed) || !g_counting.load(std::memory_order_relaxed)) return 0;
    Watch& now = watch();
    const auto count = std::find_if(now.counts.begin(), now.counts.end(), [&](const Count& one) {
        return one.call == nullptr || one.call == call || std::strcmp(one.call, call) == 0;
    });
    if (count == now.counts.end()) return 0;
    count->call = call;
    ++count->made;
    const Injection& wanted = now.injection;
    return wanted.call != nullptr && count->made == wanted.nth && std::strcmp(wanted.call, call) == 0 ? wanted.error
                                                                                                      : 0;
}

unsigned calls_made(const char* call) noexcept {
    for (const Count& one : watch().counts)
        if (one.call != nullptr && std::strcmp(one.call, call) == 0) return one.made;
    return 0;
}

} // namespace evermilter::scanner
