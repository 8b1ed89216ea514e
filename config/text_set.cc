#include "config/text_set.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace evermilter::config {

void TextSet::add(std::string_view text) {
    if (texts_.size() + text.size() > std::numeric_limits<std::uint32_t>::max())
        throw std::length_error("a list is larger than 4 GiB");
    places_.push_back({static_cast<std::uint32_t>(texts_.size()), static_cast<std::uint32_t>(text.size())});
    texts_ += text;
}

void TextSet::seal() {
    std::sort(places_.begin(), places_.end(), [this](Place a, Place b) { return text_at(a) < text_at(b); });
    const auto end =
        std::unique(places_.begin(), places_.end(), [this](Place a, Place b) { return text_at(a) == text_at(b); });
    places_.erase(end, places_.end());
    places_.shrink_to_fit();
    texts_.shrink_to_fit();
}

bool TextSet::contains(std::string_view text) const noexcept {
    const auto found =
        std::lower_bound(places_.begin(), places_.end(), text,
                         [this](Place place, std::string_view wanted) { return text_at(place) < wanted; });
    return found != places_.end() && text_at(*found) == text;
}

} // namespace evermilter::config
