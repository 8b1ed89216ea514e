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
    // `submission`: the milter of a second port, where users authenticate by Cyrus SASL; empty: there is none.
    explicit Postfix(const std::string& milter, const std::string& submission = {});
    ~Postfix() override;

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::uint16_t submission_port() const { return submission_port_; }
    // Who may authenticate there, as AUTH PLAIN takes it.
    [[nodiscard]] static std::string plain_credentials();
    [[nodiscard]] std::filesystem::path mailbox() const override { return folder_.path() / "mail/all/new"; }
    [[nodiscard]] std::vector<std::string> trace_fields() const override;
    [[nodiscard]] std::string log() const override;

    // Names of the messages in the queue `name`: "hold", "deferred" …
    [[nodiscard]] std::vector<std::string> queue(const std::string& name) const;

  private:
    [[nodiscard]] std::string configuration() const { return folder_.path() / "conf"; }

    Folder folder_;
    void make_user() const;

    std::uint16_t port_;
    std::uint16_t submission_port_ = 0;
    Child child_;
};

} // namespace evermilter::test
