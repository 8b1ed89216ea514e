// Which files of a database directory are databases, and what they are at one moment. The one notion of it: what is
// watched, copied and loaded.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/base/result.h"

namespace evermilter {

// A suffix that libclamav loads (readdb.h, CLI_DBEXT, 1.4), in any case. Not freshclam.dat, *.cvd.sign, *.info.
[[nodiscard]] bool is_database_file(std::string_view name) noexcept;

// What the file is called from one generation to the next: freshclam changes between X.cvd, X.cld and X.cud, so
// these are "X"; every other file is known by its whole name.
[[nodiscard]] std::string database_name(std::string_view file);

// One of those that ClamAV's publisher signs, in any of its forms; every other file is a third party's.
[[nodiscard]] bool is_official_database(std::string_view file) noexcept;

struct DatabaseFile {
    std::string name; // within the directory; the rest is 0 where it cannot be looked at
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t size = 0; // bytes
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    mode_t mode = 0; // these three decide who can read it
    uid_t user = 0;
    gid_t group = 0;
    bool operator==(const DatabaseFile&) const = default;
};

// What the file at `path`, which becomes its name, is now; what its link leads to. The rest is 0 where it cannot be
// looked at.
[[nodiscard]] DatabaseFile look_at_file(const std::string& path);

// The database files of a directory, by name. A symbolic link stands for what it points to; only regular files
// count, and what cannot be looked at. A file that vanishes while the directory is read is left out.
[[nodiscard]] Result<std::vector<DatabaseFile>> list_database_files(const std::string& directory);

} // namespace evermilter
