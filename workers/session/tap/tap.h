// tap.switch: while that file exists, messages that fit its lines are copied whole into tap.directory. No message waits
// for it: copies are written by a thread of their own, from a queue with a bound, and what finds it full is dropped,
// counted and logged.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "config/config.h"
#include "workers/common/base/once_a_minute.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/session/tap/maildir.h"
#include "workers/session/tap/tap_rules.h"

namespace evermilter::session {

class Tap {
  public:
    // Copies that wait to be written. Each holds the message's memory, or its file in the spool.
    static constexpr std::size_t kMostWaiting = 32;

    // `counters` must outlive it.
    Tap(const config::Tap& settings, CounterBoard<kSessionWorker>& counters);
    Tap(const Tap&) = delete;
    Tap& operator=(const Tap&) = delete;
    ~Tap() = default;

    [[nodiscard]] bool configured() const noexcept { return !settings_.switch_file.empty(); }
    // What is copied now; nullptr: nothing. Any thread.
    [[nodiscard]] std::shared_ptr<const TapRules> rules() const;
    // Never waits. Any thread.
    void copy(TapCopy copy);
    // A message that is wanted cannot be copied.
    void drop(const std::string& reason, const std::string& queue_id);

    // Sees whether the switch is another than before. From one thread; waits for the disk.
    void look();
    // Writes what waits, one after the other, for ever. In a thread of its own.
    [[noreturn]] void write_all();
    // Waits until all copies are written, or until then. Any thread.
    void wait_written(SteadyTime until);

  private:
    const config::Tap settings_;
    CounterBoard<kSessionWorker>& counters_;
    std::string state_; // of the switch, as it was read last; only look() has it
    OnceAMinute lines_;

    mutable std::mutex mutex_;
    std::condition_variable something_;
    std::condition_variable all_written_;
    std::shared_ptr<const TapRules> rules_;
    std::deque<TapCopy> waiting_;
    bool writing_ = false;
};

// What a tap takes of one message. One thread at a time.
class Tapped {
  public:
    // The most recipients that a copy names.
    static constexpr std::size_t kMostRecipients = 1000;

    Tapped() = default;
    // At MAIL.
    Tapped(std::shared_ptr<const TapRules> rules, const Client& client, std::string_view sender);
    void take_recipient(std::string_view recipient);
    // Whether it is to be copied, by what is known so far.
    [[nodiscard]] bool wanted() const noexcept { return wanted_; }
    // Takes the recipients out of it.
    [[nodiscard]] TapCopy take(unique_fd message, std::uint64_t offset, std::uint64_t size);

  private:
    std::shared_ptr<const TapRules> rules_; // nullptr: the tap is off
    bool wanted_ = false;
    std::string sender_;
    std::vector<std::string> recipients_;
    std::uint64_t more_ = 0;
};

} // namespace evermilter::session
