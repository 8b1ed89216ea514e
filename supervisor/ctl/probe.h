// `evermilterctl probe`: one clean message and one with EICAR through the milter socket, and whether both verdicts
// are right. The judgement is pure; the sending is MilterClient's.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "supervisor/ctl/milter_client.h"

namespace evermilter::ctl {

// EICAR's test file, assembled at run time so that no scanner takes this program for it.
[[nodiscard]] std::string eicar();

[[nodiscard]] Mail clean_mail(const std::string& queue_id);
// With EICAR as a base64 attachment.
[[nodiscard]] Mail infected_mail(const std::string& queue_id);

struct ProbeJudgement {
    bool right = false;
    std::string seen; // for people: "accepted, X-Virus-Status: Clean"
};
// The clean message is to be accepted, and, where it was stamped, as Clean: "Not scanned" is wrong.
[[nodiscard]] ProbeJudgement judge_clean(const MilterVerdict& verdict);
// The infected one is to be found: rejected, discarded, quarantined, or stamped Infected, at its end. A 4xx is wrong.
[[nodiscard]] ProbeJudgement judge_infected(const MilterVerdict& verdict);

struct ProbeReport {
    std::string milter; // the address that was used
    std::uint32_t protocol = 0;
    std::string error; // why a verdict is missing; empty if both came
    ProbeJudgement clean;
    ProbeJudgement infected;
    [[nodiscard]] bool ok() const { return error.empty() && clean.right && infected.right; }
};

// Tries the addresses in turn until one can be connected to. The Error: none could, with EACCES or EPERM where one was
// not allowed. With the service's `key` its messages are not counted as mail (workers/common/shared/probe_key.h); "":
// they are.
[[nodiscard]] Result<ProbeReport> probe(const std::vector<std::string>& addresses, std::chrono::milliseconds patience,
                                        const std::string& key);

[[nodiscard]] std::string probe_text(const ProbeReport& report);
[[nodiscard]] nlohmann::ordered_json probe_document(const ProbeReport& report);

} // namespace evermilter::ctl
