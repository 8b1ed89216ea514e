#include "tests/support/folder.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "tests/support/proc.h"

namespace evermilter::test {

namespace fs = std::filesystem;

Folder::Folder() {
    std::string name = "/tmp/evermilter-test-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
    chmod(name.c_str(), 0755);
}

Folder::~Folder() {
    std::error_code ignored;
    // A test may have closed folders, even to the user who runs it.
    for (const std::string& name : entries_below(path_))
        if (fs::is_directory(fs::symlink_status(path_ / name, ignored)))
            fs::permissions(path_ / name, fs::perms::owner_all, fs::perm_options::add, ignored);
    fs::remove_all(path_, ignored);
}

} // namespace evermilter::test
