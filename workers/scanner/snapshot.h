// A copy of the database directory that no freshclam can change while it is loaded. By reflink where the
// filesystem can, else by copy; never by hard link: other owners' files are refused by the kernel, and a file that is
// edited in place would change in the snapshot too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "workers/common/shared/database_files.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

struct UnreadFile {
    std::string name;
    Refusal why;
};

struct Snapshot {
    std::string path;                    // its folder
    std::vector<std::string> databases;  // database_name() of each file, sorted, each once
    std::string digest;                  // SHA-256 over names, sizes and contents, lower-case hexadecimal
    std::vector<UnreadFile> unread = {}; // third-party files that could not be read; the digest is without them
};

// Copies the databases of `directory` into the empty folder `destination`, and again until names, inodes, sizes and
// times are equal before and after. 66 no such directory or no database in it, 77 not readable, 73 not writable or
// disk full, 75 it kept changing. `between` is called after each copying, before it is looked again; for tests. A
// third-party file that cannot be read is left out and reported, unless it is the only one or `all` is wanted.
// `site_signatures` (database.site_signatures) are added as a database, kSiteDatabase; a file of them with a fault is
// one that cannot be read (65). Empty: there are none.
enum class Want : std::uint8_t { all, what_can_be_read };
[[nodiscard]] Result<Snapshot, Refusal> take_snapshot(const std::string& directory, const std::string& destination,
                                                      Want want = Want::all, const std::function<void()>& between = {},
                                                      const std::string& site_signatures = {});

// One file, over whatever is there. 66, 77 or 71 not readable, 73 not writable.
[[nodiscard]] Result<void, Refusal> copy_database(const std::string& from, const std::string& to);

// Of a folder that holds a snapshot already. 66 missing or empty, 77 not readable.
[[nodiscard]] Result<Snapshot, Refusal> read_snapshot(const std::string& path);

} // namespace evermilter::scanner
