#include "config/schema.h"

#include <algorithm>
#include <array>

namespace evermilter::config {

const Row* Section::find_row(std::string_view row_name) const {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.name() == row_name; });
    return found == rows.end() ? nullptr : &*found;
}

const Inner* Section::find_inner(std::string_view inner_name) const {
    const auto found =
        std::find_if(inner.begin(), inner.end(), [&](const Inner& one) { return one.section->name == inner_name; });
    return found == inner.end() ? nullptr : &*found;
}

const Section* Schema::find_section(std::string_view name) const {
    const auto found =
        std::find_if(sections.begin(), sections.end(), [&](const Section& section) { return section.name == name; });
    return found == sections.end() ? nullptr : &*found;
}

const Row* Schema::find_row(std::string_view key) const {
    const std::size_t dot = key.find('.');
    const Section* section = find_section(key.substr(0, dot));
    return section == nullptr || dot == std::string_view::npos ? nullptr : section->find_row(key.substr(dot + 1));
}

const Schema& schema() {
    static const std::array all = {kMilterSection,   kListenerSection,   kTimeoutsSection, kActionsSection,
                                   kRuleSection,     kPolicySection,     kSendersSection,  kSkipSection,
                                   kPoisonSection,   kHeadersSection,    kMessageSection,  kScannerSection,
                                   kDatabaseSection, kReloadSection,     kWorkersSection,  kStatusSection,
                                   kTapSection,      kOnInfectedSection, kLogSection,      kProcessSection};
    static const Schema whole = {all};
    return whole;
}

} // namespace evermilter::config
