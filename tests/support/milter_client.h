// The MTA's side of the milter protocol, versions 2 to 6, written from the protocol itself (libmilter/mfdef.h and
// docs/overview of Sendmail), without libmilter. Each command can be sent and awaited in one step, or only sent, so
// that a test can hold many sessions at once; raw bytes can be sent too. If a connection ends when a reply is due, the
// client throws ConnectionEnded. Not thread-safe: one thread per client.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "workers/common/base/unique_fd.h"
#include "workers/common/milter/packet.h"

namespace evermilter::test {

struct ConnectionEnded : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// SMFIP_ bits that tests name.
using milter::step::kHeaderLeadingSpace;
using milter::step::kNoReplyBody;
using milter::step::kNoReplyEndOfHeaders;
using milter::step::kNoReplyHeader;

// What the MTA offers. The defaults are those of a current Postfix or Sendmail.
struct Offer {
    std::uint32_t version = 6;
    std::uint32_t actions = 0x1ff;
    std::uint32_t protocol = 0x1fffff;

    [[nodiscard]] static Offer of_version(std::uint32_t version);
};

struct Reply {
    char command = 0; // SMFIR_: 'c' continue, 'a' accept, 'r' reject, 't' tempfail, 'd' discard, 'y' reply code …
    std::string data;

    // For a 'y': "550 5.7.1 text"; for others the name, such as "accept".
    [[nodiscard]] std::string text() const;
};

// A change that the milter requested at end of message.
struct Modification {
    char command = 0;        // 'h' add, 'm' change, 'i' insert header; 'q' quarantine; others as they came
    std::uint32_t index = 0; // of 'm' and 'i'
    std::string name;        // header's name
    std::string value;       // header's value as it came (leading space included); reason of a quarantine
};

// The answer to an end of message.
struct Verdict {
    Reply reply;
    std::vector<Modification> modifications;
    unsigned progress = 0; // SMFIR_PROGRESS packets before the answer

    // Like Reply's, but "accept" for "continue" too: at end of message either lets the mail pass.
    [[nodiscard]] std::string text() const { return reply.command == 'c' ? "accept" : reply.text(); }
    // The value of the header `name` that was added or inserted, without leading blanks; nullopt if there was none.
    [[nodiscard]] std::optional<std::string> added(std::string_view name) const;
    // X-Virus-Status, or "".
    [[nodiscard]] std::string status() const { return added("X-Virus-Status").value_or(""); }
    [[nodiscard]] bool quarantined() const;
};

struct Envelope {
    std::string sender = "<sender@example.org>";
    std::vector<std::string> sender_arguments; // "SMTPUTF8", "SIZE=…"
    std::vector<std::string> recipients = {"<recipient@example.org>"};
    std::string queue_id = "4TestQueueId";
    std::string user = {}; // who has authenticated, {auth_authen}; empty: the macro is not sent
};

class MilterClient {
  public:
    // "unix:/path", "inet:port@127.0.0.1", "inet6:port@::1". Throws std::runtime_error if nobody listens.
    explicit MilterClient(const std::string& address);

    // ---- one step: sends, waits for the reply if the negotiation promises one (else 'c').
    Reply negotiate(Offer offer = {});
    // `resolve`: {client_resolve}, as Sendmail sends it; empty: not sent.
    Reply connect(const std::string& host = "client.example.net", const std::string& address = "192.0.2.7",
                  const std::string& resolve = {});
    Reply helo(const std::string& name = "client.example.net");
    Reply mail(const Envelope& envelope = {}); // with the macros {mail_addr} and i
    Reply rcpt(const std::string& recipient = "<recipient@example.org>");
    Reply data();
    Reply header(std::string_view name, std::string_view value);
    Reply end_of_headers();
    Reply body(std::string_view chunk); // at most 65,535 bytes
    Verdict end_of_message();

    // negotiate, connect, helo.
    void open(Offer offer = {});
    // From MAIL to the last chunk of the body; stops and returns the reply if one is not "continue".
    Reply upload(std::string_view text, const Envelope& envelope = {});
    // upload and end of message. If the upload was cut short, its reply is the verdict's.
    Verdict message(std::string_view text, const Envelope& envelope = {});
    // Headers and body only, from the header on. CRLF or LF line ends; the body is sent unchanged.
    Reply content(std::string_view mail);

    void abort();   // RSET: the message is given up, the session stays
    void quit();    // and closes
    void quit_nc(); // a new SMTP session begins on this connection
    void close();   // without QUIT
    void reset();   // closes with RST on TCP (SO_LINGER 0)

    // ---- in two steps
    void send(char name, std::string_view data = {});
    void send_raw(std::string_view bytes);
    void macros(char name, const milter::Macros& values);
    [[nodiscard]] Reply receive();           // waits
    [[nodiscard]] Verdict receive_verdict(); // waits for the answer to an end of message that was sent
    [[nodiscard]] bool readable() const;     // a byte or the end of the connection is there now
    // Waits until the other side closes; whatever comes before that is thrown away.
    void wait_closed();

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::uint32_t version() const { return accepted_.version; }
    [[nodiscard]] std::uint32_t protocol() const { return accepted_.protocol; } // as the milter answered
    [[nodiscard]] std::uint32_t actions() const { return accepted_.actions; }

  private:
    // Sends the command unless the milter does not want it; returns the reply unless the milter promised none.
    Reply command(char name, std::string_view data, std::uint32_t unwanted, std::uint32_t silent);

    unique_fd fd_;
    Offer accepted_;
};

} // namespace evermilter::test
