#include "workers/scanning/generation_queue.h"

#include <sys/ioctl.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "workers/common/ipc/channel.h"

namespace evermilter::scanning {

GenerationQueue::GenerationQueue(std::uint64_t generation, unique_fd queue, Released released)
    : generation_(generation), released_(std::move(released)), queue_(std::move(queue)) {
    int on = 1;
    // A descriptor on which this fails is no socket, and the first send says so.
    (void)::ioctl(queue_.get(), FIONBIO, &on);
}

GenerationQueue::~GenerationQueue() {
    let_go();
}

bool GenerationQueue::usable() const {
    const std::lock_guard lock(mutex_);
    return queue_ && !ended_;
}

void GenerationQueue::let_go() {
    unique_fd closing;
    {
        const std::lock_guard lock(mutex_);
        closing = std::move(queue_);
        changed_.notify_all();
    }
    if (!closing) return;
    closing.reset();
    if (released_) released_(generation_);
}

GenerationQueue::Place::Place(std::shared_ptr<GenerationQueue> queue) : queue_(std::move(queue)) {
    const std::lock_guard lock(queue_->mutex_);
    position_ = queue_->waiting_.insert(queue_->waiting_.end(), this);
}

GenerationQueue::Place::~Place() {
    const std::lock_guard lock(queue_->mutex_);
    if (in_window_) {
        --queue_->in_window_;
    } else {
        queue_->waiting_.erase(position_);
    }
    queue_->changed_.notify_all();
}

GenerationQueue::Place::Turn GenerationQueue::Place::wait(SteadyTime until) {
    std::unique_lock lock(queue_->mutex_);
    for (;;) {
        if (!queue_->queue_ || queue_->ended_) return Turn::ended;
        if (in_window_) return Turn::come;
        if (queue_->in_window_ < kWindow && queue_->waiting_.front() == this) {
            queue_->waiting_.erase(position_);
            ++queue_->in_window_;
            in_window_ = true;
            queue_->changed_.notify_all(); // the next one stands in front now
            return Turn::come;
        }
        if (queue_->changed_.wait_until(lock, until) == std::cv_status::timeout && steady_now() >= until)
            return Turn::not_yet;
    }
}

GenerationQueue::Place::Sent GenerationQueue::Place::send(const codec::Packet& packet) {
    const std::lock_guard lock(queue_->mutex_);
    if (!queue_->queue_ || queue_->ended_) return Sent::ended;
    const auto sent = send_packet(queue_->queue_.get(), packet);
    if (sent) return Sent::yes;
    switch (sent.error().code) {
        case EAGAIN:
        case ETOOMANYREFS:
        case ENOBUFS:
        case ENOMEM:
            return Sent::full;
        default:
            queue_->ended_ = true;
            queue_->changed_.notify_all();
            return Sent::ended;
    }
}

GenerationQueues::GenerationQueues(GenerationQueue::Released released) : released_(std::move(released)) {}

// In all of these, pins are declared before the lock: the last holder's end calls `released`, without a lock.

void GenerationQueues::take(std::uint64_t generation, unique_fd queue) {
    Pin before;
    Pin same;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(held_, [](const auto& entry) { return entry.second.expired(); });
        if (const auto held = held_.find(generation); held != held_.end()) same = held->second.lock();
        before = std::exchange(
            current_, same ? same : std::make_shared<GenerationQueue>(generation, std::move(queue), released_));
        held_[generation] = current_;
        refused_.reset();
        changed_.notify_all();
    }
}

bool GenerationQueues::let_go(std::uint64_t generation) {
    Pin held;
    Pin before;
    {
        const std::lock_guard lock(mutex_);
        if (current_ && current_->generation() == generation) before = std::move(current_);
        if (const auto found = held_.find(generation); found != held_.end()) {
            held = found->second.lock();
            held_.erase(found);
        }
    }
    if (held) held->let_go();
    return held != nullptr;
}

void GenerationQueues::no_generation(std::string reason) {
    Pin before;
    {
        const std::lock_guard lock(mutex_);
        before = std::move(current_);
        refused_ = std::move(reason);
        changed_.notify_all();
    }
}

void GenerationQueues::close(std::string reason) {
    std::vector<Pin> held;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& entry : held_)
            if (Pin queue = entry.second.lock()) held.push_back(std::move(queue));
        held_.clear();
        current_.reset(); // `held` has it too
        refused_ = std::move(reason);
        changed_.notify_all();
    }
    for (const Pin& queue : held) queue->let_go();
}

Pin GenerationQueues::pin(std::uint64_t generation) const {
    Pin asked;
    Pin now;
    {
        const std::lock_guard lock(mutex_);
        if (const auto held = held_.find(generation); held != held_.end()) asked = held->second.lock();
        now = current_;
    }
    if (asked && asked->usable()) return asked;
    if (now && now->usable()) return now;
    return {};
}

std::uint64_t GenerationQueues::current() const {
    const std::lock_guard lock(mutex_);
    return current_ ? current_->generation() : 0;
}

GenerationQueues::Waited GenerationQueues::wait_for_current(SteadyTime until) {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (refused_) return {{}, *refused_};
        if (current_ && current_->usable()) return {current_, {}};
        if (changed_.wait_until(lock, until) == std::cv_status::timeout && steady_now() >= until) return {};
    }
}

} // namespace evermilter::scanning
