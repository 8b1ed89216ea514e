#include "supervisor/generations/rollback.h"

#include <algorithm>

namespace evermilter::supervisor {
namespace {

std::string numbers(const std::vector<StoredSnapshot>& known) {
    std::string text;
    for (const StoredSnapshot& one : known) text += (text.empty() ? "" : ", ") + std::to_string(one.id);
    return text;
}

} // namespace

Result<StoredSnapshot> choose_rollback(const std::vector<StoredSnapshot>& known, std::uint64_t wanted,
                                       const std::string& current_digest, const Decisions& decisions,
                                       const std::set<std::uint64_t>& tried) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const StoredSnapshot& one) {
        if (wanted != 0) return one.id == wanted;
        return !one.digest.empty() && one.digest != current_digest && !decisions.rejects(one.digest) &&
               !tried.contains(one.id);
    });
    if (found != known.end()) return *found;
    if (known.empty()) return Error{0, "there is no snapshot to roll back to"};
    if (wanted != 0)
        return Error{0,
                     "there is no snapshot of generation " + std::to_string(wanted) + "; there are " + numbers(known)};
    return Error{0, "no snapshot is left whose content differs from the current one and was not rejected; there are " +
                        numbers(known) + ", each of which can be named"};
}

std::vector<StoredSnapshot> best_first(std::vector<StoredSnapshot> known, const Decisions& decisions) {
    std::stable_partition(known.begin(), known.end(),
                          [&](const StoredSnapshot& one) { return !decisions.rejects(one.digest); });
    return known;
}

} // namespace evermilter::supervisor
