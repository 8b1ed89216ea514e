// The messages that killed scanners. A message is suspected after the first death and poison after the second, in
// another scanner; it stays so for poison.keep after the last death. Poison messages are on the board too, where
// session workers and scanners look them up. Bounded: past kEntries it forgets the suspect (then the poison message)
// that has cost nothing for the longest time. Pure but for the board: the caller passes the time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/shared/message_digests.h"
#include "workers/common/shared/poison_board.h"

namespace evermilter::supervisor {

// Names one scanner, unless the kernel uses a pid twice within one generation.
struct ScannerId {
    std::uint64_t generation = 0;
    pid_t pid = 0;
    [[nodiscard]] bool operator==(const ScannerId&) const = default;
};

struct Now {
    std::int64_t monotonic_ns = 0; // CLOCK_MONOTONIC
    std::int64_t unix_time = 0;    // what operators see
};

class PoisonTable {
  public:
    static constexpr std::size_t kEntries = PoisonBoard::kSlots;
    // The shortest beginning of a digest that forget() takes.
    static constexpr std::size_t kShortest = 8;

    struct Entry {
        MessageDigests digests; // of the copy that came first
        ScannerId first;        // the first scanner that it cost
        bool poison = false;    // a second one too
        std::size_t slot = 0;   // of the board
        std::int64_t last_cost_ns = 0;
        std::int64_t since = 0;  // Unix time at which it became poison; 0 for a suspect
        std::int64_t last = 0;   // Unix time at which it last came, scanned or not
        std::uint64_t costs = 0; // scans that it has cost
        std::uint64_t met = 0;   // copies that were not scanned
    };

    // What the message is after a cost.
    enum class Rank : std::uint8_t {
        ignored, // poison.keep is 0, or the message has no digest
        suspect,
        poison,       // with this cost
        still_poison, // it was already: another copy was being scanned when it became poison
    };

    // 0: nothing is remembered. Applies to the messages that are remembered already, too.
    void set_keep(std::chrono::nanoseconds keep, std::int64_t now_ns);
    // It killed `scanner`, or its scan took too much CPU time.
    Rank cost(const MessageDigests& digests, const ScannerId& scanner, const Now& now);
    // A copy came, and was not scanned.
    void met(const MessageDigests& digests, const Now& now);

    // The poison messages, oldest first. Forgets those whose time is over.
    [[nodiscard]] std::vector<Entry> list(std::int64_t now_ns);
    [[nodiscard]] std::size_t count(std::int64_t now_ns) const;
    // Forgets the message one of whose digests begins so, in hexadecimal. An Error if there is none, or several.
    [[nodiscard]] Result<void> forget(std::string_view digest, std::int64_t now_ns);
    // Forgets all, suspects too. Returns how many were poison.
    std::size_t forget_all();

    // A descriptor of the board, to send to a child. The first call makes the board.
    [[nodiscard]] Result<unique_fd> share();
    [[nodiscard]] std::chrono::nanoseconds keep() const noexcept { return keep_; }

  private:
    using Entries = std::list<Entry>;

    [[nodiscard]] bool over(const Entry& entry, std::int64_t now_ns) const noexcept;
    [[nodiscard]] Entries::iterator find(const MessageDigests& digests);
    void expire(std::int64_t now_ns);
    void make_room();
    Entries::iterator remove(Entries::iterator entry);
    void show(const Entry& entry) const;

    std::chrono::nanoseconds keep_{};
    Entries entries_; // oldest first
    std::optional<PoisonBoard> board_;
};

} // namespace evermilter::supervisor
