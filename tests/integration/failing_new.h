// Memory of one real program that runs out when the test says so: the one allocation after so many others, or all of
// them for a time. By a library that is loaded into it (preload/failing_new.cc); not possible beside a sanitizer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/integration/preload/failing_new.h"
#include "tests/support/service.h"

namespace evermilter::test {

class FailingNew {
  public:
    FailingNew();
    ~FailingNew();
    FailingNew(const FailingNew&) = delete;
    FailingNew& operator=(const FailingNew&) = delete;

    // In the child, before exec.
    void preload() const;

    // The first two threads of a session worker, now: libmilter's listener and the one that talks with the supervisor,
    // which ends the process by intent where it cannot keep a message (outbox.h). None fails in them.
    void spare_first_threads(pid_t pid);

    // After `pass` allocations that succeed `count` fail.
    void fail(std::int64_t pass, std::int64_t count);
    // No more fail. How many have since fail().
    std::uint64_t mend();

  private:
    Folder folder_;
    std::string path_;
    FailingNewPage* page_ = nullptr;
};

} // namespace evermilter::test
