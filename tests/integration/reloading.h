// What the tests of reloads share: requesting reloads, reading generations from the status, and holding a loader while
// it loads.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/service.h"

namespace evermilter::test {

// A text that only a database with the signature of add_second_signature() knows.
inline constexpr const char* kSecondText = "evermilter-second-signature-text";
inline constexpr const char* kSecondRejected = "550 5.7.1 virus found: Evermilter.Test.Second.UNOFFICIAL";

void add_second_signature(const Service& service);
[[nodiscard]] std::string second_mail(); // contains kSecondText; each mail differs

// Sends one command on a connection of its own; returns the answer.
[[nodiscard]] nlohmann::json ask(const Service& service, const std::string& command = "reload");

[[nodiscard]] std::uint64_t current(const Service& service);
// A generation in the status; throws if it is not there.
[[nodiscard]] nlohmann::json generation(const nlohmann::json& status, std::uint64_t id);
[[nodiscard]] std::string state_of(const nlohmann::json& status, std::uint64_t id); // "" if it is not there
// Loader, standby and scanners of a generation, in this order, as they are now.
[[nodiscard]] std::vector<pid_t> processes_of(const Service& service, std::uint64_t id);
// Sends SIGKILL to all of processes_of(), in an order that lets none of them replace another.
void kill_all(const std::vector<pid_t>& processes);
// Loader and standby of an active generation, when it has both.
struct LoaderAndStandby {
    pid_t loader = 0;
    pid_t standby = 0;
};
[[nodiscard]] LoaderAndStandby loader_and_standby(const Service& service, std::uint64_t id);
// Kills the loader of an active generation; returns when its standby is the loader and has a standby itself.
LoaderAndStandby kill_loader(const Service& service, std::uint64_t id);
// Waits until the generation is gone from memory: its state, and its processes `before`.
void wait_gone(const Service& service, std::uint64_t id, const std::vector<pid_t>& before);
void wait_state(const Service& service, std::uint64_t id, const std::string& state);
// After launch(): waits until a generation serves, in whatever state. Returns the status.
nlohmann::json wait_serving(const Service& service);
// How many log lines contain `text`.
[[nodiscard]] std::size_t count_log(const Service& service, const std::string& text);
// How many loads have begun; a load that got too little CPU time and was begun again counts once.
[[nodiscard]] std::size_t loads(const Service& service);

// The number of the first log line that contains all of `words`; throws if there is none.
[[nodiscard]] std::size_t line_of(const Service& service, const std::vector<std::string>& words);

// Requests a forced reload, and stops its loader while it loads (the database must be large enough for that: kBulk
// signatures are). The destructor lets it continue.
inline constexpr unsigned kBulk = 400000;
class HeldLoad {
  public:
    explicit HeldLoad(const Service& service, const std::string& command = "reload --force --no-wait");
    ~HeldLoad() { go_on(); }
    HeldLoad(const HeldLoad&) = delete;
    HeldLoad& operator=(const HeldLoad&) = delete;
    void go_on();
    [[nodiscard]] pid_t loader() const { return loader_; }
    [[nodiscard]] std::uint64_t generation() const { return generation_; }

  private:
    pid_t loader_ = 0;
    std::uint64_t generation_ = 0;
    bool held_ = true;
};

} // namespace evermilter::test
