// What the tests want of any mail server: a private instance on loopback that asks our milter and puts every message it
// accepts into a folder, one file each. A file is whole when it appears there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evermilter::test {

// A message as it was delivered (LF line ends).
struct Delivered {
    // Fields of the header in their order: the name, and everything after the colon, folds included, without the last
    // LF.
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body; // after the empty line

    // Values of the fields called `name` (in any case), in their order, leading blanks included.
    [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
    // The message without its first `trace` fields and without the X-Virus-… fields.
    [[nodiscard]] std::string without_stamps(std::size_t trace) const;
};
[[nodiscard]] Delivered parse_delivered(const std::string& message);

class MailServer {
  public:
    MailServer() = default;
    virtual ~MailServer() = default;
    MailServer(const MailServer&) = delete;
    MailServer& operator=(const MailServer&) = delete;

    [[nodiscard]] virtual std::uint16_t port() const = 0;
    [[nodiscard]] virtual std::filesystem::path mailbox() const = 0;
    // The names of the fields that the server puts before the message, in their order.
    [[nodiscard]] virtual std::vector<std::string> trace_fields() const = 0;
    [[nodiscard]] virtual std::string log() const = 0;

    // The messages in the mailbox now; each call removes them.
    [[nodiscard]] std::vector<Delivered> take_all() const;
    // Waits until there is one; fails if there are more.
    [[nodiscard]] Delivered take_one() const;
};

// A TCP port of 127.0.0.1 that was free a moment ago, because no mail server can choose a free port.
[[nodiscard]] std::uint16_t free_port();
// Waits for a greeting on `port`; throws NeverHappened with `log` if none comes.
void wait_greeting(const MailServer& server);

} // namespace evermilter::test
