// libev's watchers with an owner: started and stopped by members, stopped by the destructor, the callback a
// std::function. A watcher's address is known to libev, so none can be copied or moved. The loop must outlive
// them. An object must not be freed inside its own callback: give it to a DeferredDelete, which frees it on the next
// turn of the loop. Callbacks must not throw (nothing may pass through libev's C frames): they are noexcept here.
#pragma once

#include <ev.h>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace evermilter {

using Loop = struct ev_loop;

struct FreeLoop {
    void operator()(Loop* loop) const noexcept { ev_loop_destroy(loop); }
};
using LoopHandle = std::unique_ptr<Loop, FreeLoop>;

// Never libev's default loop: that one reaps every child by itself and leaves no status. nullptr if there is none.
[[nodiscard]] inline LoopHandle make_loop() {
    return LoopHandle(ev_loop_new(EVFLAG_AUTO));
}

template <class Derived, class Raw>
class Watcher {
  public:
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    Watcher(Watcher&&) = delete;
    Watcher& operator=(Watcher&&) = delete;

    [[nodiscard]] bool active() const noexcept { return ev_is_active(&raw_); }

  protected:
    using Callback = std::function<void(int events)>;
    Watcher(Loop* loop, Callback callback) : loop_(loop), callback_(std::move(callback)) {
        ev_init(&raw_, &Watcher::dispatch);
        raw_.data = this;
    }
    ~Watcher() = default;

    static void dispatch(Loop* /*loop*/, Raw* raw, int events) noexcept {
        static_cast<Watcher*>(raw->data)->callback_(events);
    }

    Loop* loop_;
    Raw raw_{};
    Callback callback_;
};

// Readiness of one descriptor. Stop it before the descriptor is closed.
class IoWatcher : public Watcher<IoWatcher, ev_io> {
  public:
    IoWatcher(Loop* loop, Callback callback) : Watcher(loop, std::move(callback)) {}
    ~IoWatcher() { stop(); }

    // `events`: EV_READ, EV_WRITE or both. Started again with other values it is changed.
    void start(int fd, int events) {
        if (active() && raw_.fd == fd && (raw_.events & (EV_READ | EV_WRITE)) == events) return;
        stop();
        ev_io_set(&raw_, fd, events);
        ev_io_start(loop_, &raw_);
    }
    void stop() noexcept { ev_io_stop(loop_, &raw_); }
};

// A moment, once or again and again. Relative to the loop's idea of now, which is brought up to date first.
class TimerWatcher : public Watcher<TimerWatcher, ev_timer> {
  public:
    TimerWatcher(Loop* loop, std::function<void()> callback)
        : Watcher(loop, [call = std::move(callback)](int) { call(); }) {}
    ~TimerWatcher() { stop(); }

    void start(std::chrono::nanoseconds after, std::chrono::nanoseconds repeat = std::chrono::nanoseconds::zero()) {
        stop();
        ev_now_update(loop_);
        ev_timer_set(&raw_, seconds(after), seconds(repeat));
        ev_timer_start(loop_, &raw_);
    }
    void stop() noexcept { ev_timer_stop(loop_, &raw_); }

  private:
    static double seconds(std::chrono::nanoseconds duration) {
        const double value = std::chrono::duration<double>(duration).count();
        return value > 0 ? value : 0;
    }
};

// A signal, taken in the loop. libev serves each signal in one loop only.
class SignalWatcher : public Watcher<SignalWatcher, ev_signal> {
  public:
    SignalWatcher(Loop* loop, int signal, std::function<void()> callback)
        : Watcher(loop, [call = std::move(callback)](int) { call(); }) {
        ev_signal_set(&raw_, signal);
        ev_signal_start(loop_, &raw_);
    }
    ~SignalWatcher() { ev_signal_stop(loop_, &raw_); }
};

// Wakes the loop from any thread.
class AsyncWatcher : public Watcher<AsyncWatcher, ev_async> {
  public:
    AsyncWatcher(Loop* loop, std::function<void()> callback)
        : Watcher(loop, [call = std::move(callback)](int) { call(); }) {}
    ~AsyncWatcher() { ev_async_stop(loop_, &raw_); }

    void start() { ev_async_start(loop_, &raw_); }
    // Any thread, once it is started; never blocks. Several may come as one.
    void send() noexcept { ev_async_send(loop_, &raw_); }
};

// The top of the loop: each turn, after the callbacks of the last one and before it sleeps again.
class TurnWatcher : public Watcher<TurnWatcher, ev_prepare> {
  public:
    TurnWatcher(Loop* loop, std::function<void()> callback)
        : Watcher(loop, [call = std::move(callback)](int) { call(); }) {
        ev_prepare_set(&raw_);
        ev_prepare_start(loop_, &raw_);
    }
    ~TurnWatcher() { ev_prepare_stop(loop_, &raw_); }
};

// Where objects go that must not be freed in the callback that they are called from.
class DeferredDelete {
  public:
    explicit DeferredDelete(Loop* loop) : soon_(loop, [this] { clear(); }) {}

    template <class T>
    void bury(std::unique_ptr<T> object) {
        if (!object) return;
        dead_.push_back(std::shared_ptr<void>(std::move(object)));
        if (!soon_.active()) soon_.start(std::chrono::nanoseconds::zero());
    }

  private:
    void clear() {
        // What is freed may bury more.
        auto now = std::move(dead_);
        dead_.clear();
    }

    std::vector<std::shared_ptr<void>> dead_;
    TimerWatcher soon_;
};

} // namespace evermilter
