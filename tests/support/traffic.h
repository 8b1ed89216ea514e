// Mail that flows while something happens to the service: a thread with one session at a time, five messages each, one
// in ten infected. It judges every answer, and starts a new session when a connection was cut.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "tests/support/service.h"

namespace evermilter::test {

class Traffic {
  public:
    // `address` as MilterClient has it. `number` makes its messages differ from those of other instances; `pause` is
    // what it waits after each.
    Traffic(std::string address, unsigned number, std::chrono::milliseconds pause = {});
    Traffic(const Service& service, unsigned number, std::chrono::milliseconds pause = {})
        : Traffic(service.milter_address(), number, pause) {}
    ~Traffic() { finish(); }
    Traffic(const Traffic&) = delete;
    Traffic& operator=(const Traffic&) = delete;

    // Waits until this many more messages have got the right answer. Throws if a wrong one comes.
    void more(std::uint64_t messages) const;
    // Sends no further message, and waits for the answer to the last one.
    void finish();

    [[nodiscard]] std::uint64_t right() const { return right_.load(); }
    [[nodiscard]] std::uint64_t tempfailed() const { return tempfailed_.load(); }
    [[nodiscard]] std::uint64_t cut() const { return cut_.load(); } // connections
    // After finish(): the first answer that was neither right nor a 4xx, a second answer to a message, or another
    // fault; empty if there was none.
    [[nodiscard]] std::string wrong() const { return wrong_; }

  private:
    void send(unsigned number);
    void session(const std::string& prefix);

    const std::string address_;
    const std::chrono::milliseconds pause_;
    std::atomic<bool> end_{false};
    std::atomic<bool> ended_{false};
    std::atomic<std::uint64_t> sent_{0};
    std::atomic<std::uint64_t> right_{0};
    std::atomic<std::uint64_t> tempfailed_{0};
    std::atomic<std::uint64_t> cut_{0};
    std::string wrong_;
    std::thread thread_; // last: it uses the others
};

} // namespace evermilter::test
