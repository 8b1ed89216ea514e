// `evermilterctl probe`: sends a clean message and one with EICAR to the milter socket, and judges both verdicts.
// The judgement is pure; MilterClient sends.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "supervisor/ctl/milter_client.h"

namespace evermilter::ctl {

// EICAR's test file, put together at run time so that no scanner finds it in this program.
[[nodiscard]] std::string eicar();

[[nodiscard]] Mail clean_mail(const std::string& queue_id);
// With EICAR as a base64 attachment.
[[nodiscard]] Mail infected_mail(const std::string& queue_id);

struct ProbeJudgement {
    bool right = false;
    std::string seen; // for the operator: "accepted, X-Virus-Status: Clean"
};
// Right for the clean message: accepted, and if it was stamped, as Clean. "Not scanned" is wrong.
[[nodiscard]] ProbeJudgement judge_clean(const MilterVerdict& verdict);
// Right for the infected one: rejected, discarded, quarantined or stamped Infected, at its end. A 4xx is wrong.
[[nodiscard]] ProbeJudgement judge_infected(const MilterVerdict& verdict);

struct ProbeReport {
    std::string milter; // the address that was used
    std::uint32_t protocol = 0;
    std::string error; // why a verdict is missing; empty if both came
    ProbeJudgement clean;
    ProbeJudgement infected;
    [[nodiscard]] bool ok() const { return error.empty() && clean.right && infected.right; }
};

struct ProbeTarget {
    std::string address;
    bool proxy = false; // it expects a PROXY header
};

// Tries the addresses in turn until one answers. The Error: none did; its code is EACCES or EPERM if one was not
// allowed. With the service's `key` the messages are not counted as mail (workers/common/shared/probe_key.h); with ""
// they are.
[[nodiscard]] Result<ProbeReport> probe(const std::vector<ProbeTarget>& targets, std::chrono::milliseconds patience,
                                        const std::string& key);

[[nodiscard]] std::string probe_text(const ProbeReport& report);
[[nodiscard]] nlohmann::ordered_json probe_document(const ProbeReport& report);

} // namespace evermilter::ctl
