// The poison messages of this moment, in memory that the supervisor writes and all others can only read (sealed:
// no process that handles strangers' mail can change what it says). Session workers look messages up before they queue
// them, scanners before they take them, so that a message costs no scanner more once it is known. Bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/message_digests.h"

namespace evermilter {

class PoisonBoard {
  public:
    static constexpr std::size_t kSlots = 1024;

    // The supervisor's: readable and writable.
    [[nodiscard]] static Result<PoisonBoard> create();
    // One that was received: readable. Refuses a file of another size.
    [[nodiscard]] static Result<PoisonBoard> map(unique_fd fd);

    // Whether a message is poison at `now_ns` (CLOCK_MONOTONIC). Any thread; never waits.
    [[nodiscard]] bool holds(const MessageDigests& digests, std::int64_t now_ns) const noexcept;

    // These are of create() only. Precondition: slot < kSlots. `until_ns`: CLOCK_MONOTONIC at which it is forgotten.
    void set(std::size_t slot, const MessageDigests& digests, std::int64_t until_ns) const noexcept;
    void clear(std::size_t slot) const noexcept;
    // A further descriptor of the same memory, CLOEXEC, to be sent.
    [[nodiscard]] Result<unique_fd> duplicate() const;

  private:
    struct Content;
    struct Unmap {
        void operator()(Content* content) const noexcept;
    };
    PoisonBoard(unique_fd fd, Content* content) : fd_(std::move(fd)), content_(content) {}

    unique_fd fd_;
    std::unique_ptr<Content, Unmap> content_;
};

} // namespace evermilter
