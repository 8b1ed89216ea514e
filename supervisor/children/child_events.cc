#include "supervisor/children/child_events.h"

#include <iterator>
#include <utility>

namespace evermilter::supervisor {

void ChildEvents::add(ChildEvent event) {
    (working_ ? following_ : events_).push_back(std::move(event));
}

void ChildEvents::work_off(const std::function<void(ChildEvent&&)>& handle, const std::function<void()>& sweep) {
    if (std::exchange(working_, true)) return;
    while (!events_.empty()) {
        ChildEvent event = std::move(events_.front());
        events_.pop_front();
        handle(std::move(event));
        sweep();
        events_.insert(events_.begin(), std::make_move_iterator(following_.begin()),
                       std::make_move_iterator(following_.end()));
        following_.clear();
    }
    working_ = false;
}

} // namespace evermilter::supervisor
