// The most that each text and list of a message may hold. What is larger is not sent, and not taken: the codec refuses
// the whole message, and whoever sent it is treated as one who says what is no message of ours. A text that is only for
// people is cut by its sender instead, at a whole UTF-8 character.
#pragma once

#include <climits>
#include <cstddef>

#include "workers/common/ipc/messages.h"

namespace evermilter::messages {

struct Bound {
    std::size_t bytes = 1024; // of a text, or of each text of a list
    std::size_t count = 1024; // of a list
    bool cut = false;
};

template <auto Field>
inline constexpr Bound bound{};

// A configuration, as canonical TOML; config/validate.cc refuses a longer one.
inline constexpr std::size_t kLongestConfig = 100'000;
// Names of the kind of file or virus.
inline constexpr std::size_t kLongestName = 255;

template <>
inline constexpr Bound bound<&ConfigureSession::config>{.bytes = kLongestConfig};
template <>
inline constexpr Bound bound<&ConfigureSession::origin>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&HandOver::peer>{.bytes = 256, .cut = true};
template <>
inline constexpr Bound bound<&NoGeneration::reason>{.bytes = 4096, .cut = true};
template <>
inline constexpr Bound bound<&SessionWorkerFailed::error>{.bytes = 4096, .cut = true};
template <>
inline constexpr Bound bound<&SessionWorkerUnfit::reason>{.bytes = 1024, .cut = true};
template <>
inline constexpr Bound bound<&Detection::virus>{.bytes = kLongestName, .cut = true};

template <>
inline constexpr Bound bound<&StartLoad::config>{.bytes = kLongestConfig};
template <>
inline constexpr Bound bound<&StartLoad::origin>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&StartLoad::reuse_snapshot>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&StartLoad::active_digest>{.bytes = 128};
template <>
inline constexpr Bound bound<&StartLoad::active_databases>{.bytes = kLongestName, .count = 4096};
template <>
inline constexpr Bound bound<&TakeOver::scanners>{.count = 4096};

template <>
inline constexpr Bound bound<&LoadProgress::step>{.bytes = 64, .cut = true};
template <>
inline constexpr Bound bound<&LoaderReady::database_version>{.bytes = 256, .cut = true};
template <>
inline constexpr Bound bound<&LoaderReady::digest>{.bytes = 128};
template <>
inline constexpr Bound bound<&LoaderReady::databases>{.bytes = kLongestName, .count = 4096};
template <>
inline constexpr Bound bound<&LoaderReady::snapshot>{.bytes = PATH_MAX};
template <>
inline constexpr Bound bound<&LoaderReady::engine_version>{.bytes = 64, .cut = true};
template <>
inline constexpr Bound bound<&LoadFailed::error>{.bytes = 4096, .cut = true};
template <>
inline constexpr Bound bound<&ScannerEnded::error>{.bytes = 1024, .cut = true};
template <>
inline constexpr Bound bound<&StandbyEnded::error>{.bytes = 1024, .cut = true};

template <>
inline constexpr Bound bound<&ScanJob::queue_id>{.bytes = 256, .cut = true};
template <>
inline constexpr Bound bound<&ScanResult::detail>{.bytes = kLongestDetail, .cut = true};
template <>
inline constexpr Bound bound<&ScanResult::ledger>{.bytes = kLongestLedger, .cut = true};

} // namespace evermilter::messages
