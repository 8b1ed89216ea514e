// What a start finds on the machine: faults, each of which ends it, and notes. The start and its trial
// (`evermilterd --check-config`) go through the same steps with one of these: the start ends at the first fault, the
// trial changes nothing and goes on to the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::supervisor {

enum class StartMode : std::uint8_t {
    real,
    trial, // makes, binds, locks and gives nothing
};

// Why the supervisor does not start.
struct StartFault {
    int exit_code = 0; // sysexits
    std::string text;  // with the key or the path, and the remedy
};

class StartReport {
  public:
    explicit StartReport(StartMode mode) : mode_(mode) {}

    [[nodiscard]] StartMode mode() const noexcept { return mode_; }
    [[nodiscard]] bool trial() const noexcept { return mode_ == StartMode::trial; }
    // The start goes no further. Never in a trial.
    [[nodiscard]] bool ended() const noexcept { return !trial() && !faults_.empty(); }

    void fault(int exit_code, std::string text);
    void fault(StartFault fault) { this->fault(fault.exit_code, std::move(fault.text)); }
    // What is worth knowing and does not end a start. A start logs it as `event`.
    void warning(std::string_view event, std::string text);
    // The same of what only a trial has to say; a start does not keep it.
    void note(std::string text);

    [[nodiscard]] const std::vector<StartFault>& faults() const noexcept { return faults_; }
    [[nodiscard]] const std::vector<std::string>& notes() const noexcept { return notes_; }
    // EX_OK, or that of the most severe fault: first what an administrator must mend, then what may pass.
    [[nodiscard]] int exit_code() const;
    // Every fault becomes a note: another user's start may not have it.
    void faults_to_notes();

  private:
    StartMode mode_;
    std::vector<StartFault> faults_;
    std::vector<std::string> notes_;
};

} // namespace evermilter::supervisor
