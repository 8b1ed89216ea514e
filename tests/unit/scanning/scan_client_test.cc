// ScanClient: exactly one report for each request, whatever the scanner does. The scanners are threads of the test
// that receive real jobs from a real queue and follow a script.
#include "workers/scanning/scan_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "workers/common/ipc/any_child.h"
#include "workers/common/ipc/channel.h"
#include "workers/common/shared/scoreboard.h"
#include "workers/scanning/cpu_time.h"

using namespace evermilter;
using namespace evermilter::scanning;
using namespace std::chrono_literals;
using messages::ScanJob;
using messages::ScanOutcome;
using std::chrono::steady_clock;

namespace {

// Longer than any test that passes takes.
constexpr auto kLong = 60s;

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

template <class Messages = messages::FromScanner>
void say(const unique_fd& fd, std::type_identity_t<Messages> message) {
    (void)send_message<Messages>(fd.get(), std::move(message)); // the other end may have given up
}
void take(const ScanJob& job) {
    say(job.reply, messages::Taken{job.job});
}
// Of a scanner that has read all of it.
messages::ScanResult result(const ScanJob& job, ScanOutcome outcome, std::string detail = {}) {
    messages::ScanResult result;
    result.job = job.job;
    result.outcome = outcome;
    result.detail = std::move(detail);
    result.scan_ns = 5;
    result.scanned = job.size;
    if (outcome == ScanOutcome::incomplete) {
        result.unseen = unseen_bit(Unseen::limit);
        result.ledger = "2 a.zip: limit";
    }
    return result;
}
void answer(const ScanJob& job, ScanOutcome outcome, std::string detail = {}) {
    say(job.reply, result(job, outcome, std::move(detail)));
}
void clean(const ScanJob& job) {
    take(job);
    answer(job, ScanOutcome::clean);
}

// The receiving end of a generation's queue.
struct Generation {
    Generation(GenerationQueues& queues, std::uint64_t id) {
        auto pair = seqpacket_pair(Blocking::no, Blocking::yes);
        BOOST_REQUIRE(pair.ok());
        queue = std::move(pair->first);
        queues.take(id, std::move(pair->second));
    }
    // The next job; nullptr when the queue has ended, or none comes before `until`.
    std::unique_ptr<ScanJob> next(std::chrono::milliseconds until = kLong) const {
        pollfd entry{queue.get(), POLLIN, 0};
        if (::poll(&entry, 1, static_cast<int>(until.count())) <= 0) return nullptr;
        auto received = receive_message<messages::ToScanner>(queue.get());
        if (!received || received->kind != ReceivedKind::message) return nullptr;
        return std::make_unique<ScanJob>(std::get<ScanJob>(std::move(received->message)));
    }
    unique_fd queue;
};

// A scanner that runs its script for each job until the queue ends.
class Scanner {
  public:
    using Script = std::function<void(std::unique_ptr<ScanJob>, int number)>;
    Scanner(const Generation& generation, Script script)
        : thread_([&generation, script = std::move(script), this] {
              while (auto job = generation.next()) script(std::move(job), jobs_++);
          }) {}
    ~Scanner() { thread_.join(); }
    int jobs() const { return jobs_; }

  private:
    std::atomic<int> jobs_{0};
    std::thread thread_;
};

// Something that happens once and may be waited for.
class Event {
  public:
    void set() {
        const std::lock_guard lock(mutex_);
        happened_ = true;
        changed_.notify_all();
    }
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return happened_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool happened_ = false;
};

ScanSettings settings_of(std::uint32_t retries) {
    ScanSettings settings;
    settings.queue_timeout = kLong;
    settings.max_scan_time = kLong;
    settings.retries = retries;
    settings.slice = 10ms;
    return settings;
}

const MessageDigests kDigests{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}};

// The one message that is poison; none is at first. Set by the scanner, asked by the client.
class Poison {
  public:
    void set(const MessageDigest& which) {
        const std::lock_guard lock(mutex_);
        which_ = which;
    }
    bool is(const MessageDigest& one) {
        const std::lock_guard lock(mutex_);
        return which_ == one;
    }

  private:
    std::mutex mutex_;
    std::optional<MessageDigest> which_;
};

struct Fixture {
    Fixture() : message(::memfd_create("message", MFD_CLOEXEC)) {
        BOOST_REQUIRE(::write(message.get(), "mail", 4) == 4);
    }

    ScanRequest request() const {
        ScanRequest made;
        made.message = message.get();
        made.size = 4;
        made.session = 9;
        made.queue_id = "4ABC";
        made.digests = kDigests;
        made.deadline = steady_clock::now() + kLong;
        return made;
    }
    ScanReport scan(const ScanRequest& what) {
        ScanClient client(queues, settings,
                          {[this](messages::ScannerOverdue said) { overdue.push_back(said); },
                           [this](const messages::Suspicion& said) { suspicions.push_back(said); },
                           [this](const MessageDigests& digests) { return poison.is(digests.whole); }});
        return client.scan(what);
    }
    ScanReport scan() { return scan(request()); }

    unique_fd message;
    ScanSettings settings = settings_of(1);
    std::vector<messages::ScannerOverdue> overdue;
    std::vector<messages::Suspicion> suspicions;
    Poison poison;
    std::atomic<int> released{0};
    GenerationQueues queues{[this](std::uint64_t) { ++released; }};
};

void check_finding(const ScanReport& report, Finding wanted) {
    BOOST_TEST((report.finding == wanted), finding_name(report.finding)
                                               << " instead of " << finding_name(wanted) << ": " << report.detail);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scan_client_test, Fixture)

BOOST_AUTO_TEST_CASE(a_scanner_gets_the_message_and_its_word_is_the_report) {
    struct Row {
        ScanOutcome outcome;
        Finding finding;
    };
    constexpr Row rows[] = {{ScanOutcome::clean, Finding::clean},
                            {ScanOutcome::infected, Finding::infected},
                            {ScanOutcome::incomplete, Finding::incomplete},
                            {ScanOutcome::error, Finding::scan_error}};
    const std::size_t descriptors = open_descriptors();
    {
        const Generation generation(queues, 3);
        std::string content(5, '\0');
        ssize_t size = 0;
        std::unique_ptr<ScanJob> last;
        {
            const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
                size = ::pread(job->message.get(), content.data(), content.size(), 0);
                take(*job);
                answer(*job, rows[number].outcome, "detail");
                last = std::move(job);
            });
            for (const Row& row : rows) {
                const ScanReport report = scan();
                check_finding(report, row.finding);
                BOOST_TEST(report.detail == "detail");
                BOOST_TEST(report.generation == 3U);
                BOOST_TEST(report.scan_ns == 5);
                BOOST_TEST(report.retries == 0U);
                const bool incomplete = row.finding == Finding::incomplete;
                BOOST_TEST(report.unseen == (incomplete ? unseen_bit(Unseen::limit) : 0));
                BOOST_TEST(report.ledger == (incomplete ? "2 a.zip: limit" : ""));
            }
            queues.close("end");
        }
        BOOST_TEST(size == 4);
        BOOST_TEST(content.substr(0, 4) == "mail");
        BOOST_TEST(last->session == 9U);
        BOOST_TEST(last->queue_id == "4ABC");
        BOOST_TEST(last->size == 4U);
        BOOST_TEST((last->digests == kDigests));
        BOOST_TEST(last->deadline_ns > monotonic_ns());
        BOOST_TEST(last->deadline_ns <= monotonic_ns() + std::chrono::nanoseconds(kLong).count());
    }
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(a_job_that_is_lost_before_taken_is_sent_again_and_is_no_retry) {
    settings = settings_of(0);
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [](std::unique_ptr<ScanJob> job, int number) {
        if (number == 3) clean(*job); // dies with the job in its hands three times
    });
    const ScanReport report = scan();
    check_finding(report, Finding::clean);
    BOOST_TEST(report.retries == 0U);
    BOOST_TEST(scanner.jobs() >= 3);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(jobs_that_are_always_dropped_end_with_queue_timeout_and_do_not_spin) {
    settings.queue_timeout = 300ms;
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [](std::unique_ptr<ScanJob>, int) {});
    check_finding(scan(), Finding::queue_timeout);
    BOOST_TEST(scanner.jobs() < 50);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_scanner_that_dies_with_the_message_costs_as_many_retries_as_are_set) {
    for (const std::uint32_t retries : {0U, 1U, 3U})
        for (const std::uint32_t deaths : {0U, 1U, 2U, 4U}) {
            BOOST_TEST_CONTEXT("retries " << retries << ", deaths " << deaths) {
                settings = settings_of(retries);
                const Generation generation(queues, 1 + retries * 10 + deaths);
                ScanReport report;
                {
                    const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
                        take(*job);
                        if (std::cmp_greater_equal(number, deaths)) answer(*job, ScanOutcome::clean);
                    });
                    report = scan();
                    queues.let_go(queues.current());
                }
                const bool survives = deaths <= retries;
                check_finding(report, survives ? Finding::clean : Finding::scanner_died);
                BOOST_TEST(report.retries == std::min(retries, deaths));
            }
        }
}

BOOST_AUTO_TEST_CASE(a_hung_scanner_is_told_of_once_and_its_message_is_not_tried_again) {
    settings.max_scan_time = 20ms;
    settings.grace = 20ms;
    const Generation generation(queues, 4);
    ScanReport report;
    std::uint64_t job_number = 0;
    {
        std::unique_ptr<ScanJob> held;
        const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int) {
            take(*job);
            job_number = job->job;
            held = std::move(job);
        });
        report = scan();
        queues.close("end");
    }
    check_finding(report, Finding::overdue);
    BOOST_REQUIRE(overdue.size() == 1U);
    BOOST_TEST(overdue[0].generation == 4U);
    BOOST_TEST(overdue[0].scanner == ::getpid());
    BOOST_TEST(overdue[0].job == job_number);
}

// ---------------------------------------------------------------- poison

BOOST_AUTO_TEST_CASE(a_poison_message_reaches_no_scanner) {
    poison.set(kDigests.whole);
    const Generation generation(queues, 1);
    check_finding(scan(), Finding::poison);
    BOOST_TEST(!generation.next(0ms));
    BOOST_TEST(suspicions.empty());
}

BOOST_AUTO_TEST_CASE(a_message_that_becomes_poison_while_it_waits_is_dropped_by_the_scanner_and_not_sent_again) {
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [this](std::unique_ptr<ScanJob> job, int) { poison.set(job->digests.whole); });
    check_finding(scan(), Finding::poison);
    BOOST_TEST(scanner.jobs() == 1);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_message_that_becomes_poison_by_its_first_scanner_is_not_tried_again) {
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [this](std::unique_ptr<ScanJob> job, int) {
        poison.set(job->digests.whole);
        take(*job);
    });
    const ScanReport report = scan();
    check_finding(report, Finding::poison);
    BOOST_TEST(scanner.jobs() == 1);
    BOOST_TEST(suspicions.size() == 1U);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(each_scanner_that_dies_with_the_message_is_told) {
    settings = settings_of(2);
    const Generation generation(queues, 6);
    {
        const Scanner scanner(generation, [](std::unique_ptr<ScanJob> job, int number) {
            if (number != 0) take(*job); // the first is lost before Taken, which says nothing
        });
        check_finding(scan(), Finding::scanner_died);
        queues.close("end");
    }
    BOOST_REQUIRE(suspicions.size() == 3U);
    for (const messages::Suspicion& one : suspicions) {
        BOOST_TEST(one.generation == 6U);
        BOOST_TEST(one.scanner == ::getpid());
        BOOST_TEST((one.why == messages::Suspected::died));
        BOOST_TEST((one.digests == kDigests));
    }
}

BOOST_AUTO_TEST_CASE(a_message_that_is_known_by_nothing_is_never_told) {
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [](std::unique_ptr<ScanJob> job, int) { take(*job); });
    ScanRequest unknown = request();
    unknown.digests = {};
    check_finding(scan(unknown), Finding::scanner_died);
    BOOST_TEST(suspicions.empty());
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_hang_is_told_only_if_it_took_the_cpu_time_too) {
    settings.max_scan_time = 50ms;
    for (const bool busy : {false, true}) {
        settings.grace = busy ? 2000ms : 20ms;
        suspicions.clear();
        const Generation generation(queues, busy ? 2 : 1);
        std::unique_ptr<ScanJob> held;
        {
            const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int) {
                take(*job);
                held = std::move(job);
                // CPU time is of the process, which is the test's: much more than the limit, or next to none.
                const auto begin = *cpu_time(::getpid());
                while (busy && *cpu_time(::getpid()) - begin < 300ms) {
                }
            });
            check_finding(scan(), Finding::overdue);
            queues.let_go(queues.current());
        }
        BOOST_TEST(suspicions.size() == (busy ? 1U : 0U));
        if (!suspicions.empty()) BOOST_TEST((suspicions[0].why == messages::Suspected::cpu_time));
    }
}

BOOST_AUTO_TEST_CASE(a_scan_that_ends_by_the_limit_is_told_only_if_it_took_the_cpu_time_too) {
    struct Row {
        ScanOutcome outcome;
        std::chrono::nanoseconds cpu;
        bool told;
    };
    settings.max_scan_time = 1s;
    constexpr Row rows[] = {{ScanOutcome::error, 950ms, true},
                            {ScanOutcome::error, 37s, true},
                            {ScanOutcome::error, 800ms, false},
                            {ScanOutcome::clean, 37s, false},
                            {ScanOutcome::infected, 37s, false}};
    for (const Row& row : rows) {
        suspicions.clear();
        const Generation generation(queues, 1 + static_cast<std::uint64_t>(&row - rows));
        {
            const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int) {
                take(*job);
                auto said = result(*job, row.outcome);
                said.cpu_ns = row.cpu.count();
                say(job->reply, std::move(said));
            });
            (void)scan();
            queues.let_go(queues.current());
        }
        BOOST_TEST(suspicions.size() == (row.told ? 1U : 0U));
    }
}

BOOST_AUTO_TEST_CASE(what_no_scanner_takes_ends_with_queue_timeout_and_its_job_is_dead) {
    settings.queue_timeout = 50ms;
    const Generation generation(queues, 1);
    check_finding(scan(), Finding::queue_timeout);
    const auto job = generation.next();
    BOOST_REQUIRE(job);
    BOOST_TEST(job->deadline_ns <= monotonic_ns());
    const auto said = send_message<messages::FromScanner>(job->reply.get(), messages::Taken{job->job});
    BOOST_TEST(!said.ok());
    BOOST_TEST(said.error().code == EPIPE);
    BOOST_TEST(overdue.empty());
}

BOOST_AUTO_TEST_CASE(a_failed_temp_directory_is_tried_once_more_whatever_retries_says) {
    settings = settings_of(0);
    for (const bool twice : {false, true}) {
        const Generation generation(queues, twice ? 2 : 1);
        ScanReport report;
        int jobs = 0;
        {
            const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
                take(*job);
                answer(*job, twice || number == 0 ? ScanOutcome::temp_failed : ScanOutcome::infected, "x");
                ++jobs;
            });
            report = scan();
            queues.let_go(queues.current());
        }
        check_finding(report, twice ? Finding::temp_failed : Finding::infected);
        BOOST_TEST(report.retries == 1U);
        BOOST_TEST(jobs == 2);
    }
}

BOOST_AUTO_TEST_CASE(a_retry_waits_for_a_scanner_no_longer_than_the_first_try_and_never_past_the_whole) {
    // What the first scanner does, and what becomes of the job when it comes again.
    enum class First { temp_failed, died };
    enum class Again { not_taken, always_dropped, no_generation };
    for (const First first : {First::temp_failed, First::died})
        for (const Again again : {Again::not_taken, Again::always_dropped, Again::no_generation})
            for (const bool at_the_end : {false, true}) {
                BOOST_TEST_CONTEXT("first " << static_cast<int>(first) << ", again " << static_cast<int>(again)
                                            << ", at the end " << at_the_end) {
                    settings.queue_timeout = at_the_end ? kLong : 100ms;
                    ScanRequest one = request();
                    if (at_the_end) one.deadline = steady_clock::now() + 100ms;
                    auto generation = std::make_unique<Generation>(queues, queues.current() + 1);
                    ScanReport report;
                    std::thread session([&] { report = scan(one); });
                    auto job = generation->next();
                    BOOST_REQUIRE(job);
                    if (again == Again::no_generation) queues.no_generation("none");
                    take(*job);
                    if (first == First::temp_failed) answer(*job, ScanOutcome::temp_failed, "no folder");
                    if (again == Again::no_generation) generation.reset();
                    job.reset();
                    std::int64_t waits_until = 0;
                    while (generation && (job = generation->next(again == Again::not_taken ? 60s : 300ms))) {
                        waits_until = job->deadline_ns;
                        if (again == Again::not_taken) break;
                    }
                    session.join();
                    check_finding(report, first == First::died ? Finding::scanner_died : Finding::temp_failed);
                    BOOST_TEST(report.detail.starts_with(first == First::died ? "again: " : "no folder; again: "));
                    BOOST_TEST(report.retries == 1U);
                    const std::int64_t whole = std::chrono::nanoseconds(one.deadline.time_since_epoch()).count();
                    BOOST_TEST((at_the_end ? waits_until <= whole : waits_until < whole));
                    if (generation) queues.let_go(queues.current());
                }
            }
}

BOOST_AUTO_TEST_CASE(what_a_scanner_has_read_in_part_passes_by_no_word_of_it) {
    struct Row {
        ScanOutcome outcome;
        std::uint64_t scanned;
        Finding finding;
    };
    constexpr Row rows[] = {
        {ScanOutcome::clean, 4, Finding::clean},           {ScanOutcome::clean, 3, Finding::bad_answer},
        {ScanOutcome::clean, 5, Finding::bad_answer},      {ScanOutcome::clean, 0, Finding::bad_answer},
        {ScanOutcome::incomplete, 4, Finding::incomplete}, {ScanOutcome::incomplete, 0, Finding::bad_answer},
        {ScanOutcome::infected, 0, Finding::infected},     {ScanOutcome::infected, 4, Finding::infected},
        {ScanOutcome::error, 0, Finding::scan_error},
    };
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
        take(*job);
        auto said = result(*job, rows[number].outcome);
        said.scanned = rows[number].scanned;
        say(job->reply, std::move(said));
    });
    for (const Row& row : rows) check_finding(scan(), row.finding);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_to_this_job_is_an_error_and_never_clean) {
    const auto bytes = [](const ScanJob& job, std::string_view text) {
        (void)!::send(job.reply.get(), text.data(), text.size(), MSG_NOSIGNAL);
    };
    const std::vector<std::function<void(const ScanJob&)>> scripts = {
        [&](const ScanJob& job) { bytes(job, "garbage"); },
        [&](const ScanJob& job) { bytes(job, std::string(1000, '\0')); },
        [&](const ScanJob& job) { answer(job, ScanOutcome::clean); }, // without Taken
        [&](const ScanJob& job) { say(job.reply, messages::Taken{job.job + 1}); },
        [&](const ScanJob& job) { say<messages::FromAnyChild>(job.reply, messages::Pong{1}); },
        [&](const ScanJob& job) { take(job), bytes(job, "garbage"); },
        [&](const ScanJob& job) { take(job), take(job); },
        [&](const ScanJob& job) { take(job), say<messages::FromAnyChild>(job.reply, messages::Pong{1}); },
        [&](const ScanJob& job) {
            take(job);
            auto other = result(job, ScanOutcome::clean);
            ++other.job;
            say(job.reply, std::move(other));
        },
        [&](const ScanJob& job) {
            take(job);
            auto none = result(job, ScanOutcome::clean);
            none.job = 0;
            say(job.reply, std::move(none));
        },
    };
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
        scripts[static_cast<std::size_t>(number)](*job);
        clean(*job); // what comes after does not count
    });
    for (std::size_t i = 0; i < scripts.size(); ++i) {
        BOOST_TEST_CONTEXT("script " << i) {
            check_finding(scan(), Finding::bad_answer);
        }
    }
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_result_that_contradicts_itself_about_unseen_parts_is_an_error_and_never_clean) {
    struct Row {
        ScanOutcome outcome;
        UnseenSet unseen;
        Finding finding;
    };
    constexpr UnseenSet kUnknown = kAllUnseen + 1;
    std::vector<Row> rows = {
        {ScanOutcome::incomplete, 0, Finding::bad_answer},
        {ScanOutcome::incomplete, kUnknown, Finding::bad_answer},
        {ScanOutcome::incomplete, kUnknown | unseen_bit(Unseen::limit), Finding::bad_answer},
        {ScanOutcome::incomplete, ~UnseenSet{0}, Finding::bad_answer},
        {ScanOutcome::clean, kUnknown, Finding::bad_answer},
        {ScanOutcome::clean, 0, Finding::clean},
        // A virus that was found is one, whatever else was not looked at; a failure stays one.
        {ScanOutcome::infected, kAllUnseen, Finding::infected},
        {ScanOutcome::error, kAllUnseen, Finding::scan_error},
    };
    for (const Unseen reason : kUnseenReasons) {
        rows.push_back({ScanOutcome::clean, unseen_bit(reason), Finding::bad_answer});
        rows.push_back({ScanOutcome::incomplete, unseen_bit(reason), Finding::incomplete});
    }
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
        const Row& row = rows[static_cast<std::size_t>(number)];
        take(*job);
        messages::ScanResult said = result(*job, row.outcome, "detail");
        said.unseen = row.unseen;
        said.ledger = "2 a.zip: limit";
        say(job->reply, std::move(said));
    });
    for (const Row& row : rows) {
        const ScanReport report = scan();
        check_finding(report, row.finding);
        BOOST_TEST(report.unseen == (row.finding == Finding::incomplete ? row.unseen : 0));
        BOOST_TEST(report.ledger.empty() == (row.finding != Finding::incomplete));
    }
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(what_is_told_beside_a_virus_reaches_the_report_and_must_not_contradict_itself) {
    struct Row {
        ScanOutcome rest;
        UnseenSet unseen;
        Finding finding;
        Finding rest_found;
    };
    const std::vector<Row> rows = {
        {ScanOutcome::clean, 0, Finding::infected, Finding::clean},
        {ScanOutcome::incomplete, unseen_bit(Unseen::limit), Finding::infected, Finding::incomplete},
        {ScanOutcome::error, 0, Finding::infected, Finding::scan_error},
        {ScanOutcome::temp_failed, 0, Finding::infected, Finding::temp_failed},
        {ScanOutcome::incomplete, 0, Finding::bad_answer, Finding::clean},
        {ScanOutcome::infected, 0, Finding::bad_answer, Finding::clean},
    };
    std::vector<bool> asked;
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
        const Row& row = rows[static_cast<std::size_t>(number)];
        asked.push_back(job->all_names);
        take(*job);
        messages::ScanResult said = result(*job, ScanOutcome::infected, "First");
        said.names = "Second\nThird";
        said.rest = row.rest;
        said.unseen = row.unseen;
        say(job->reply, std::move(said));
    });
    for (const Row& row : rows) {
        const ScanReport report = scan();
        check_finding(report, row.finding);
        BOOST_TEST((report.rest == row.rest_found));
        BOOST_TEST(report.names == (row.finding == Finding::infected ? "Second\nThird" : ""));
        BOOST_TEST(report.unseen == (row.rest_found == Finding::incomplete ? row.unseen : 0));
    }
    queues.close("end");
    BOOST_TEST(asked == std::vector<bool>(rows.size(), false), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_scanner_says_is_kept_within_its_bounds) {
    const Generation generation(queues, 1);
    const Scanner scanner(generation, [](std::unique_ptr<ScanJob> job, int) {
        take(*job);
        messages::ScanResult said = result(*job, ScanOutcome::incomplete, std::string(50'000, 'd'));
        said.unseen = unseen_bit(Unseen::encrypted);
        said.ledger = std::string(50'000, 'l');
        say(job->reply, std::move(said));
    });
    const ScanReport report = scan();
    check_finding(report, Finding::incomplete);
    BOOST_TEST(report.detail.size() == messages::kLongestDetail);
    BOOST_TEST(report.ledger.size() == messages::kLongestLedger);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(thirty_two_at_once_are_each_answered_with_four_in_the_socket_at_a_time) {
    const std::size_t descriptors = open_descriptors();
    {
        const Generation generation(queues, 1);
        std::vector<std::thread> sessions;
        sessions.reserve(32);
        std::atomic<int> answered{0};
        for (int i = 0; i < 32; ++i)
            sessions.emplace_back([&] {
                if (scan().finding == Finding::clean) ++answered;
            });
        std::deque<std::unique_ptr<ScanJob>> waiting;
        std::set<std::uint64_t> numbers;
        for (int i = 0; i < 4; ++i) waiting.push_back(generation.next());
        BOOST_TEST(!generation.next(50ms)); // none is taken: no fifth comes
        for (int i = 0; i < 32; ++i) {
            BOOST_REQUIRE(waiting.front());
            take(*waiting.front());
            if (i < 28) waiting.push_back(generation.next());
            answer(*waiting.front(), ScanOutcome::clean);
            BOOST_TEST(waiting.size() <= 5U);
            waiting.pop_front();
        }
        for (auto& session : sessions) session.join();
        BOOST_TEST(answered == 32);
        BOOST_TEST(!generation.next(0ms));
        queues.close("end");
    }
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(a_scan_under_way_does_not_hold_the_window) {
    // Five messages, none of which is answered before all are taken.
    const Generation generation(queues, 1);
    std::vector<std::thread> sessions;
    sessions.reserve(5);
    std::atomic<int> answered{0};
    for (int i = 0; i < 5; ++i)
        sessions.emplace_back([&] {
            if (scan().finding == Finding::clean) ++answered;
        });
    std::vector<std::unique_ptr<ScanJob>> taken;
    for (int i = 0; i < 5; ++i) {
        taken.push_back(generation.next());
        BOOST_REQUIRE(taken.back());
        take(*taken.back());
    }
    for (const auto& job : taken) answer(*job, ScanOutcome::clean);
    for (auto& session : sessions) session.join();
    BOOST_TEST(answered == 5);
}

BOOST_AUTO_TEST_CASE(jobs_unread_when_their_generation_ends_go_to_the_current_one) {
    auto old = std::make_unique<Generation>(queues, 1);
    Event in_queue;
    ScanReport report;
    ScanRequest pinned = request();
    pinned.pin = queues.pin(1);
    std::thread session([&] { report = scan(pinned); });
    pollfd entry{old->queue.get(), POLLIN, 0};
    BOOST_REQUIRE(::poll(&entry, 1, -1) == 1); // the job lies unread
    const Generation current(queues, 2);
    const Scanner scanner(current, [](std::unique_ptr<ScanJob> job, int) { clean(*job); });
    old.reset(); // loader and scanners are gone
    session.join();
    check_finding(report, Finding::clean);
    BOOST_TEST(report.generation == 2U);
    BOOST_TEST(report.retries == 0U);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_pinned_message_is_scanned_by_its_generation_and_retried_there) {
    const Generation old(queues, 1);
    ScanRequest pinned = request();
    pinned.pin = queues.pin(1);
    const Generation current(queues, 2);
    const Scanner scanner(old, [](std::unique_ptr<ScanJob> job, int number) {
        take(*job);
        if (number == 1) answer(*job, ScanOutcome::clean);
    });
    const ScanReport report = scan(pinned);
    check_finding(report, Finding::clean);
    BOOST_TEST(report.generation == 1U);
    BOOST_TEST(report.retries == 1U);
    BOOST_TEST(!current.next(0ms));
    pinned.pin.reset();
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(let_go_moves_who_waits_to_the_current_one_and_leaves_what_is_in_the_socket) {
    const Generation old(queues, 1);
    std::vector<ScanReport> reports(5);
    std::vector<std::thread> sessions;
    const auto session = [&](std::size_t i) {
        ScanRequest pinned = request();
        pinned.pin = queues.pin(1);
        reports[i] = scan(pinned);
    };
    std::vector<std::unique_ptr<ScanJob>> jobs;
    for (std::size_t i = 0; i < 4; ++i) sessions.emplace_back(session, i);
    for (std::size_t i = 0; i < 4; ++i) jobs.push_back(old.next());
    sessions.emplace_back(session, 4U); // has to wait for its turn
    const Generation current(queues, 2);
    const Scanner scanner(current, [](std::unique_ptr<ScanJob> job, int) { clean(*job); });
    BOOST_TEST(queues.let_go(1));
    BOOST_TEST(released == 1);
    sessions[4].join();
    check_finding(reports[4], Finding::clean);
    BOOST_TEST(reports[4].generation == 2U);
    for (const auto& job : jobs) {
        BOOST_REQUIRE(job);
        take(*job);
        answer(*job, ScanOutcome::infected, "x");
    }
    for (std::size_t i = 0; i < 4; ++i) {
        sessions[i].join();
        check_finding(reports[i], Finding::infected);
        BOOST_TEST(reports[i].generation == 1U);
    }
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(without_a_generation_a_message_waits_for_the_first) {
    ScanReport report;
    std::thread session([&] { report = scan(); });
    const Generation first(queues, 1);
    const Scanner scanner(first, [](std::unique_ptr<ScanJob> job, int) { clean(*job); });
    session.join();
    check_finding(report, Finding::clean);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(without_a_generation_in_time_or_at_all_it_is_an_error_that_says_why) {
    settings.queue_timeout = 30ms;
    const ScanReport none = scan();
    check_finding(none, Finding::no_generation);
    BOOST_TEST(!none.detail.empty());
    settings.queue_timeout = kLong;
    queues.no_generation("broken database");
    const ScanReport refused = scan();
    check_finding(refused, Finding::no_generation);
    BOOST_TEST(refused.detail == "broken database");
}

BOOST_AUTO_TEST_CASE(a_generation_whose_processes_are_gone_waits_for_its_successor) {
    { const Generation dead(queues, 1); }
    ScanReport report;
    std::thread session([&] { report = scan(); });
    const Generation next(queues, 2);
    const Scanner scanner(next, [](std::unique_ptr<ScanJob> job, int) { clean(*job); });
    session.join();
    check_finding(report, Finding::clean);
    BOOST_TEST(report.generation == 2U);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(the_whole_ends_at_the_deadline_of_the_request) {
    settings.retries = 5;
    const Generation generation(queues, 1);
    ScanReport report;
    {
        std::vector<std::unique_ptr<ScanJob>> held;
        const Scanner scanner(generation, [&](std::unique_ptr<ScanJob> job, int number) {
            take(*job);
            if (number > 0) held.push_back(std::move(job)); // the first dies, the next never answers
        });
        ScanRequest short_one = request();
        short_one.deadline = steady_clock::now() + 2s;
        report = scan(short_one);
        queues.close("end");
    }
    check_finding(report, Finding::out_of_time);
    BOOST_TEST(report.retries == 1U);
    BOOST_TEST(overdue.empty()); // its scan time was not over
}

BOOST_AUTO_TEST_CASE(cancellation_is_seen_wherever_it_waits) {
    // Each phase says through its scanner, or through the first progress, that it has been reached.
    enum class Phase { generation, turn, taken, result };
    settings.progress = 5ms;
    for (const Phase phase : {Phase::generation, Phase::turn, Phase::taken, Phase::result}) {
        BOOST_TEST_CONTEXT("phase " << static_cast<int>(phase)) {
            std::unique_ptr<Generation> generation;
            std::vector<std::unique_ptr<GenerationQueue::Place>> places;
            if (phase != Phase::generation)
                generation = std::make_unique<Generation>(queues, 1 + static_cast<std::uint64_t>(phase));
            if (phase == Phase::turn)
                for (int i = 0; i < 4; ++i) {
                    places.push_back(std::make_unique<GenerationQueue::Place>(queues.pin(0)));
                    BOOST_REQUIRE(
                        (places.back()->wait(steady_clock::now() + kLong) == GenerationQueue::Place::Turn::come));
                }
            std::atomic<bool> cancelled{false};
            std::atomic<int> progress{0};
            ScanRequest one = request();
            one.cancelled = [&] { return cancelled.load(); };
            one.on_progress = [&] { ++progress; };
            ScanReport report;
            std::thread session([&] { report = scan(one); });
            std::unique_ptr<ScanJob> job;
            if (phase == Phase::taken || phase == Phase::result) job = generation->next();
            if (phase == Phase::result) take(*job);
            const int seen = progress;
            while (progress < seen + 3) std::this_thread::yield(); // progress goes on in every phase
            cancelled = true;
            session.join();
            check_finding(report, Finding::cancelled);
            places.clear();
            if (generation) queues.let_go(queues.current());
        }
    }
}

BOOST_AUTO_TEST_CASE(processes_that_die_are_seen_and_named) {
    // Real processes, forked before any thread: the first is killed after Taken, the second hangs.
    const Generation generation(queues, 1);
    const auto fork_scanner = [&](bool hang) {
        const pid_t child = ::fork();
        if (child != 0) return child;
        queues.close("child"); // holds no sending end
        if (auto job = generation.next()) {
            take(*job);
            if (hang)
                for (;;) ::pause();
            ::kill(::getpid(), SIGKILL);
        }
        ::_exit(0);
    };
    const pid_t dies = fork_scanner(false);
    BOOST_REQUIRE(dies > 0);
    settings.retries = 0;
    check_finding(scan(), Finding::scanner_died);
    int status = 0;
    BOOST_TEST(::waitpid(dies, &status, 0) == dies);
    settings.max_scan_time = 100ms;
    settings.grace = 100ms;
    const pid_t hangs = fork_scanner(true);
    BOOST_REQUIRE(hangs > 0);
    check_finding(scan(), Finding::overdue);
    BOOST_REQUIRE(overdue.size() == 1U);
    BOOST_TEST(overdue[0].scanner == hangs);
    BOOST_TEST(::kill(hangs, SIGKILL) == 0);
    BOOST_TEST(::waitpid(hangs, &status, 0) == hangs);
    queues.close("end");
}

BOOST_AUTO_TEST_CASE(a_descriptor_that_cannot_be_passed_on_is_an_error) {
    const Generation generation(queues, 1);
    ScanRequest wrong = request();
    wrong.message = -1;
    check_finding(scan(wrong), Finding::internal);
}

BOOST_AUTO_TEST_SUITE_END()
