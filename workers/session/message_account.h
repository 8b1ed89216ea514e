// What is logged of a message once it is answered: the verdict first, then the rest. Taken when the answer is
// decided, because the session forgets the message then; logged when the answer is written, so that no log stands
// in its way.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "workers/scanning/finding.h"
#include "workers/session/policy/verdict.h"
#include "workers/session/session.h"

namespace evermilter::session {

struct MessageAccount {
    bool probe = false; // of evermilterctl probe: neither mail nor a detection
    std::uint64_t session = 0;
    std::string peer;
    std::string listener; // empty: milter.listen
    std::string client;
    std::string queue_id;
    Envelope envelope;
    config::LogDetail detail = config::LogDetail::off; // what is said beside its line
    MessageDetails details;                            // logged with LogDetail::full
    std::uint64_t size = 0;
    std::uint64_t forged = 0; // fields of ours that came with it, where they are more than may be removed
    Disposition disposition = Disposition::error;
    config::Action action = config::Action::tempfail;
    std::optional<config::Action> observed; // see Decision
    std::string rule;                       // see Decision, and so is `also`
    std::string also;
    std::string list;     // see Decision
    std::string reply;    // its code
    bool answered = true; // the answer was written whole, and to somebody
    std::string reason;
    scanning::ScanReport report;
    std::chrono::milliseconds took{};
};

// Takes envelope and details out of `session`.
[[nodiscard]] MessageAccount account_of(Session& session, const scanning::ScanReport& report, const Decision& decision,
                                        const config::Log& log, std::chrono::milliseconds took);

// Whether the message just received is one of evermilterctl probe's.
[[nodiscard]] bool is_probe(const Session& session);

// What the supervisor is told of an infected message.
[[nodiscard]] messages::Detection detection_of(const MessageAccount& account, const config::OnInfected& on_infected);

// The line of the message, one where timeouts.eom is used up, and one in the form that logwatch's clamav-milter script
// counts where log.infected or log.clean asks for it.
void log_message(const MessageAccount& account);

} // namespace evermilter::session
