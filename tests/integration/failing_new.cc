// See failing_new.h.
#include "tests/integration/failing_new.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <set>
#include <system_error>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

FailingNew::FailingNew() : path_(folder_.path() / "page") {
    const unique_fd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file || ::ftruncate(file.get(), sizeof(FailingNewPage)) != 0)
        throw std::system_error(errno, std::generic_category(), path_);
    void* const page = ::mmap(nullptr, sizeof(FailingNewPage), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    page_ = ::new (page) FailingNewPage;
}

FailingNew::~FailingNew() {
    (void)::munmap(page_, sizeof(FailingNewPage));
}

void FailingNew::preload() const {
    (void)::setenv("LD_PRELOAD", EVERMILTER_FAILING_NEW_LIBRARY, 1);
    (void)::setenv(kFailingNewFile, path_.c_str(), 1);
}

void FailingNew::spare_first_threads(pid_t pid) {
    std::set<std::int64_t> threads;
    for (const auto& one : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task"))
        threads.insert(std::stoll(one.path().filename()));
    auto next = threads.begin();
    for (auto& place : page_->spared) place.store(*next++);
}

void FailingNew::fail(std::int64_t pass, std::int64_t count) {
    page_->failed.store(0);
    page_->pass.store(pass);
    page_->fail.store(count);
}

std::uint64_t FailingNew::mend() {
    page_->fail.store(0);
    return page_->failed.load();
}

} // namespace evermilter::test
