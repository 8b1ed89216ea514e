// What libclamav says. It reports failures that it hides in its return codes only as messages, and much of what it did
// not look at only as debug messages (architecture.md, invariant 2), so every message of a load or a scan is kept here
// until it is judged, or goes to a listener at once. libclamav has one message callback for the process; so there is
// one store and one listener. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::scanner {

enum class Severity : std::uint8_t { debug, info, warning, error };

struct LibraryMessage {
    Severity severity = Severity::info;
    std::string text; // without "LibClamAV Error: " and the line end
};

// Before cl_init(). Messages no longer go to standard error. Informational ones are dropped.
void capture_library_messages();

// What came since the last call, oldest first. At most 64 are kept: of warnings the first 32 go, errors as they come.
[[nodiscard]] std::vector<LibraryMessage> take_library_messages();

// Hears each message of a scan when it is said, in the thread that scans; nothing is stored meanwhile.
class MessageListener {
  public:
    virtual void heard(Severity severity, std::string_view text) noexcept = 0;

  protected:
    MessageListener() = default;
    MessageListener(const MessageListener&) = default;
    MessageListener& operator=(const MessageListener&) = default;
    ~MessageListener() = default;
};

// From its making to its end `listener` hears. One at a time.
class Listening {
  public:
    explicit Listening(MessageListener& listener) noexcept;
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening();
};

// Debug messages cost time: they are asked for only where libclamav is quiet otherwise. libclamav writes them to
// standard error itself, so that they are caught there (stderr_of_library()).
void hear_debug_messages(bool wanted) noexcept;
// False where this libclamav cannot be asked, or not to be quiet again: it has no public call for that.
[[nodiscard]] bool can_hear_debug_messages() noexcept;

// What is written to standard error while debug messages are heard. True: it was one, and is not to be written.
[[nodiscard]] bool stderr_of_library(std::string_view text) noexcept;

} // namespace evermilter::scanner
