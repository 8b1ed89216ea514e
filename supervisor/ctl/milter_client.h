// The milter protocol from the mail server's side, as far as one session with whole messages needs it: version 6,
// option negotiation, macros, the commands of one message, the replies with their modifications.
// Source: libmilter's engine.c; the framing is workers/common/milter/packet.h. Blocking, with a deadline for each reply
// that milter progress renews.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "supervisor/ctl/socket_connect.h"
#include "workers/common/milter/packet.h"

namespace evermilter::ctl {

struct MailHeader {
    std::string name;
    std::string value; // after the blank that follows the colon
};

struct Mail {
    std::string sender;    // "<a@example.org>"
    std::string recipient; // likewise
    std::string queue_id;
    std::vector<MailHeader> headers;
    std::string body; // lines end in CRLF
};

// What the milter decided.
struct MilterVerdict {
    enum class Kind : std::uint8_t { accept, reject, tempfail, discard };
    Kind kind = Kind::tempfail;
    std::string stage;               // at which it decided: "connect", "MAIL", …, "end of message"
    std::string reply;               // the SMTP reply, if it gave one: "550 5.7.1 virus found: X"
    std::string quarantine;          // the reason, if it asked for quarantine
    std::vector<MailHeader> stamped; // headers that it added, inserted or changed
};

class MilterClient {
  public:
    // Connects and negotiates, where `proxy` behind a PROXY header that names nobody else. `patience` is the time for
    // each reply. Sends `probe_key` as a macro unless it is empty (workers/common/shared/probe_key.h).
    [[nodiscard]] static Result<MilterClient> open(const config::ListenAddress& address,
                                                   std::chrono::milliseconds patience, std::string probe_key = {},
                                                   bool proxy = false);

    [[nodiscard]] std::uint32_t version() const noexcept { return version_; }

    // Sends one message on this session, from MAIL to its verdict; before the first one also connect and HELO.
    [[nodiscard]] Result<MilterVerdict> send(const Mail& mail);
    // Sends QUIT and closes; an error does not matter any more.
    void quit();

  private:
    struct Packet {
        char command = 0;
        std::string data;
    };

    MilterClient(unique_fd fd, std::chrono::milliseconds patience, std::string probe_key)
        : fd_(std::move(fd)), patience_(patience), probe_key_(std::move(probe_key)) {}

    [[nodiscard]] Result<void> negotiate();
    [[nodiscard]] Result<void> write(char command, std::string_view data);
    [[nodiscard]] Result<void> macros(char of, const milter::Macros& macros);
    [[nodiscard]] Result<Packet> read();
    // Sends the command if the milter wants it, and reads the reply if it sends one. True: go on; false: `verdict` is
    // final.
    [[nodiscard]] Result<bool> step(char command, std::string_view data, std::uint32_t unwanted, std::uint32_t no_reply,
                                    const char* stage, MilterVerdict& verdict);
    [[nodiscard]] Result<bool> replies(const char* stage, MilterVerdict& verdict);
    [[nodiscard]] Result<bool> envelope(const Mail& mail, MilterVerdict& verdict);
    [[nodiscard]] Result<bool> content(const Mail& mail, MilterVerdict& verdict);

    unique_fd fd_;
    std::chrono::milliseconds patience_;
    std::string probe_key_;
    std::string buffer_;
    std::uint32_t version_ = 0;
    std::uint32_t steps_ = 0; // what the milter does not want or does not reply to (SMFIP_*)
    bool greeted_ = false;
};

} // namespace evermilter::ctl
