// Makes memory of one real program run out when the test says so: one allocation after a given number of others, or all
// of them for a time. Works by a library that is preloaded into the program (preload/failing_new.cc); not possible
// together with a sanitizer.
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

    // Exempts the first two threads of a session worker, as they are now: libmilter's listener, and the thread that
    // talks to the supervisor, which ends the process on purpose if it cannot keep a message (outbox.h).
    void spare_first_threads(pid_t pid);

    // Lets `pass` allocations succeed, then makes `count` fail.
    void fail(std::int64_t pass, std::int64_t count);
    // Lets all allocations succeed again. Returns how many have failed since fail().
    std::uint64_t mend();

  private:
    Folder folder_;
    std::string path_;
    FailingNewPage* page_ = nullptr;
};

} // namespace evermilter::test
