// Averages over the turns of a benchmark.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace evermilter::bench {

// `values` is not empty.
[[nodiscard]] inline double mean(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// `values` is not empty. For an even number of values, the greater of the two in the middle.
[[nodiscard]] inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

} // namespace evermilter::bench
