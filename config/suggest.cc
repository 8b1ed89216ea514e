#include "config/suggest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace evermilter::config {

std::size_t edit_distance(std::string_view one, std::string_view two) {
    constexpr std::size_t longest = 64;
    one = one.substr(0, longest);
    two = two.substr(0, longest);
    using Costs = std::array<std::size_t, longest + 1>;
    Costs before_previous{};
    Costs previous{};
    Costs current{};
    std::iota(previous.begin(), previous.end(), std::size_t{0});
    for (std::size_t i = 1; i <= one.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= two.size(); ++j) {
            const std::size_t substitution = previous[j - 1] + (one[i - 1] == two[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substitution});
            if (i > 1 && j > 1 && one[i - 1] == two[j - 2] && one[i - 2] == two[j - 1])
                current[j] = std::min(current[j], before_previous[j - 2] + 1);
        }
        before_previous = previous;
        previous = current;
    }
    return previous[two.size()];
}

std::string_view nearest_key(const Schema& schema, std::string_view section, std::string_view name) {
    std::string_view best;
    std::size_t best_cost = std::numeric_limits<std::size_t>::max();
    for (const Section& candidate : schema.sections) {
        for (const Row& row : candidate.rows) {
            const std::size_t cost = edit_distance(name, row.name()) * 2 + (row.section() == section ? 0 : 1);
            if (cost >= best_cost) continue;
            best_cost = cost;
            best = row.key;
        }
    }
    return best;
}

const Section& nearest_section(const Schema& schema, std::string_view name) {
    return *std::min_element(schema.sections.begin(), schema.sections.end(), [&](const Section& a, const Section& b) {
        return edit_distance(name, a.name) < edit_distance(name, b.name);
    });
}

} // namespace evermilter::config
