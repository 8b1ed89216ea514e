#include "workers/scanner/snapshot.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <thread>
#include <utility>

#include "workers/common/base/sha256.h"
#include "workers/common/base/unique_fd.h"
#include "workers/scanner/site_signatures.h"

namespace evermilter::scanner {
namespace {

constexpr int kAttempts = 10;
constexpr std::chrono::milliseconds kPause{300};
// Bytes of one read(2) or write(2). Small: a kernel that is not preemptible runs nothing else on this CPU until the
// call is over, and 1 MB into new pages takes 4 ms where a host gives memory only when it is touched.
constexpr std::size_t kBlock = 64UL * 1024;

Refusal unreadable(const Error& error) {
    const bool missing = error.code == ENOENT || error.code == ENOTDIR;
    const bool forbidden = error.code == EACCES || error.code == EPERM;
    return {missing ? EX_NOINPUT : forbidden ? EX_NOPERM : EX_OSERR, "cannot read " + error.what};
}

Refusal unwritable(const std::string& path, int code) {
    return {EX_CANTCREAT, "cannot write the snapshot: " + system_error(path, code).what};
}

Result<void, Refusal> copy_bytes(int from, int to, const std::string& source, const std::string& target) {
    std::vector<char> block(kBlock);
    for (;;) {
        const ssize_t got = ::read(from, block.data(), block.size());
        if (got == 0) return {};
        if (got < 0) {
            if (errno == EINTR) continue;
            return unreadable(system_error(source));
        }
        for (ssize_t done = 0; done < got;) {
            const ssize_t put = ::write(to, block.data() + done, static_cast<std::size_t>(got - done));
            if (put < 0 && errno != EINTR) return unwritable(target, errno);
            if (put > 0) done += put;
        }
    }
}

enum class Copied : std::uint8_t { yes, vanished };

Result<Copied, Refusal> copy_file(const std::string& from, const std::string& to) {
    const unique_fd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source) {
        if (errno == ENOENT) return Copied::vanished;
        return unreadable(system_error(from));
    }
    const unique_fd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (!target) return unwritable(to, errno);
    if (::ioctl(target.get(), FICLONE, source.get()) == 0) return Copied::yes;
    if (auto done = copy_bytes(source.get(), target.get(), from, to); !done) return std::move(done).error();
    return Copied::yes;
}

// Of the directory, not of the snapshot: what cannot be read in the one may be left out of the other.
bool cannot_be_read(const Refusal& refusal) {
    return refusal.exit_code != EX_CANTCREAT;
}

Result<void, Refusal> add_file(Sha256& digest, const std::string& path) {
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return unreadable(system_error(path));
    std::vector<std::byte> block(kBlock);
    for (;;) {
        const ssize_t got = ::read(file.get(), block.data(), block.size());
        if (got == 0) return {};
        if (got < 0 && errno != EINTR) return unreadable(system_error(path));
        if (got > 0) digest.add(std::span(block).first(static_cast<std::size_t>(got)));
    }
}

// Makes the database of a site's own signatures in `folder`, if it has any.
Result<void, Refusal> write_site_database(const std::string& source, const std::string& folder) {
    const auto database = read_site_signatures(source);
    if (!database) {
        if (database.error().code != 0) return unreadable(database.error());
        return Refusal{EX_DATAERR, database.error().what};
    }
    if (database->empty()) return {};
    const std::string path = folder + kSiteDatabase;
    const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (!file) return unwritable(path, errno);
    for (std::string_view rest = *database; !rest.empty();) {
        const ssize_t put = ::write(file.get(), rest.data(), rest.size());
        if (put < 0 && errno != EINTR) return unwritable(path, errno);
        if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
}

} // namespace

Result<Snapshot, Refusal> read_snapshot(const std::string& path) {
    auto files = list_database_files(path);
    if (!files) return unreadable(files.error());
    if (files->empty()) return Refusal{EX_NOINPUT, "no database in " + path};
    Snapshot snapshot;
    snapshot.path = path;
    Sha256 digest;
    for (const DatabaseFile& file : *files) {
        snapshot.databases.push_back(database_name(file.name));
        // Names hold no '/', so name and size end unmistakably.
        digest.add(file.name + "/" + std::to_string(file.size) + "/");
        if (auto done = add_file(digest, path + "/" + file.name); !done) return std::move(done).error();
    }
    auto& names = snapshot.databases;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    snapshot.digest = digest.finish_text();
    if (snapshot.digest.empty()) return Refusal{EX_SOFTWARE, "SHA-256 is not available in libcrypto"};
    return snapshot;
}

Result<void, Refusal> copy_database(const std::string& from, const std::string& to) {
    const auto copied = copy_file(from, to);
    if (!copied) return copied.error();
    if (*copied == Copied::vanished) return unreadable(system_error(from, ENOENT));
    return {};
}

Result<Snapshot, Refusal> take_snapshot(const std::string& directory, const std::string& destination, Want want,
                                        const std::function<void()>& between, const std::string& site_signatures) {
    // What has been copied already, so that a repetition copies only what changed.
    std::map<std::string, DatabaseFile> held;
    const std::string from = directory + "/";
    const std::string to = destination + "/";
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        if (attempt > 0) std::this_thread::sleep_for(kPause);
        auto before = list_database_files(directory);
        if (!before) return unreadable(before.error());
        std::map<std::string, DatabaseFile> wanted;
        for (const DatabaseFile& file : *before) wanted.emplace(file.name, file);
        for (auto it = held.begin(); it != held.end();) {
            if (wanted.contains(it->first)) {
                ++it;
                continue;
            }
            const std::string path = to + it->first;
            if (::unlink(path.c_str()) != 0) return unwritable(path, errno);
            it = held.erase(it);
        }
        std::vector<UnreadFile> unread;
        for (const auto& [name, file] : wanted) {
            if (const auto have = held.find(name); have != held.end() && have->second == file) continue;
            auto copied = copy_file(from + name, to + name);
            if (!copied) {
                const Refusal& why = copied.error();
                if (want == Want::all || is_official_database(name) || !cannot_be_read(why)) return why;
                unread.push_back({name, why});
                (void)::unlink((to + name).c_str());
                held.erase(name);
                continue;
            }
            if (*copied == Copied::yes) held.insert_or_assign(name, file);
        }
        if (between) between();
        auto after = list_database_files(directory);
        if (!after) return unreadable(after.error());
        if (*after != *before) continue;
        if (before->empty()) return Refusal{EX_NOINPUT, "no database in " + directory};
        if (held.empty() && !unread.empty()) return unread.front().why;
        if (!site_signatures.empty()) {
            if (auto written = write_site_database(site_signatures, to); !written) {
                const Refusal& why = written.error();
                if (want == Want::all || !cannot_be_read(why)) return why;
                unread.push_back({kSiteDatabase, why});
            }
        }
        auto snapshot = read_snapshot(destination);
        if (snapshot) snapshot->unread = std::move(unread);
        return snapshot;
    }
    return Refusal{EX_TEMPFAIL, directory + " changed while it was copied, " + std::to_string(kAttempts) + " times"};
}

} // namespace evermilter::scanner
