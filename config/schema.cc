#include "config/schema.h"

#include <algorithm>
#include <array>

namespace evermilter::config {

std::span<const Section> sections() {
    static const std::array all = {kMilterSection,  kTimeoutsSection, kActionsSection,  kPoisonSection, kHeadersSection,
                                   kMessageSection, kScannerSection,  kDatabaseSection, kReloadSection, kWorkersSection,
                                   kStatusSection,  kLogSection,      kProcessSection};
    return all;
}

const Section* find_section(std::string_view name) {
    const auto all = sections();
    const auto found = std::find_if(all.begin(), all.end(), [&](const Section& s) { return s.name == name; });
    return found == all.end() ? nullptr : &*found;
}

const Row* find_row(std::string_view key) {
    const Section* section = find_section(key.substr(0, key.find('.')));
    if (section == nullptr) return nullptr;
    const auto rows = section->rows;
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.key == key; });
    return found == rows.end() ? nullptr : &*found;
}

} // namespace evermilter::config
