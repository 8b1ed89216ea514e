// Memory fails in a real session worker, at every allocation of every callback in turn: no message passes with a part
// missing, each command gets its one answer, and the next message is scanned.
#include <poll.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/integration/failing_new.h"
#include "tests/integration/session_worker.h"
#include "tests/support/report.h"
#include "tests/support/sanitizers.h"
#include "tests/support/waiting.h"

namespace evermilter::test {
namespace {

using messages::ScanOutcome;

constexpr const char* kMark = "infected-by-what-the-scanner-must-see";
const std::string kChunk(40'000, 'x'); // more than is collected before it is written
constexpr std::int64_t kAll = 1'000'000'000;

// The packet of the first message at which memory fails.
enum class Step {
    connect,
    helo,
    mail,
    rcpt,
    data,
    header,
    eoh,
    eoh_and_body,
    body,
    last_chunk, // a chunk that comes with the end of the message
    only_chunk, // the same, right after a header
    end,
    abort,
    quit_nc
};
constexpr const char* kSteps[] = {"connect",      "helo", "mail",       "rcpt",       "data", "header", "eoh",
                                  "eoh and body", "body", "last chunk", "only chunk", "end",  "abort",  "quit_nc"};
constexpr Step kEach[] = {Step::connect,    Step::helo, Step::mail,         Step::rcpt,   Step::data,
                          Step::header,     Step::eoh,  Step::eoh_and_body, Step::body,   Step::last_chunk,
                          Step::only_chunk, Step::end,  Step::abort,        Step::quit_nc};
std::ostream& operator<<(std::ostream& out, Step step) {
    return out << kSteps[static_cast<int>(step)];
}

class Conversation {
  public:
    // `waits`: the MTA also waits for an answer to each header and chunk.
    Conversation(SessionWorker& worker, FakeScanners& scanners, bool waits) : scanners_(scanners), waits_(waits) {
        Offer offer;
        if (waits) offer.protocol &= ~(kNoReplyHeader | kNoReplyEndOfHeaders | kNoReplyBody);
        client_ = worker.connect(offer);
    }

    // Called before `at` is sent and after it is answered; if `at` gets no answer, after the message is answered.
    std::function<void()> before = [] {};
    std::function<void()> after = [] {};

    void open(Step at) {
        (void)step(Step::connect, at, [&] { return client_->connect(); });
        (void)step(Step::helo, at, [&] { return client_->helo(); });
    }
    // Sends a message that is infected by the content of packet `at`; returns its answer.
    Verdict message(Step at) {
        Reply reply = step(Step::mail, at, [&] { return client_->mail(); });
        if (reply.command != 'c') return over(reply);
        // A refused recipient does not end the message.
        (void)step(Step::rcpt, at, [&] { return client_->rcpt(); });
        (void)client_->rcpt("<another@example.org>");
        queue_id('T');
        reply = step(Step::data, at, [&] { return client_->data(); });
        if (reply.command != 'c') return over(reply);
        (void)step(Step::header, at, [&] { return client_->header("X-Mark", at == Step::header ? kMark : "none"); });
        if (at == Step::abort || at == Step::quit_nc) {
            before();
            client_->send(at == Step::abort ? 'A' : 'K');
            if (at == Step::quit_nc) (void)client_->connect();
            const Reply next = client_->mail();
            after();
            client_->abort();
            return over(next.command == 'c' ? Reply{'t', {}} : next);
        }
        queue_id('N');
        if (at == Step::only_chunk) return end(at, kChunk + kMark);
        if (at == Step::eoh_and_body) before();
        (void)step(Step::eoh, at, [&] { return client_->end_of_headers(); });
        (void)step(Step::body, at, [&] {
            return client_->body(kChunk + (at == Step::last_chunk || at == Step::header ? "none" : kMark));
        });
        if (at == Step::eoh_and_body && waits_) after();
        return end(at, at == Step::last_chunk ? kChunk + kMark : "");
    }

    // Checks that no answer was sent that nobody waits for.
    void ends_well() {
        client_->send('Q');
        BOOST_CHECK_THROW((void)client_->receive(), ConnectionEnded);
    }

  private:
    template <class Send>
    Reply step(Step which, Step at, Send send) {
        if (which == at) before();
        Reply reply = send();
        const bool answered = waits_ || which < Step::header;
        if (which == at && answered) after();
        return reply;
    }

    Verdict end(Step at, const std::string& chunk) {
        if (at >= Step::last_chunk && at <= Step::end) before();
        queue_id('E');
        client_->send('E', chunk);
        return answer();
    }

    // The id grows each time, so that each stage that stores it needs memory.
    void queue_id(char command) {
        id_ += std::string(40, command);
        client_->macros(command, {{"i", id_}});
    }

    static Verdict over(const Reply& reply) { return {reply, {}, 0}; }

    // Plays the scanner while it waits.
    Verdict answer() {
        for (;;) {
            pollfd ready[] = {{client_->fd(), POLLIN, 0}, {scanners_.fd(), POLLIN, 0}};
            BOOST_REQUIRE(::poll(ready, 2, left(patience())) > 0);
            if (ready[0].revents != 0) break;
            auto job = scanners_.receive();
            const bool infected = FakeScanners::content(job).find(kMark) != std::string::npos;
            try {
                FakeScanners::say_taken(job);
                FakeScanners::answer(std::move(job), infected ? ScanOutcome::infected : ScanOutcome::clean, "Mark");
            } catch (const std::exception&) { // the message was given up
            }
        }
        Verdict verdict = client_->receive_verdict();
        after();
        return verdict;
    }

    FakeScanners& scanners_;
    const bool waits_;
    std::unique_ptr<MilterClient> client_;
    std::string id_;
};

const std::string kFound = "550 5.7.1 virus found: Mark";

struct Memory {
    FailingNew failing;
    SessionWorker worker{{}, &failing};
    FakeScanners scanners = worker.generation(1);
    int failures = 0;
    int closed = 0;

    Memory() { failing.spare_first_threads(worker.pid()); }
    // One session in which `count` allocations fail after `pass`. False if no allocation was left to fail.
    bool session(Step at, bool waits, std::int64_t pass, std::int64_t count) {
        std::uint64_t failed = 0;
        Conversation conversation(worker, scanners, waits);
        conversation.before = [&] { failing.fail(pass, count); };
        conversation.after = [&] { failed += failing.mend(); };
        bool open = true;
        try {
            conversation.open(at);
            const std::string text = conversation.message(at).text();
            BOOST_TEST((text == kFound || text == "tempfail" || text.starts_with("4")), text);
        } catch (const ConnectionEnded&) { // the MTA takes this for a temporary failure
            failed += failing.mend();
            open = false;
            ++closed;
        }
        conversation.before = conversation.after = [] {};
        if (open) {
            // The answers are in step, and each message stands alone: the last chunk of this one is not known yet.
            BOOST_TEST(conversation.message(Step::last_chunk).text() == kFound);
            conversation.ends_well();
        }
        if (failed > 0) ++failures;
        return failed > 0;
    }
};

BOOST_AUTO_TEST_SUITE(session_memory_test)

BOOST_DATA_TEST_CASE(where_memory_fails_nothing_passes_and_answers_stay_in_step,
                     boost::unit_test::data::make({false, true}) * boost::unit_test::data::make(kEach), waits, at) {
    if (kSanitized) not_possible("a sanitizer brings an operator new of its own");
    Memory memory;
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, kAll}) {
        std::int64_t pass = 0;
        do BOOST_TEST_INFO_SCOPE("after " << pass << " allocations " << count << " fail");
        while (memory.session(at, waits, pass++, count));
    }
    BOOST_TEST_MESSAGE(at << ": " << memory.failures << " failures, " << memory.closed << " closed");
    BOOST_TEST(memory.failures > 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
