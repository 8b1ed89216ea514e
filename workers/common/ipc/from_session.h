// Session worker -> supervisor.
#pragma once

#include "workers/common/ipc/any_child.h"
#include "workers/common/ipc/scanner_overdue.h"
#include "workers/common/shared/message_digests.h"

namespace evermilter::messages {

// Configured; hand-overs may come.
struct SessionWorkerReady {
    static constexpr auto fields = std::tuple{};
};

// The worker cannot serve and ends. `exit_code` is from sysexits(3).
struct SessionWorkerFailed {
    std::int32_t exit_code = 0;
    std::string error;
    static constexpr auto fields = std::tuple{&SessionWorkerFailed::exit_code, &SessionWorkerFailed::error};
};
template <>
inline constexpr Bound bound<&SessionWorkerFailed::error>{.bytes = 4096, .cut = true};

struct QueueTaken {
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&QueueTaken::generation};
};

// No descriptor of the generation's queue is held by this worker any more.
struct QueueReleased {
    std::uint64_t generation = 0;
    static constexpr auto fields = std::tuple{&QueueReleased::generation};
};

// The connection is closed and its slot free. Exactly one for each HandOver while the worker lives.
struct SessionEnded {
    static constexpr bool frequent = true;
    std::uint64_t session = 0;
    static constexpr auto fields = std::tuple{&SessionEnded::session};
};

// A detection, for the count by name and for on_infected.command; what only that one wants is empty where none is
// configured. Sent once for each infected message.
struct Detection {
    static constexpr bool frequent = true;
    std::string virus;
    std::uint64_t generation = 0;
    std::string queue_id = {};
    std::string sender = {};
    std::string recipients = {}; // separated by commas
    std::string subject = {};
    std::string message_id = {};
    std::string date = {};
    static constexpr auto fields =
        std::tuple{&Detection::virus,      &Detection::generation, &Detection::queue_id,   &Detection::sender,
                   &Detection::recipients, &Detection::subject,    &Detection::message_id, &Detection::date};
};
template <>
inline constexpr Bound bound<&Detection::virus>{.bytes = kLongestName, .cut = true};
template <>
inline constexpr Bound bound<&Detection::queue_id>{.bytes = 256, .cut = true};
template <>
inline constexpr Bound bound<&Detection::sender>{.bytes = 512, .cut = true};
template <>
inline constexpr Bound bound<&Detection::recipients>{.bytes = 4096, .cut = true};
template <>
inline constexpr Bound bound<&Detection::subject>{.bytes = 512, .cut = true};
template <>
inline constexpr Bound bound<&Detection::message_id>{.bytes = 512, .cut = true};
template <>
inline constexpr Bound bound<&Detection::date>{.bytes = 512, .cut = true};

// Why a message is suspected of being poison.
enum class Suspected : std::uint8_t {
    died,     // its scanner died after Taken
    cpu_time, // its scan took CPU time past max_scan_time
};
template <>
struct Last<Suspected> {
    static constexpr Suspected value = Suspected::cpu_time;
};

// A message that has cost a scanner, for the table of poison messages. Sent once for each Taken that ended so.
struct Suspicion {
    std::uint64_t generation = 0;
    std::int64_t scanner = 0; // pid, as proven by SCM_CREDENTIALS of Taken
    Suspected why = Suspected::died;
    MessageDigests digests;
    static constexpr auto fields =
        std::tuple{&Suspicion::generation, &Suspicion::scanner, &Suspicion::why, &Suspicion::digests};
};

// A poison message came again and was not scanned. Sent once for each.
struct PoisonMet {
    static constexpr bool frequent = true;
    MessageDigests digests;
    static constexpr auto fields = std::tuple{&PoisonMet::digests};
};

// The worker takes no more sessions (a pool thread could not be made): replace it; it drains by itself.
struct SessionWorkerUnfit {
    std::string reason;
    static constexpr auto fields = std::tuple{&SessionWorkerUnfit::reason};
};
template <>
inline constexpr Bound bound<&SessionWorkerUnfit::reason>{.bytes = 1024, .cut = true};

using FromSession = std::variant<Hello, Pong, SessionWorkerReady, SessionWorkerFailed, QueueTaken, QueueReleased,
                                 SessionEnded, Detection, Suspicion, PoisonMet, SessionWorkerUnfit, ScannerOverdue>;
template <>
inline constexpr Direction direction<FromSession> = Direction::from_session;

} // namespace evermilter::messages
