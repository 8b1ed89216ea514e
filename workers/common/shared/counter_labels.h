// What counters are split by: enums of ours, the name of each value, and the label of the metric. The names are those
// of the status document and of the metrics; scripts of operators rely on them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "workers/common/shared/finding.h"
#include "workers/common/shared/stage.h"
#include "workers/common/shared/unseen.h"

namespace evermilter {

// How a message ended.
enum class Disposition : std::uint8_t { clean, infected, error, oversize, incomplete, skipped };
inline constexpr std::size_t kDispositions = 6;
inline constexpr std::array<const char*, kDispositions> kDispositionNames = {"clean",    "infected",   "error",
                                                                             "oversize", "incomplete", "skipped"};

// Why a message was not to be scanned.
enum class SkipReason : std::uint8_t {
    poison,
    network, // from here on: [skip]
    user,
    sender,
    recipient,
};
inline constexpr std::size_t kSkipReasons = 5;
inline constexpr std::array<const char*, kSkipReasons> kSkipReasonNames = {"poison", "network", "user", "sender",
                                                                           "recipient"};

[[nodiscard]] constexpr const char* skip_reason_name(SkipReason reason) noexcept {
    return kSkipReasonNames[static_cast<std::size_t>(reason)];
}

// Why a connection was closed at accept, or before a session worker had it.
enum class Refused : std::uint8_t {
    not_allowed, // not in milter.allow
    max_sessions,
    max_sessions_per_peer,
    displaced, // sent no negotiation, and its place was needed
    no_worker, // no session worker had room
    smtp,      // from here on: it spoke another protocol
    http,
    tls,
    clamd,
    proxy, // the PROXY protocol, where none is expected
    axigen,
    not_negotiation, // a milter packet, but not the negotiation
    version,         // a negotiation of a version that libmilter does not speak
    oversized,       // a milter packet of a length that no MTA sends
    unknown,
    proxy_untrusted, // from here on, at a listener with `proxy`: the peer is not in its proxy_from
    proxy_missing,   // it did not begin with a PROXY header
    proxy_text,      // it began with one of version 1
    proxy_malformed, // or with one that is none of version 2, or is too long
};
inline constexpr std::size_t kRefusals = 19;
inline constexpr std::array<const char*, kRefusals> kRefusedNames = {"not_allowed",
                                                                     "max_sessions",
                                                                     "max_sessions_per_peer",
                                                                     "displaced",
                                                                     "no_worker",
                                                                     "smtp",
                                                                     "http",
                                                                     "tls",
                                                                     "clamd",
                                                                     "proxy",
                                                                     "axigen",
                                                                     "not_negotiation",
                                                                     "version",
                                                                     "oversized",
                                                                     "unknown",
                                                                     "proxy_untrusted",
                                                                     "proxy_missing",
                                                                     "proxy_text",
                                                                     "proxy_malformed"};

[[nodiscard]] constexpr const char* refused_name(Refused reason) noexcept {
    return kRefusedNames[static_cast<std::size_t>(reason)];
}

// How the load of a generation ended.
enum class LoadEnd : std::uint8_t { ok, failed };
inline constexpr std::array<const char*, 2> kLoadEndNames = {"ok", "failed"};

// What became of a run of on_infected.command.
enum class CommandEnd : std::uint8_t { done, failed, dropped };
inline constexpr std::array<const char*, 3> kCommandEndNames = {"done", "failed", "dropped"};

// What came of a question to a policy server.
enum class PolicyEnd : std::uint8_t { go_on, refused, deferred, failed, suspended };
inline constexpr std::array<const char*, 5> kPolicyEndNames = {"go_on", "refused", "deferred", "failed", "suspended"};

// What became of a message that the tap wants.
enum class TapEnd : std::uint8_t { copied, dropped };
inline constexpr std::array<const char*, 2> kTapEndNames = {"copied", "dropped"};

// Of messages::Role, which the supervisor alone counts by.
inline constexpr std::array<const char*, 4> kRoleNames = {"session", "loader", "standby", "scanner"};

// The label of a metric, and its values in the order of the enum.
struct Split {
    const char* label = nullptr;
    std::span<const char* const> values;
};

inline constexpr Split kByVerdict{"verdict", kDispositionNames};
inline constexpr Split kByUnseen{"reason", kUnseenNames};
inline constexpr Split kBySkipReason{"reason", kSkipReasonNames};
inline constexpr Split kByRefused{"reason", kRefusedNames};
inline constexpr Split kByTimeout{"stage", kTimeoutNames};
inline constexpr Split kByFinding{"finding", kFindingNames};
inline constexpr Split kByLoadEnd{"result", kLoadEndNames};
inline constexpr Split kByRole{"role", kRoleNames};
inline constexpr Split kByCommandEnd{"result", kCommandEndNames};
inline constexpr Split kByPolicyEnd{"answer", kPolicyEndNames};
inline constexpr Split kByTapEnd{"result", kTapEndNames};

// The split that belongs to an enum; nullptr for a type that nothing is counted by.
template <class Label>
inline constexpr const Split* kSplitOf = nullptr;
template <>
inline constexpr const Split* kSplitOf<Disposition> = &kByVerdict;
template <>
inline constexpr const Split* kSplitOf<Unseen> = &kByUnseen;
template <>
inline constexpr const Split* kSplitOf<SkipReason> = &kBySkipReason;
template <>
inline constexpr const Split* kSplitOf<Refused> = &kByRefused;
template <>
inline constexpr const Split* kSplitOf<Timeout> = &kByTimeout;
template <>
inline constexpr const Split* kSplitOf<Finding> = &kByFinding;
template <>
inline constexpr const Split* kSplitOf<LoadEnd> = &kByLoadEnd;
template <>
inline constexpr const Split* kSplitOf<CommandEnd> = &kByCommandEnd;
template <>
inline constexpr const Split* kSplitOf<PolicyEnd> = &kByPolicyEnd;
template <>
inline constexpr const Split* kSplitOf<TapEnd> = &kByTapEnd;

} // namespace evermilter
