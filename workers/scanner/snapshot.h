// A copy of the database directory that no freshclam can change while it is loaded. By reflink where the
// filesystem can, else by copy; never by hard link: other owners' files are refused by the kernel, and a file that is
// edited in place would change in the snapshot too.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "workers/scanner/database_files.h"
#include "workers/scanner/refusal.h"

namespace evermilter::scanner {

struct Snapshot {
    std::string path;                   // its folder
    std::vector<std::string> databases; // database_name() of each file, sorted, each once
    std::string digest;                 // SHA-256 over names, sizes and contents, lower-case hexadecimal
};

// Copies the databases of `directory` into the empty folder `destination`, and again until names, inodes, sizes and
// times are equal before and after. 66 no such directory or no database in it, 77 not readable, 73 not writable or
// disk full, 75 it kept changing. `between` is called after each copying, before it is looked again; for tests.
[[nodiscard]] Outcome<Snapshot> take_snapshot(const std::string& directory, const std::string& destination,
                                              const std::function<void()>& between = {});

// Of a folder that holds a snapshot already. 66 missing or empty, 77 not readable.
[[nodiscard]] Outcome<Snapshot> read_snapshot(const std::string& path);

} // namespace evermilter::scanner
