#include "supervisor/generations/serving_watch.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace evermilter::supervisor {
namespace {

constexpr std::chrono::seconds kInterval{1};

bool messages_wait(const Generation& generation) {
    int bytes = 0;
    return ::ioctl(generation.queue_end.get(), FIONREAD, &bytes) == 0 && bytes > 0;
}

} // namespace

ServingWatch::ServingWatch(Loop* loop, State& state, Generations& generations)
    : state_(state), generations_(generations), timer_(loop, [this] { look(); }) {}

void ServingWatch::start() {
    timer_.start(kInterval, kInterval);
}

void ServingWatch::look() {
    std::erase_if(judges_, [this](const auto& entry) {
        const Generation* generation = state_.find_generation(entry.first);
        return generation == nullptr || !generation->queue_end;
    });
    for (Generation& generation : state_.generations)
        if (generation.loaded && generation.queue_end && generation.board && !generation.condemned) look_at(generation);
}

void ServingWatch::look_at(Generation& generation) {
    std::uint64_t taken = 0;
    for (std::uint32_t slot = 0; slot < generation.board->slots(); ++slot)
        taken += generation.board->slot(slot).received_total.load();
    std::vector<ScannerLook> looks;
    for (const ScannerProcess& one : generation.scanners) {
        if (one.slot >= generation.board->slots()) continue;
        const ScannerSlot& slot = generation.board->slot(one.slot);
        looks.push_back(ScannerLook{one.pid, slot.busy_since_ns.load() != 0, slot.received_total.load()});
    }
    // Why there is none is known, told, and tried again.
    const bool none_by_reason =
        looks.empty() && (!generation.scanners_missing.empty() || !generation.scanners_dying.empty());
    const bool waits = messages_wait(generation) && !none_by_reason;
    IdleScanners& judge = judges_[generation.id];
    const Remedy remedy = judge.look(waits, taken, looks);
    if (remedy != Remedy::none)
        generations_.heal(generation, remedy, judge.idle());
    else if (judge.well())
        generations_.healed(generation);
}

} // namespace evermilter::supervisor
