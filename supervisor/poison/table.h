// The messages that have cost scanners: suspected after the first, poison after the second in another scanner, for
// poison.keep from the last one on. Those that are poison stand on the board too, where session workers and scanners
// look them up. Bounded: past kEntries the suspect, then the poison message, that has cost nothing for longest is
// forgotten. Pure but for the board: clocks are handed in.
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

// Never the same for two scanners, as far as a pid is not used again within one generation.
struct ScannerId {
    std::uint64_t generation = 0;
    pid_t pid = 0;
    [[nodiscard]] bool operator==(const ScannerId&) const = default;
};

struct Now {
    std::int64_t monotonic_ns = 0; // CLOCK_MONOTONIC
    std::int64_t unix_time = 0;    // for people
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

    // What a cost has made of the message.
    enum class Rank : std::uint8_t {
        ignored, // poison.keep is 0, or nothing is known of the message
        suspect,
        poison,       // with this cost
        still_poison, // a copy that was being scanned when it became so
    };

    // 0: nothing is remembered. What is remembered now keeps to the new value too.
    void set_keep(std::chrono::nanoseconds keep, std::int64_t now_ns);
    // A scan in `scanner` died of it, or took too much CPU time.
    Rank cost(const MessageDigests& digests, const ScannerId& scanner, const Now& now);
    // A copy came and was not scanned.
    void met(const MessageDigests& digests, const Now& now);

    // Those that are poison, oldest first.
    [[nodiscard]] std::vector<Entry> list(std::int64_t now_ns);
    [[nodiscard]] std::size_t count(std::int64_t now_ns) const;
    // By the beginning of one of its digests, in hexadecimal. An Error when there is none or more than one.
    [[nodiscard]] Result<void> forget(std::string_view digest, std::int64_t now_ns);
    // Suspects too. How many were poison.
    std::size_t forget_all();

    // A descriptor of the board, to be sent; makes the board at the first call.
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
