#include "config/diff.h"

#include <algorithm>

#include "config/value.h"

namespace evermilter::config {

std::vector<Change> diff(const Config& before, const Config& after) {
    std::vector<Change> changes;
    for (const Section& section : sections()) {
        for (const Row& row : section.rows) {
            const Value old_value = read(row, before);
            const Value new_value = read(row, after);
            if (old_value == new_value && stands_in_file(row, before) == stands_in_file(row, after)) continue;
            changes.push_back({row.key, row.applies_by, value_text(old_value), value_text(new_value)});
        }
    }
    return changes;
}

AppliesBy most_needed(const std::vector<Change>& changes) {
    AppliesBy most = AppliesBy::live;
    for (const Change& change : changes) most = std::max(most, change.needs);
    return most;
}

std::string_view needs_text(AppliesBy needs) {
    switch (needs) {
        case AppliesBy::live:
            return "taken at once";
        case AppliesBy::new_session_workers:
            return "new session workers";
        case AppliesBy::new_generation:
            return "a new generation";
        case AppliesBy::restart:
            return "a restart";
    }
    return "a restart";
}

} // namespace evermilter::config
