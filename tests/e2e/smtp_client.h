// An SMTP client that sends one command at a time (RFC 5321) to 127.0.0.1. It waits for each reply at most kPatience;
// if the connection ends when a reply is due, it throws std::runtime_error. One thread per client.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

// All lines of a reply, joined by line feeds, codes included: "250-mx.example.org\n250 PIPELINING".
struct SmtpReply {
    std::string text;

    [[nodiscard]] int code() const;      // 0 if there is none
    [[nodiscard]] bool positive() const; // 2yz or 3yz
    friend bool operator==(const SmtpReply& reply, std::string_view expected) { return reply.text == expected; }
};
std::ostream& operator<<(std::ostream& out, const SmtpReply& reply); // for Boost.Test

struct SmtpEnvelope {
    std::string sender = "sender@example.org"; // "" is the null sender
    std::vector<std::string> recipients = {"recipient@example.net"};
    std::string parameters = {}; // of MAIL: " SMTPUTF8"
};

class SmtpClient {
  public:
    // Connects and reads the greeting; throws std::system_error if nobody listens.
    explicit SmtpClient(std::uint16_t port);

    SmtpReply ehlo(const std::string& name = "client.example.org");
    SmtpReply command(const std::string& line); // without its line end

    // MAIL, RCPT and DATA, each of which must be accepted; throws std::runtime_error if one is not.
    void envelope(const SmtpEnvelope& envelope = {});
    // The message, dot-stuffed, and the final dot. `message` has CRLF line ends; a missing last one is added.
    void content(std::string_view message);
    // envelope(), content() and the reply to the final dot.
    SmtpReply message(std::string_view message, const SmtpEnvelope& to = {});

    SmtpReply receive();
    [[nodiscard]] bool readable() const; // a byte or the end of the connection is there now

  private:
    void send(std::string_view bytes);

    unique_fd fd_;
    std::string pending_;
};

} // namespace evermilter::test
