#include "tests/bench/steal.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <utility>

namespace evermilter::bench {

using namespace std::chrono_literals;

Steal::Ticks Steal::read() {
    constexpr unsigned kFields = 8; // user to steal; later fields are already counted in user
    std::ifstream file("/proc/stat");
    std::string word;
    file >> word;
    Ticks now;
    for (unsigned field = 1; field <= kFields; ++field) {
        double ticks = 0;
        file >> ticks;
        now.all += ticks;
        if (field == kFields) now.stolen = ticks;
    }
    return now;
}

double Steal::share(const Ticks& before, const Ticks& now) {
    constexpr double kFew = 20; // fewer ticks say nothing
    return now.all - before.all > kFew ? 100 * (now.stolen - before.stolen) / (now.all - before.all) : 0;
}

Steal::Percent Steal::take() {
    const std::lock_guard lock(mutex_);
    const Ticks now = read();
    const Percent percent{share(taken_, now), std::max(std::exchange(worst_, 0), share(second_, now))};
    taken_ = second_ = now;
    return percent;
}

void Steal::look(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1s);
        const std::lock_guard lock(mutex_);
        const Ticks now = read();
        worst_ = std::max(worst_, share(second_, now));
        second_ = now;
    }
}

} // namespace evermilter::bench
