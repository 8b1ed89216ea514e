#include "tests/support/own_mount.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "tests/support/command.h"
#include "tests/support/report.h"

namespace evermilter::test {

namespace {

// Only once: a service that is started later is in the namespace, and sees the mounts that follow.
bool enter_namespace() {
    return unshare(CLONE_NEWNS) == 0 && mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

} // namespace

OwnMount::OwnMount(std::filesystem::path folder, const std::string& options) : folder_(std::move(folder)) {
    if (!is_root()) not_possible("an own mount needs root");
    static const bool own = enter_namespace();
    if (!own) not_possible("this machine allows no mount");
    std::filesystem::create_directories(folder_);
    if (mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) != 0) not_possible("this machine allows no mount");
}

OwnMount::~OwnMount() {
    umount2(folder_.c_str(), MNT_DETACH);
}

void OwnMount::read_only(bool on) const {
    if (mount(nullptr, folder_.c_str(), nullptr,
              MS_REMOUNT | MS_BIND | (on ? static_cast<unsigned long>(MS_RDONLY) : 0UL), nullptr) != 0)
        throw std::system_error(errno, std::generic_category(), "remount of " + folder_.string());
}

std::filesystem::path OwnMount::fill() const {
    std::filesystem::path filler = folder_ / "filler";
    std::ofstream file(filler, std::ios::binary);
    const std::string block(4096, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
    return filler;
}

} // namespace evermilter::test
