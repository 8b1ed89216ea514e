// A set of short texts that takes little more memory than the texts: a million addresses are 31 MB (bench_lists), where
// std::unordered_set takes 120; each session worker has its own. Add all, then seal(), then ask. Asked by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::config {

class TextSet {
  public:
    // All together take less than 4 GiB. Throws std::length_error beyond.
    void add(std::string_view text);
    void seal();

    // Takes time by the logarithm of their number.
    [[nodiscard]] bool contains(std::string_view text) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return places_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

  private:
    struct Place {
        std::uint32_t at = 0;
        std::uint32_t length = 0;
    };
    [[nodiscard]] std::string_view text_at(Place place) const noexcept {
        return std::string_view(texts_).substr(place.at, place.length);
    }

    std::string texts_;
    std::vector<Place> places_; // sealed: in the order of their texts, each once
};

} // namespace evermilter::config
