#include "supervisor/generations/idle_scanners.h"

namespace evermilter::supervisor {

Remedy IdleScanners::look(bool waits, std::uint64_t taken, const std::vector<ScannerLook>& scanners) {
    idle_.clear();
    const bool progress = taken != taken_;
    if (!waits || progress) tried_ = Remedy::none;
    taken_ = taken;
    ++since_remedy_;
    if (!waits) {
        seen_.clear();
        nobody_ = 0;
        return Remedy::none;
    }
    std::map<pid_t, Seen> seen;
    for (const ScannerLook& one : scanners) {
        if (one.busy) continue;
        const auto before = seen_.find(one.pid);
        const bool same = before != seen_.end() && before->second.received == one.received;
        const unsigned looks = same ? before->second.looks + 1 : 0;
        seen.emplace(one.pid, Seen{one.received, looks});
        if (looks >= kLooks) idle_.push_back(one.pid);
    }
    seen_ = std::move(seen);
    // Those that end after each message, for a folder that is full, have taken it.
    nobody_ = scanners.empty() && !progress ? nobody_ + 1 : 0;
    if (idle_.empty() && nobody_ < kLooksAtNobody) return Remedy::none;
    if (since_remedy_ <= kLooks) return Remedy::none;
    since_remedy_ = 0;
    nobody_ = 0;
    switch (tried_) {
        case Remedy::none:
            tried_ = idle_.empty() ? Remedy::loader : Remedy::scanners;
            break;
        case Remedy::scanners:
            tried_ = Remedy::loader;
            break;
        case Remedy::loader:
        case Remedy::load:
            tried_ = Remedy::load;
            break;
    }
    return tried_;
}

} // namespace evermilter::supervisor
