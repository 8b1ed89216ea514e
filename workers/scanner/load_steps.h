// The steps that a load has begun and the main thread has not yet reported: none is lost, however fast they follow
// one another.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace evermilter::scanner {

class LoadSteps {
  public:
    // Any thread; `step` has static storage.
    void add(const char* step) {
        const std::lock_guard lock(mutex_);
        steps_.push_back(step);
    }
    // What was added since the last call, in order.
    [[nodiscard]] std::vector<const char*> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(steps_, {});
    }

  private:
    std::mutex mutex_;
    std::vector<const char*> steps_;
};

} // namespace evermilter::scanner
