#include "workers/scanning/scan_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <variant>

#include "workers/common/ipc/channel.h"
#include "workers/scanning/cpu_time.h"

namespace evermilter::scanning {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// How long to wait before a job is sent again: the first time at once, so that a job that a dying scanner had taken
// off the queue loses nothing; then longer each time, so that scanners that cannot take any job are not asked in a
// loop.
constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{500};
// How long to wait for room in a full socket.
constexpr milliseconds kFullPause{5};

// ppoll(2), because the program defines poll() for libmilter (interpose.h). False at `until`.
bool wait_readable(int fd, SteadyTime until) {
    const auto left = std::max(until - steady_now(), steady_clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec timeout{seconds.count(), nanoseconds(left - seconds).count()};
    pollfd entry{fd, POLLIN, 0};
    return ::ppoll(&entry, fd < 0 ? 0 : 1, &timeout, nullptr) > 0;
}

// The life of one request: its deadline, the progress that is due, and whether anybody still wants the answer.
class Pulse {
  public:
    Pulse(const ScanSettings& settings, const ScanRequest& request)
        : settings_(settings), request_(request), next_progress_(steady_now() + settings.progress) {}

    // Until when to sleep at most before beat() is due again.
    [[nodiscard]] SteadyTime next(SteadyTime until) const {
        return std::min({until, next_progress_, steady_now() + settings_.slice});
    }
    // False when cancelled.
    [[nodiscard]] bool beat() {
        if (request_.cancelled && request_.cancelled()) return false;
        if (const auto now = steady_now(); now >= next_progress_) {
            next_progress_ = now + settings_.progress;
            if (request_.on_progress) request_.on_progress();
        }
        return true;
    }
    // Waits for `fd` (-1: for the time alone). nullopt when cancelled; false at `until`.
    [[nodiscard]] std::optional<bool> wait(int fd, SteadyTime until) {
        for (;;) {
            if (!beat()) return std::nullopt;
            if (wait_readable(fd, next(until))) return true;
            if (steady_now() >= until) return false;
        }
    }

  private:
    const ScanSettings& settings_;
    const ScanRequest& request_;
    SteadyTime next_progress_;
};

// How one try with one generation ended. `lost` and `died` are not yet an answer.
struct Try {
    enum class End : std::uint8_t {
        answered,     // `report` is final, but temp_failed may be tried once more
        queue_closed, // nobody receives on that queue any more; the job was not taken
        dropped,      // EOF before Taken: the queue ended, or the scanner died or dropped it
        died,         // EOF after Taken
    };
    End end = End::answered;
    Finding finding = Finding::internal;
    std::string detail;
    std::int64_t scan_ns = 0;
    UnseenSet unseen = 0; // of an incomplete message, and so is the ledger
    std::string ledger = {};
    std::string names = {};
    Finding rest = Finding::clean;
    pid_t scanner = 0;         // after Taken
    bool cpu_exceeded = false; // the scan took CPU time past max_scan_time
};

Try final(Finding finding, std::string detail = {}) {
    return {Try::End::answered, finding, std::move(detail)};
}

// What a result says of unseen parts must agree with its outcome; a reason of which we know nothing has no action.
const char* contradiction(const messages::ScanResult& result) {
    const bool infected = result.outcome == messages::ScanOutcome::infected;
    if (infected && result.rest == messages::ScanOutcome::infected) return "infected, and so is the rest";
    const messages::ScanOutcome but_for_virus = infected ? result.rest : result.outcome;
    const bool incomplete = but_for_virus == messages::ScanOutcome::incomplete;
    if (result.outcome == messages::ScanOutcome::clean && result.unseen != 0) return "clean, with parts not looked at";
    if (incomplete && result.unseen == 0) return "incomplete, without a reason";
    if (incomplete && (result.unseen & ~kAllUnseen) != 0) return "incomplete, for an unknown reason";
    return nullptr;
}

Finding finding_of(messages::ScanOutcome outcome) {
    switch (outcome) {
        case messages::ScanOutcome::clean:
            return Finding::clean;
        case messages::ScanOutcome::infected:
            return Finding::infected;
        case messages::ScanOutcome::incomplete:
            return Finding::incomplete;
        case messages::ScanOutcome::error:
            return Finding::scan_error;
        case messages::ScanOutcome::temp_failed:
            return Finding::temp_failed;
    }
    return Finding::bad_answer;
}

Try from_result(messages::ScanResult result) {
    if (const char* why = contradiction(result)) return final(Finding::bad_answer, why);
    result.detail.resize(std::min(result.detail.size(), messages::kLongestDetail));
    result.ledger.resize(std::min(result.ledger.size(), messages::kLongestLedger));
    result.names.resize(std::min(result.names.size(), messages::kLongestNames));
    Try answer = final(Finding::bad_answer, std::move(result.detail));
    answer.scan_ns = result.scan_ns;
    answer.finding = finding_of(result.outcome);
    if (answer.finding == Finding::infected) {
        answer.names = std::move(result.names);
        answer.rest = finding_of(result.rest);
    }
    if (answer.finding == Finding::incomplete || answer.rest == Finding::incomplete) {
        answer.unseen = result.unseen;
        answer.ledger = std::move(result.ledger);
    }
    return answer;
}

// The two ends for one job, and the packet that carries the scanner's.
struct Job {
    std::uint64_t number = 0;
    unique_fd reply;
    codec::Packet packet;
};

Result<Job> make_job(std::uint64_t number, const ScanRequest& request, SteadyTime queue_deadline) {
    messages::ScanJob job;
    job.job = number;
    job.deadline_ns = nanoseconds(queue_deadline.time_since_epoch()).count();
    job.size = request.size;
    job.session = request.session;
    job.queue_id = request.queue_id;
    job.digests = request.digests;
    job.all_names = request.all_names;
    job.message.reset(::fcntl(request.message, F_DUPFD_CLOEXEC, 0));
    if (!job.message) return system_error("duplicating a message's descriptor");
    auto pair = seqpacket_pair(Blocking::no, Blocking::yes);
    if (!pair) return std::move(pair).error();
    const int on = 1;
    if (::setsockopt(pair->first.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0)
        return system_error("setsockopt SO_PASSCRED");
    job.reply = std::move(pair->second);
    auto packet = codec::encode<messages::ToScanner>(std::move(job));
    if (!packet) return std::move(packet).error();
    return Job{number, std::move(pair->first), std::move(*packet)};
}

class Attempt {
  public:
    Attempt(Pulse& pulse, const ScanSettings& settings, const ScanRequest& request)
        : pulse_(pulse), settings_(settings), request_(request) {}

    [[nodiscard]] Try run(const Pin& queue, std::uint64_t number, SteadyTime queue_deadline,
                          const std::function<void(messages::ScannerOverdue)>& overdue) {
        pid_t scanner = 0;
        unique_fd reply;
        {
            GenerationQueue::Place place(queue);
            auto job = make_job(number, request_, queue_deadline);
            if (!job) return final(Finding::internal, job.error().what);
            if (auto ended = send(place, job->packet, queue_deadline)) return std::move(*ended);
            job->packet = {}; // our copy of the scanner's end: while it is open there is no EOF
            reply = std::move(job->reply);
            if (auto ended = wait_taken(reply.get(), number, queue_deadline, scanner)) return std::move(*ended);
        }
        Try ended = wait_result(reply.get(), number, scanner, queue->generation(), overdue);
        ended.scanner = scanner;
        return ended;
    }

  private:
    // In turn, into the socket.
    std::optional<Try> send(GenerationQueue::Place& place, const codec::Packet& packet, SteadyTime until) {
        using Turn = GenerationQueue::Place::Turn;
        using Sent = GenerationQueue::Place::Sent;
        const Try closed{Try::End::queue_closed, Finding::queue_timeout, {}};
        for (;;) {
            if (!pulse_.beat()) return final(Finding::cancelled);
            const Turn turn = place.wait(pulse_.next(until));
            if (turn == Turn::ended) return closed;
            if (turn == Turn::come) break;
            if (steady_now() >= until) return final(Finding::queue_timeout);
        }
        for (;;) {
            const Sent sent = place.send(packet);
            if (sent == Sent::ended) return closed;
            if (sent == Sent::yes) return std::nullopt;
            if (steady_now() >= until) return final(Finding::queue_timeout);
            if (!pulse_.wait(-1, std::min(until, steady_now() + kFullPause))) return final(Finding::cancelled);
        }
    }

    std::optional<Try> wait_taken(int reply, std::uint64_t number, SteadyTime until, pid_t& scanner) {
        const auto ready = pulse_.wait(reply, until);
        if (!ready) return final(Finding::cancelled);
        if (!*ready) return final(Finding::queue_timeout);
        auto received = receive_message<messages::FromScanner>(reply);
        if (!received) return final(Finding::bad_answer, received.error().what);
        if (received->kind == ReceivedKind::end) return Try{Try::End::dropped, Finding::queue_timeout, {}};
        const auto* taken = std::get_if<messages::Taken>(&received->message);
        if (received->kind != ReceivedKind::message || taken == nullptr || taken->job != number)
            return final(Finding::bad_answer, "the first answer was not Taken for this job");
        scanner = received->sender;
        return std::nullopt;
    }

    Try wait_result(int reply, std::uint64_t number, pid_t scanner, std::uint64_t generation,
                    const std::function<void(messages::ScannerOverdue)>& overdue) {
        const SteadyTime hung = steady_now() + settings_.max_scan_time + settings_.grace;
        const auto used_before = cpu_time(scanner);
        const auto ready = pulse_.wait(reply, std::min(hung, request_.deadline));
        if (!ready) return final(Finding::cancelled);
        if (!*ready && hung > request_.deadline) return final(Finding::out_of_time);
        if (!*ready) {
            // A scanner that was stopped, or got no CPU, says nothing about its message.
            const auto used = cpu_time(scanner);
            Try hang = final(Finding::overdue);
            hang.cpu_exceeded = used && used_before && *used - *used_before >= settings_.max_scan_time;
            if (overdue) overdue({generation, scanner, number});
            return hang;
        }
        auto received = receive_message<messages::FromScanner>(reply);
        if (!received) return final(Finding::bad_answer, received.error().what);
        if (received->kind == ReceivedKind::end) return {Try::End::died, Finding::scanner_died, {}};
        auto* result = std::get_if<messages::ScanResult>(&received->message);
        if (received->kind != ReceivedKind::message || result == nullptr || result->job != number)
            return final(Finding::bad_answer, "the second answer was not the result of this job");
        // A scanner that has read less, or more, has not scanned this message, whatever it found to be so.
        const bool passes =
            result->outcome == messages::ScanOutcome::clean || result->outcome == messages::ScanOutcome::incomplete;
        if (passes && result->scanned != request_.size)
            return final(Finding::bad_answer,
                         std::to_string(result->scanned) + " bytes were scanned of " + std::to_string(request_.size));
        // libclamav's limit is one of wall time: a scan that computes all the while has a little less CPU time at it.
        const bool exceeded = result->outcome == messages::ScanOutcome::error &&
                              nanoseconds(result->cpu_ns) >= settings_.max_scan_time / 10 * 9;
        Try answer = from_result(std::move(*result));
        answer.cpu_exceeded = exceeded;
        return answer;
    }

    Pulse& pulse_;
    const ScanSettings& settings_;
    const ScanRequest& request_;
};

// The current generation, in slices. Empty with a final report when none comes.
Pin wait_for_generation(GenerationQueues& queues, Pulse& pulse, SteadyTime until, Try& none) {
    for (;;) {
        if (!pulse.beat()) {
            none = final(Finding::cancelled);
            return {};
        }
        auto waited = queues.wait_for_current(pulse.next(until));
        if (waited.queue) return std::move(waited.queue);
        if (waited.refused) {
            none = final(Finding::no_generation, std::move(*waited.refused));
            return {};
        }
        if (steady_now() >= until) {
            none = final(Finding::no_generation, "no signature database was loaded within scanner.queue_timeout");
            return {};
        }
    }
}

ScanReport report_of(Try last, std::uint64_t generation, std::uint32_t retries) {
    return {last.finding,           std::move(last.detail), generation, last.scan_ns, retries, last.unseen,
            std::move(last.ledger), std::move(last.names),  last.rest};
}

} // namespace

bool ScanClient::is_poison(const ScanRequest& request) const {
    return request.digests.whole && handlers_.is_poison && handlers_.is_poison(request.digests);
}

ScanReport ScanClient::scan(const ScanRequest& request) {
    Pulse pulse(settings_, request);
    Attempt attempt(pulse, settings_, request);
    SteadyTime queue_deadline = std::min(steady_now() + settings_.queue_timeout, request.deadline);
    std::uint64_t generation = 0;
    std::uint32_t deaths = 0;
    std::uint32_t retries = 0;
    bool temp_retried = false;
    milliseconds pause{0};
    Pin queue = request.pin;
    std::optional<Try> before; // the try that is being repeated

    // Again, with as long a wait for a scanner as the first time, within what is left of the whole.
    const auto retry = [&](Try ended) {
        before = std::move(ended);
        ++retries;
        queue_deadline = std::min(steady_now() + settings_.queue_timeout, request.deadline);
        queue = request.pin;
    };
    // Where no scanner takes it again, what its first scanner met comes first.
    const auto finish = [&](Try last) {
        const bool taken = last.finding != Finding::queue_timeout && last.finding != Finding::no_generation;
        if (taken || !before) return report_of(std::move(last), generation, retries);
        if (!before->detail.empty()) before->detail += "; ";
        before->detail += std::string("again: ") + finding_name(last.finding);
        if (!last.detail.empty()) before->detail += ", " + last.detail;
        return report_of(std::move(*before), generation, retries);
    };

    const auto suspect = [&](const Try& ended) {
        const bool died = ended.end == Try::End::died;
        if (!request.digests.whole || !handlers_.suspect || (!died && !ended.cpu_exceeded)) return;
        handlers_.suspect({generation, ended.scanner, died ? messages::Suspected::died : messages::Suspected::cpu_time,
                           request.digests});
    };

    for (;;) {
        if (is_poison(request)) {
            const MessageDigests& digests = request.digests;
            return finish(final(Finding::poison, "digest " + digests.whole.text() + " body " + digests.body.text()));
        }
        if (!queue || !queue->usable()) {
            Try none;
            queue = wait_for_generation(*queues_, pulse, queue_deadline, none);
            if (!queue) return finish(std::move(none));
        }
        generation = queue->generation();
        Try last =
            attempt.run(queue, next_job_.fetch_add(1, std::memory_order_relaxed), queue_deadline, handlers_.overdue);
        suspect(last);
        switch (last.end) {
            case Try::End::queue_closed:
                queue.reset(); // to the current generation; not spinning: this one counts as ended now
                break;
            case Try::End::dropped:
                queue.reset();
                if (!pulse.wait(-1, std::min(queue_deadline, steady_now() + pause)))
                    return finish(final(Finding::cancelled));
                pause = std::clamp(pause * 2, kFirstPause, kLongestPause);
                // A job whose deadline has passed is dropped by the scanners.
                if (steady_now() >= queue_deadline) return finish(std::move(last));
                break;
            case Try::End::died:
                if (deaths == settings_.retries) return finish(std::move(last));
                ++deaths;
                retry(std::move(last));
                break;
            case Try::End::answered:
                if (last.finding != Finding::temp_failed || temp_retried) return finish(std::move(last));
                temp_retried = true;
                retry(std::move(last));
                break;
        }
    }
}

} // namespace evermilter::scanning
