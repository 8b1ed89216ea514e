#include "workers/scanner/look/gap.h"

#include <algorithm>
#include <utility>

namespace evermilter::scanner {
namespace {

// A name inside a path, or a text of libclamav: longer ones say nothing more to a person.
constexpr std::size_t kLongestField = 160;

void bound(std::string& text) {
    if (text.size() > kLongestField) text.resize(kLongestField);
}

} // namespace

void Ledger::add(Gap gap) {
    reasons_ |= unseen_bit(gap.reason);
    ++count_;
    for (std::string* field : {&gap.label, &gap.path, &gap.type, &gap.detail}) bound(*field);
    if (gaps_.size() < kMostGaps) {
        gaps_.push_back(std::move(gap));
        return;
    }
    // A reason that none of the kept gaps has must keep its label.
    const bool known =
        std::any_of(gaps_.begin(), gaps_.end(), [&](const Gap& kept) { return kept.label == gap.label; });
    if (!known && gaps_.size() < 2 * kMostGaps) gaps_.push_back(std::move(gap));
}

std::string Ledger::labels(std::size_t longest) const {
    std::string text;
    std::vector<std::string_view> seen;
    for (std::size_t reason = 0; reason < kUnseen; ++reason) {
        for (const Gap& gap : gaps_) {
            if (static_cast<std::size_t>(gap.reason) != reason) continue;
            if (std::find(seen.begin(), seen.end(), gap.label) != seen.end()) continue;
            if (text.size() + 2 + gap.label.size() > longest) continue;
            if (!text.empty()) text += ", ";
            text += gap.label;
            seen.emplace_back(gap.label);
        }
    }
    return text;
}

std::string Ledger::text(std::size_t longest) const {
    constexpr std::size_t kRoomForRest = 24; // "; and 18446744073… more"
    std::string text;
    std::size_t shown = 0;
    for (const Gap& gap : gaps_) {
        std::string one = gap.path.empty() ? std::string("message") : gap.path;
        if (!gap.type.empty() || gap.size > 0) {
            one += " (" + gap.type;
            if (gap.size > 0) one += (gap.type.empty() ? "" : ", ") + std::to_string(gap.size);
            one += ")";
        }
        one += ": " + std::string(unseen_name(gap.reason));
        if (gap.label != unseen_name(gap.reason)) one += " " + gap.label;
        if (!gap.detail.empty()) one += " (" + gap.detail + ")";
        if (text.size() + 2 + one.size() + kRoomForRest > longest) break;
        if (!text.empty()) text += "; ";
        text += one;
        ++shown;
    }
    if (shown < count_) text += (text.empty() ? "" : "; and ") + std::to_string(count_ - shown) + " more";
    return text;
}

Gap gap_of(Unseen reason, std::string path, std::string type, std::uint64_t size, std::string detail) {
    return {reason, unseen_name(reason), std::move(path), std::move(type), size, std::move(detail)};
}

Gap gap_of_limit(std::string_view limit, std::string path, std::string type, std::uint64_t size) {
    return {Unseen::limit, std::string(limit), std::move(path), std::move(type), size, {}};
}

} // namespace evermilter::scanner
