// A private instance of Debian's Sendmail, unpacked without being installed (its package conflicts with Postfix'):
// configuration made by m4 from its own sendmail-cf, own queue and port, run as root in the foreground, ended when the
// object is destroyed. It delivers with a mailer of ours, a shell script that writes one file per message.
#pragma once

#include <string>
#include <vector>

#include "tests/e2e/mail_server.h"
#include "tests/support/command.h"
#include "tests/support/service.h"

namespace evermilter::test {

class Sendmail : public MailServer {
  public:
    // `milter`: as S= of INPUT_MAIL_FILTER has it, "local:/path" or "inet:port@127.0.0.1". Returns when Sendmail
    // greets.
    explicit Sendmail(const std::string& milter);
    ~Sendmail() override;

    [[nodiscard]] std::uint16_t port() const override { return port_; }
    [[nodiscard]] std::filesystem::path mailbox() const override { return folder_.path() / "mail/new"; }
    [[nodiscard]] std::vector<std::string> trace_fields() const override { return {"Received"}; }
    [[nodiscard]] std::string log() const override;

    // Names of the files in the queue; one file of a held message begins with "hf".
    [[nodiscard]] std::vector<std::string> queue() const;

  private:
    void write_configuration(const std::string& milter) const;

    Folder folder_;
    std::uint16_t port_;
    Child child_;
    pid_t session_ = 0;
};

} // namespace evermilter::test
