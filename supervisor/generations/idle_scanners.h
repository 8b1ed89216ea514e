// Whether scanners serve: one that is idle, and goes on taking nothing while messages wait, does not, whatever it
// suffers from. Judges looks, not time, so that a supervisor that was itself stopped blames nobody. Scanners that are
// all busy with long scans are no fault, nor is a queue that is never empty while each takes its part. Pure; one a
// generation.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <vector>

namespace evermilter::supervisor {

// A scanner, as it is at a look.
struct ScannerLook {
    pid_t pid = 0;
    bool busy = false;
    std::uint64_t received = 0; // what it has taken from the queue so far
};

// What is to be done; each is tried when the one before has not helped.
enum class Remedy : std::uint8_t {
    none,
    scanners, // they are replaced
    loader,   // it is killed: its standby serves from the same engine
    load,     // the generation is given up, and the database loaded again
};

class IdleScanners {
  public:
    // So many looks in a row, one a second, make a fault.
    static constexpr unsigned kLooks = 3;
    // A loader replaces scanners that die at once with delays of up to 5 s; that there are none is a fault after these.
    static constexpr unsigned kLooksAtNobody = 10;

    // `waits`: a message is in the queue. `taken`: what all scanners that ever were have taken from it. Remedy::none is
    // also said while the last one may still have its effect.
    [[nodiscard]] Remedy look(bool waits, std::uint64_t taken, const std::vector<ScannerLook>& scanners);
    // Messages are taken, or none waits.
    [[nodiscard]] bool well() const noexcept { return tried_ == Remedy::none; }
    // Those who take nothing; valid after look().
    [[nodiscard]] const std::vector<pid_t>& idle() const noexcept { return idle_; }

  private:
    struct Seen {
        std::uint64_t received = 0;
        unsigned looks = 0; // in a row at which it was idle and had taken nothing since
    };
    std::map<pid_t, Seen> seen_;
    std::vector<pid_t> idle_;
    std::uint64_t taken_ = 0;            // at the last look
    unsigned nobody_ = 0;                // looks in a row without a scanner
    unsigned since_remedy_ = kLooks + 1; // looks
    Remedy tried_ = Remedy::none;        // since messages were last taken
};

} // namespace evermilter::supervisor
