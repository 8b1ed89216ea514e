#include "workers/scanner/scanner.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/shared/graces.h"

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Life spans differ by up to a fifth, so that scanners forked together are not replaced together.
milliseconds life_span(milliseconds max_age) {
    const auto fifth = std::max<milliseconds::rep>(max_age.count() / 5, 1);
    return max_age - milliseconds(std::rand() % fifth);
}

// CPU time of this process.
std::int64_t cpu_ns() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::int64_t>(used.tv_sec) * 1'000'000'000 + used.tv_nsec;
}

bool closed_by_peer(int socket) {
    pollfd state{socket, 0, 0};
    return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

} // namespace

Scanner::Scanner(Engine& engine, int queue, ScannerSlot& slot, const config::Scanner& config, const PoisonBoard* poison,
                 std::string folder)
    : engine_(engine), queue_(queue), slot_(slot), config_(config), poison_(poison), folder_(std::move(folder)) {
    (void)::stat(folder_.c_str(), &made_);
}

// A clean-up may have removed it, and something may be mounted over it.
bool Scanner::folder_is_there() const {
    struct stat now {};
    return ::stat(folder_.c_str(), &now) == 0 && now.st_dev == made_.st_dev && now.st_ino == made_.st_ino;
}

int Scanner::run() {
    const auto end_of_life = steady_clock::now() + life_span(config_.max_age);
    while (jobs_ < config_.max_jobs) {
        const auto left = std::chrono::ceil<milliseconds>(end_of_life - steady_clock::now());
        if (left <= milliseconds::zero()) return kScannerDone;
        pollfd readable{queue_, POLLIN, 0};
        const int timeout = static_cast<int>(std::min<milliseconds::rep>(left.count(), 3'600'000));
        if (::poll(&readable, 1, timeout) < 0 && errno != EINTR) return kScannerQueueBroken;
        if (readable.revents == 0) continue;

        auto received = receive_message<messages::ToScanner>(queue_);
        // Said of all that left the queue, however it goes on: who says nothing while messages wait does not serve.
        if (!received || received->kind == ReceivedKind::message) slot_.received_total.fetch_add(1);
        if (!received) {
            // A job that was cut off (no descriptor free) or is none: its reply socket is closed, which tells its
            // owner.
            log::warning("scan-job-unreadable", {{"error", received.error().what}});
            if (received.error().code == EBADMSG) continue;
            return kScannerQueueBroken;
        }
        if (received->kind == ReceivedKind::end) return kScannerDone;
        if (received->kind == ReceivedKind::would_block) continue; // another scanner was faster
        switch (serve(std::get<messages::ScanJob>(std::move(received->message)))) {
            case Next::job:
                break;
            case Next::temp_failed:
                return kScannerTempFailed;
        }
    }
    return kScannerDone;
}

Scanner::Next Scanner::serve(messages::ScanJob job) {
    const std::int64_t now = monotonic_ns();
    // Known only since it was queued, from the scanners that it has cost meanwhile: its worker looks it up again.
    if (poison_ != nullptr && poison_->holds(job.digests, now)) return Next::job;
    if (now >= job.deadline_ns || closed_by_peer(job.reply.get())) return Next::job;
    // Its worker sends it again, to a scanner that has a folder.
    if (!folder_is_there()) return Next::temp_failed;
    slot_.job.store(job.job);
    slot_.busy_since_ns.store(monotonic_ns());
    const auto idle = [&] { slot_.busy_since_ns.store(0); };
    if (!send_message<messages::FromScanner>(job.reply.get(), messages::Taken{job.job})) {
        idle();
        return Next::job;
    }
    ++jobs_;
    ::alarm(
        static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(config_.max_scan_time + graces::kAlarm).count()));
    const std::int64_t used_before = cpu_ns();
    EngineReport report = engine_.scan(job.message.get(), job.all_names);
    const std::int64_t used = cpu_ns() - used_before;
    ::alarm(0);

    const bool temp_failed = report.verdict.outcome == ScanOutcome::temp_failed;
    // A temp directory that fails is logged by the supervisor, once for all messages.
    if (temp_failed || report.verdict.outcome == ScanOutcome::error)
        log::write(temp_failed ? log::Level::debug : log::Level::warning, "scan-failed",
                   {{"session", job.session},
                    {"queue_id", job.queue_id},
                    {"temp", temp_failed ? "yes" : "no"},
                    {"error", report.verdict.detail}});
    messages::ScanResult result;
    result.job = job.job;
    result.outcome = report.verdict.outcome;
    result.detail = std::move(report.verdict.detail);
    result.scan_ns = report.took.count();
    result.cpu_ns = used;
    result.unseen = report.verdict.unseen;
    result.ledger = std::move(report.verdict.ledger);
    result.scanned = report.scanned;
    result.names = std::move(report.verdict.names);
    result.rest = report.verdict.rest;
    if (result.detail.size() > messages::kLongestDetail) result.detail.resize(messages::kLongestDetail);
    slot_.jobs_total.fetch_add(1);
    // Busy until it is answered; a session that has gone away needs no answer.
    (void)send_message<messages::FromScanner>(job.reply.get(), std::move(result));
    idle();
    return temp_failed ? Next::temp_failed : Next::job;
}

} // namespace evermilter::scanner
