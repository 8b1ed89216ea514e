#include "workers/scanner/temp_filling.h"

#include <dlfcn.h>
#include <ftw.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "workers/scanner/library_messages.h"

namespace {

constexpr int kOpenFolders = 16;
constexpr std::uint64_t kBlock = 512; // of st_blocks

// Of the scan that runs. `directory` changes between scans only.
struct Watched {
    std::string directory;
    std::atomic<bool> ran_out{false};
    std::atomic<bool> filled{false};
};
Watched& watched() {
    static Watched the_watched;
    return the_watched;
}

std::uint64_t g_sum = 0; // of nftw(3), which hands nothing through

int add_entry(const char*, const struct stat* status, int, FTW*) {
    g_sum += static_cast<std::uint64_t>(status->st_blocks) * kBlock;
    return 0;
}

std::uint64_t bytes_below(const std::string& directory) {
    g_sum = 0;
    // Without FTW_MOUNT, as in temp_directory.cc.
    (void)::nftw(directory.c_str(), add_entry, kOpenFolders, FTW_PHYS);
    return g_sum;
}

using WriteFunction = ssize_t (*)(int, const void*, size_t);

// The next definition after the program's own: libc's.
WriteFunction next_write() noexcept {
    void* found = ::dlsym(RTLD_NEXT, "write");
    if (found == nullptr) std::abort();
    return reinterpret_cast<WriteFunction>(found);
}

} // namespace

extern "C" ssize_t write(int fd, const void* buf, size_t n) {
    if (fd == STDERR_FILENO && evermilter::scanner::stderr_of_library({static_cast<const char*>(buf), n}))
        return static_cast<ssize_t>(n);
    static const WriteFunction real = next_write();
    const ssize_t wrote = real(fd, buf, n);
    // Standard error may be a log on a disk of its own.
    if (wrote < 0 && errno == ENOSPC && fd > STDERR_FILENO) evermilter::scanner::no_space_left();
    return wrote;
}

namespace evermilter::scanner {

void watch_temp_directory(const std::string& directory) {
    watched().directory = directory;
    watched().ran_out = false;
    watched().filled = false;
}

bool room_ran_out() noexcept {
    return watched().ran_out;
}

bool temp_directory_filled() noexcept {
    return watched().filled;
}

void no_space_left() noexcept {
    const int error = errno;
    // Measured once a scan: what comes after the first is its consequence.
    if (!watched().ran_out.exchange(true) && !watched().directory.empty()) {
        struct statvfs room {};
        if (::statvfs(watched().directory.c_str(), &room) == 0) {
            const auto used = static_cast<std::uint64_t>(room.f_blocks - room.f_bfree) * room.f_frsize;
            watched().filled = filled_alone(bytes_below(watched().directory), used);
        }
    }
    errno = error;
}

} // namespace evermilter::scanner
