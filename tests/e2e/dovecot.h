// A private instance of the installed Dovecot, of version 2.3 or 2.4, that does nothing but answer about quotas:
// quota-status at a unix socket. Every user exists; the mailbox of "full" is full. Started as root, ended when the
// object is destroyed.
#pragma once

#include <string>

#include "tests/support/command.h"
#include "tests/support/folder.h"

namespace evermilter::test {

class Dovecot {
  public:
    Dovecot();
    ~Dovecot();
    Dovecot(const Dovecot&) = delete;
    Dovecot& operator=(const Dovecot&) = delete;

    // Of its policy server, as policy.servers has it.
    [[nodiscard]] std::string address() const { return "unix:" + folder_.path("quota"); }
    [[nodiscard]] std::string log() const;
    // What it says of a mailbox that is full.
    static constexpr const char* kFull = "552 5.2.2 Mailbox is full";

    // Ends it: nobody answers any more.
    void stop();

  private:
    Folder folder_;
    Child child_;
};

} // namespace evermilter::test
