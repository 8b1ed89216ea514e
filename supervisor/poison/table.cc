// The table of poison messages: one list, oldest first, and the board that shows it to other processes.
#include "supervisor/poison/table.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <string>
#include <tuple>

namespace evermilter::supervisor {

PoisonTable::Entries::iterator PoisonTable::find(const MessageDigests& digests) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.digests.matches(digests); });
}

// Puts it on the board for as long as it is kept. Suspects are not there.
void PoisonTable::show(const Entry& entry) const {
    if (board_ && entry.poison) board_->set(entry.slot, entry.digests, entry.last_cost_ns + keep_.count());
}

PoisonTable::Entries::iterator PoisonTable::remove(Entries::iterator entry) {
    if (board_ && entry->poison) board_->clear(entry->slot);
    return entries_.erase(entry);
}

bool PoisonTable::over(const Entry& entry, std::int64_t now_ns) const noexcept {
    return now_ns >= entry.last_cost_ns + keep_.count();
}

void PoisonTable::expire(std::int64_t now_ns) {
    for (auto entry = entries_.begin(); entry != entries_.end();)
        entry = over(*entry, now_ns) ? remove(entry) : std::next(entry);
}

void PoisonTable::make_room() {
    if (entries_.size() < kEntries) return;
    remove(std::min_element(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return std::tie(a.poison, a.last_cost_ns) < std::tie(b.poison, b.last_cost_ns);
    }));
}

void PoisonTable::set_keep(std::chrono::nanoseconds keep, std::int64_t now_ns) {
    keep_ = keep;
    expire(now_ns);
    for (const Entry& entry : entries_) show(entry);
}

PoisonTable::Rank PoisonTable::cost(const MessageDigests& digests, const ScannerId& scanner, const Now& now) {
    expire(now.monotonic_ns);
    if (keep_.count() == 0 || !digests.whole) return Rank::ignored;
    auto entry = find(digests);
    if (entry == entries_.end()) {
        make_room();
        // Slow but rare: few messages kill a scanner.
        std::vector<bool> taken(kEntries);
        for (const Entry& one : entries_) taken[one.slot] = true;
        entry = entries_.emplace(entries_.end());
        entry->digests = digests;
        entry->first = scanner;
        entry->slot = static_cast<std::size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
    }
    ++entry->costs;
    entry->last_cost_ns = now.monotonic_ns;
    entry->last = now.unix_time;
    const bool was_poison = entry->poison;
    if (!was_poison && scanner == entry->first) return Rank::suspect;
    if (!was_poison) {
        entry->poison = true;
        entry->since = now.unix_time;
    }
    show(*entry);
    return was_poison ? Rank::still_poison : Rank::poison;
}

void PoisonTable::met(const MessageDigests& digests, const Now& now) {
    const auto entry = find(digests);
    if (entry == entries_.end()) return; // forgotten meanwhile
    ++entry->met;
    entry->last = now.unix_time;
}

std::vector<PoisonTable::Entry> PoisonTable::list(std::int64_t now_ns) {
    expire(now_ns);
    std::vector<Entry> poison;
    std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(poison),
                 [](const Entry& entry) { return entry.poison; });
    return poison;
}

std::size_t PoisonTable::count(std::int64_t now_ns) const {
    return static_cast<std::size_t>(std::count_if(
        entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.poison && !over(entry, now_ns); }));
}

Result<void> PoisonTable::forget(std::string_view digest, std::int64_t now_ns) {
    expire(now_ns);
    if (digest.size() < kShortest)
        return Error{EINVAL, "\"" + std::string(digest) + "\" is too short: give at least " +
                                 std::to_string(kShortest) + " digits of a digest"};
    const auto named = [&](const Entry& entry) {
        return entry.poison &&
               (entry.digests.whole.text().starts_with(digest) || entry.digests.body.text().starts_with(digest));
    };
    const auto entry = std::find_if(entries_.begin(), entries_.end(), named);
    if (entry == entries_.end())
        return Error{ENOENT, "no poison message has the digest \"" + std::string(digest) + "\""};
    if (std::any_of(std::next(entry), entries_.end(), named))
        return Error{EINVAL, "\"" + std::string(digest) + "\" begins more than one digest: give more of it"};
    remove(entry);
    return {};
}

std::size_t PoisonTable::forget_all() {
    const auto poison = std::count_if(entries_.begin(), entries_.end(), [](const Entry& one) { return one.poison; });
    while (!entries_.empty()) remove(entries_.begin());
    return static_cast<std::size_t>(poison);
}

Result<unique_fd> PoisonTable::share() {
    if (!board_) {
        auto made = PoisonBoard::create();
        if (!made) return std::move(made).error();
        board_.emplace(std::move(*made));
        for (const Entry& entry : entries_) show(entry);
    }
    return board_->duplicate();
}

} // namespace evermilter::supervisor
