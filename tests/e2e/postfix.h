// A private instance of the installed Postfix: own configuration, queue, data and port, started as root, stopped when
// the object is destroyed. It delivers with virtual(8) into one maildir. The system's own Postfix is not touched.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/mail_server.h"
#include "tests/support/command.h"
#include "tests/support/service.h"

namespace evermilter::test {

class Postfix : public MailServer {
  public:
    // `milter`: as smtpd_milters has it, "unix:/path" or "inet:127.0.0.1:port". Returns when Postfix greets.
    explicit Postfix(const std::string& milter);
    ~Postfix() override;

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::filesystem::path mailbox() const override { return folder_.path() / "mail/all/new"; }
    [[nodiscard]] std::vector<std::string> trace_fields() const override;
    [[nodiscard]] std::string log() const override;

    // Names of the messages in the queue `name`: "hold", "deferred" …
    [[nodiscard]] std::vector<std::string> queue(const std::string& name) const;

  private:
    [[nodiscard]] std::string configuration() const { return folder_.path() / "conf"; }

    Folder folder_;
    std::uint16_t port_;
    Child child_;
};

} // namespace evermilter::test
