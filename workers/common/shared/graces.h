// The nest of deadlines. Processes wait for each other, each with a bound of its own; where an inner bound ended after
// the outer one, a process that does its work would be killed by one that waits for it. Keys of the configuration bound
// the work itself; what is added to them is here, with what it must exceed. Validation holds the keys to the same order
// (config/validate.cc), so nothing else is included here.
#pragma once

#include <chrono>

namespace evermilter::graces {

using namespace std::chrono_literals;

// ---------------------------------------------------------------- one message
// scanner.queue_timeout + scanner.max_scan_time + kScan + kAnswer < timeouts.eom < kMailServer

// Beyond scanner.max_scan_time: then a scan hangs. Its session worker gives up, and its loader kills the scanner. The
// scanners of a generation that ends get the same.
inline constexpr std::chrono::milliseconds kScan = 5s;
// For the way of the answer back to the mail server, beyond the last scan that may run.
inline constexpr std::chrono::milliseconds kAnswer = 2s;
// Of that, what the session worker keeps for itself: at timeouts.eom less this it stops to wait for a scanner.
inline constexpr std::chrono::milliseconds kReply = 1s;
// Postfix gives up (milter_content_timeout), and so does Sendmail later.
inline constexpr std::chrono::milliseconds kMailServer = 300s;
// How often the mail server hears that the answer is on its way, and the shortest time for which one waits for that
// (Sendmail's default for reading an answer).
inline constexpr std::chrono::milliseconds kProgress = 5s;
inline constexpr std::chrono::milliseconds kMailServerRead = 10s;
// Beyond scanner.max_scan_time: the scanner's own alarm, where nobody has killed it.
inline constexpr std::chrono::milliseconds kAlarm = 10s;
// Beyond scanner.max_age and one whole scan: a scanner that is older is stopped, or stuck outside a scan.
inline constexpr std::chrono::milliseconds kPastAge = 10s;

static_assert(kReply < kAnswer);
static_assert(kScan + kAnswer < kMailServer);
static_assert(kProgress < kMailServerRead);
static_assert(kScan < kAlarm, "who kills a scanner that hangs does so before it ends itself without a word");
static_assert(kAlarm <= kPastAge, "a last scan is over, or ended by the alarm, before its scanner counts as stuck");

// ---------------------------------------------------------------- the end of a service
// timeouts.shutdown, then kCallbacks, then the generations; all of it within kStop

// Beyond timeouts.shutdown: sessions are closed by then, and callbacks notice it; a session worker ends without the
// rest.
inline constexpr std::chrono::milliseconds kCallbacks = 5s;
// Once no session is left, loaders end within this time.
inline constexpr std::chrono::milliseconds kLastLoaders = 2s;
// Beyond timeouts.shutdown: what is still there is killed.
inline constexpr std::chrono::milliseconds kStop = 10s;
// Beyond timeouts.shutdown, where the supervisor has died: session workers have let go of a generation by then, or its
// loader lets its scanners finish and ends.
inline constexpr std::chrono::milliseconds kOrphans = 10s;
// Beyond timeouts.shutdown and scanner.max_scan_time: engines that a supervisor which was killed has left are gone.
inline constexpr std::chrono::milliseconds kLeftovers = kOrphans + kScan + 5s;

static_assert(kCallbacks + kLastLoaders < kStop);
static_assert(kCallbacks < kOrphans);
static_assert(kOrphans + kScan < kLeftovers);

// ---------------------------------------------------------------- one child

// What a child has still to say as it ends gets this time to be sent.
inline constexpr std::chrono::milliseconds kLastWords = 2s;
// A child whose channel has ended ends within this time.
inline constexpr std::chrono::milliseconds kEndAfterChannel = 5s;
// So does a loader that has nothing left to do.
inline constexpr std::chrono::milliseconds kLoaderEnd = 5s;
// A session worker says within this time that it has taken a queue or let it go.
inline constexpr std::chrono::milliseconds kAcknowledge = 5s;
// A session worker is ready within this time, or process.ping_timeout if that is longer.
inline constexpr std::chrono::milliseconds kStart = 30s;

static_assert(kLastWords < kEndAfterChannel);
static_assert(kLastWords < kLoaderEnd);
static_assert(kLastLoaders >= kLastWords, "at the end of the service as well");

// ---------------------------------------------------------------- helpers of the supervisor

// A trial of a folder, on a disk that may not answer.
inline constexpr std::chrono::milliseconds kFolderTrial = 10s;
// Reading the configuration: its names are looked up, and servers may be silent (resolv.conf(5): 5 s, twice, for each).
inline constexpr std::chrono::milliseconds kReadConfig = 1min;
// Wiping what dead scanners have left: folders may be large.
inline constexpr std::chrono::milliseconds kWipe = 10min;

static_assert(kFolderTrial < kReadConfig);
static_assert(kReadConfig < kWipe);

} // namespace evermilter::graces
