// Messages that were not fully scanned, between a real session worker and scanners that the test plays: each reason
// with each action, several reasons at once, and results that contradict themselves.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>

#include "tests/integration/session_worker.h"
#include "tests/support/waiting.h"
#include "workers/common/shared/unseen.h"

namespace evermilter::test {
namespace {

using config::Action;
using messages::ScanOutcome;

const std::string kMail = "Subject: one\r\nFrom: a@example.org\r\n\r\nHello.\r\n";
constexpr std::array kActions = {Action::accept, Action::reject, Action::tempfail, Action::discard, Action::quarantine};
constexpr std::uint32_t kQuarantine = 0x20; // SMFIF_QUARANTINE

std::unique_ptr<MilterClient> ready_for_mail(SessionWorker& worker, Offer offer = {}) {
    auto client = worker.connect(offer);
    client->connect();
    client->helo();
    return client;
}

void set(config::Actions& actions, Unseen reason, Action action) {
    switch (reason) {
        case Unseen::partial:
            actions.partial = action;
            break;
        case Unseen::encrypted:
            actions.encrypted = action;
            break;
        case Unseen::limit:
            actions.limit = action;
            break;
        case Unseen::unsupported:
            actions.unsupported = action;
            break;
        case Unseen::malformed:
            actions.malformed = action;
            break;
        case Unseen::ambiguous:
            actions.ambiguous = action;
            break;
    }
}

// The reply for a message with this reason, without its codes; the scanner's label is "Label".
std::string told(Unseen reason) {
    switch (reason) {
        case Unseen::partial:
            return "message is a fragment (message/partial, RFC 2046 section 5.2.2), which cannot be scanned for "
                   "viruses; send it whole (Label)";
        case Unseen::encrypted:
            return "message has encrypted content, which cannot be scanned for viruses (Label)";
        case Unseen::limit:
            return "message exceeds a limit of the virus scanner and cannot be fully scanned (Label)";
        case Unseen::unsupported:
            return "message has content of a kind that cannot be scanned for viruses (Label)";
        case Unseen::malformed:
            return "message has content that is cut off or corrupt and cannot be scanned for viruses (Label)";
        case Unseen::ambiguous:
            return "message can be read in different ways (ambiguous MIME) and cannot be reliably scanned for viruses "
                   "(Label)";
    }
    return {};
}

std::string answered(Unseen reason, Action action) {
    switch (action) {
        case Action::reject:
            return "550 5.7.1 " + told(reason);
        case Action::tempfail:
            return "451 4.7.1 " + told(reason);
        case Action::discard:
            return "discard";
        case Action::accept:
        case Action::quarantine:
            break;
    }
    return "accept";
}

Verdict answer(MilterClient& client, FakeScanners& scanners, UnseenSet reasons, const std::string& labels,
               const std::string& ledger = {}) {
    client.upload(kMail);
    client.send('E');
    FakeScanners::answer_incomplete(scanners.take(), reasons, labels, ledger);
    return client.receive_verdict();
}

std::uint64_t counted(const SessionWorker& worker, Unseen reason) {
    return worker.counters().get("messages.incomplete_by", reason);
}
std::uint64_t counted(const SessionWorker& worker, Disposition disposition) {
    return worker.counters().get("messages", disposition);
}

std::string reason_of_quarantine(const Verdict& verdict) {
    for (const Modification& one : verdict.modifications)
        if (one.command == 'q') return one.value;
    return {};
}

BOOST_AUTO_TEST_SUITE(incomplete)

BOOST_AUTO_TEST_CASE(each_reason_is_answered_by_its_own_action_stamped_and_counted) {
    // In each turn every reason has an action different from its neighbour's, and over all turns each has had every
    // action.
    for (std::size_t turn = 0; turn < kActions.size(); ++turn) {
        const auto action_of = [turn](Unseen reason) {
            return kActions.at((turn + static_cast<std::size_t>(reason)) % kActions.size());
        };
        SessionWorker worker([&](config::Config& config) {
            for (const Unseen reason : kUnseenReasons) set(config.actions, reason, action_of(reason));
        });
        auto scanners = worker.generation(1);
        auto client = ready_for_mail(worker);
        for (const Unseen reason : kUnseenReasons) {
            const Action action = action_of(reason);
            BOOST_TEST_CONTEXT(unseen_name(reason) << ", action " << static_cast<int>(action)) {
                const Verdict verdict = answer(*client, scanners, unseen_bit(reason), "Label");
                BOOST_TEST(verdict.text() == answered(reason, action));
                const bool goes_on = action == Action::accept || action == Action::quarantine;
                BOOST_TEST(verdict.status() == (goes_on ? "Not fully scanned (Label)" : ""));
                BOOST_TEST(verdict.added("X-Virus-Scanned").has_value() == goes_on);
                BOOST_TEST(verdict.quarantined() == (action == Action::quarantine));
                BOOST_TEST(reason_of_quarantine(verdict) ==
                           (action == Action::quarantine ? "Not fully scanned (Label)" : ""));
                BOOST_TEST(counted(worker, reason) == 1U);
            }
        }
        for (const Disposition other : {Disposition::clean, Disposition::error})
            BOOST_TEST(counted(worker, other) == 0U);
        BOOST_TEST(worker.counters().get("scans.total") == kUnseen);
    }
}

BOOST_AUTO_TEST_CASE(by_default_a_fragment_is_rejected_and_the_rest_is_delivered_and_stamped) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (const Unseen reason : kUnseenReasons) BOOST_TEST_CONTEXT(unseen_name(reason)) {
            const Verdict verdict = answer(*client, scanners, unseen_bit(reason), "Label");
            const bool fragment = reason == Unseen::partial;
            BOOST_TEST(verdict.text() == answered(reason, fragment ? Action::reject : Action::accept));
            BOOST_TEST(verdict.status() == (fragment ? "" : "Not fully scanned (Label)"));
        }
}

BOOST_AUTO_TEST_CASE(actions_incomplete_is_for_each_reason_without_an_action_of_its_own) {
    SessionWorker worker([](config::Config& config) {
        config.actions.incomplete = Action::tempfail;
        config.actions.limit = Action::accept;
    });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (const Unseen reason : kUnseenReasons) {
        const Action action = reason == Unseen::partial ? Action::reject
                              : reason == Unseen::limit ? Action::accept
                                                        : Action::tempfail;
        BOOST_TEST(answer(*client, scanners, unseen_bit(reason), "Label").text() == answered(reason, action));
    }
}

BOOST_AUTO_TEST_CASE(of_several_reasons_the_strictest_action_is_taken_its_reason_named_and_counted) {
    SessionWorker worker([](config::Config& config) {
        config.actions.encrypted = Action::quarantine;
        config.actions.malformed = Action::discard;
        config.actions.ambiguous = Action::reject;
    });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    // All other reasons are accepted.
    const Verdict held = answer(
        *client, scanners, unseen_bit(Unseen::encrypted) | unseen_bit(Unseen::limit) | unseen_bit(Unseen::malformed),
        "encrypted, MaxFiles, malformed");
    BOOST_TEST(held.quarantined());
    BOOST_TEST(held.status() == "Not fully scanned (encrypted, MaxFiles, malformed)");
    const Verdict refused = answer(*client, scanners, unseen_bit(Unseen::encrypted) | unseen_bit(Unseen::ambiguous),
                                   "encrypted, ambiguous");
    BOOST_TEST(refused.text() ==
               "550 5.7.1 message can be read in different ways (ambiguous MIME) and cannot be reliably scanned for "
               "viruses (encrypted, ambiguous)");
    const Verdict accepted =
        answer(*client, scanners, unseen_bit(Unseen::unsupported) | unseen_bit(Unseen::limit), "MaxFiles, rar");
    BOOST_TEST(accepted.status() == "Not fully scanned (MaxFiles, rar)");
    BOOST_TEST(counted(worker, Unseen::encrypted) == 1U);
    BOOST_TEST(counted(worker, Unseen::ambiguous) == 1U);
    BOOST_TEST(counted(worker, Unseen::limit) == 1U); // the first of two that are accepted
    BOOST_TEST(counted(worker, Unseen::unsupported) == 0U);
    BOOST_TEST(counted(worker, Unseen::malformed) == 0U);
}

BOOST_AUTO_TEST_CASE(quarantine_is_negotiated_where_any_reason_wants_it) {
    const auto asked = [](const SessionWorker::Change& change) {
        SessionWorker worker(change);
        return (worker.connect()->actions() & kQuarantine) != 0;
    };
    BOOST_TEST(!asked({}));
    BOOST_TEST(asked([](config::Config& config) { config.actions.incomplete = Action::quarantine; }));
    for (const Unseen reason : kUnseenReasons)
        BOOST_TEST(asked([reason](config::Config& config) { set(config.actions, reason, Action::quarantine); }),
                   unseen_name(reason));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_quarantined_is_refused_for_now_in_the_words_of_its_reason) {
    SessionWorker worker([](config::Config& config) { config.actions.encrypted = Action::quarantine; });
    auto scanners = worker.generation(1);
    Offer offer;
    offer.actions &= ~kQuarantine;
    auto client = ready_for_mail(worker, offer);
    const Verdict verdict = answer(*client, scanners, unseen_bit(Unseen::encrypted), "Label");
    BOOST_TEST(verdict.text() == answered(Unseen::encrypted, Action::tempfail));
    BOOST_TEST(verdict.status().empty());
    BOOST_TEST(counted(worker, Unseen::encrypted) == 1U);
}

BOOST_AUTO_TEST_CASE(the_log_says_the_reason_that_decided_all_reasons_and_which_parts) {
    SessionWorker worker;
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    const std::string evil = "2 a\nevent=message verdict=clean.zip: encrypted";
    (void)answer(*client, scanners, unseen_bit(Unseen::limit) | unseen_bit(Unseen::encrypted), "encrypted, MaxFiles",
                 evil);
    (void)answer(*client, scanners, unseen_bit(Unseen::limit), "MaxFiles", std::string(5000, 'x'));
    // A log line is written after its answer.
    wait_until("the second line", [&] { return worker.log().find(" reason=limit ") != std::string::npos; });
    const std::string log = worker.log();
    BOOST_TEST(log.find("verdict=incomplete finding=incomplete detail=\"encrypted, MaxFiles\"") != std::string::npos);
    BOOST_TEST(log.find("reason=encrypted unseen=\"encrypted, limit\" "
                        "ledger=\"2 a\\nevent=message verdict=clean.zip: encrypted\"\n") != std::string::npos);
    BOOST_TEST(log.find("reason=limit unseen=limit ledger=" + std::string(messages::kLongestLedger, 'x') + "\n") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_result_that_contradicts_itself_is_an_error_and_never_stamped_clean) {
    struct Row {
        ScanOutcome outcome;
        UnseenSet unseen;
    };
    constexpr Row rows[] = {{ScanOutcome::clean, unseen_bit(Unseen::limit)},
                            {ScanOutcome::clean, kAllUnseen + 1},
                            {ScanOutcome::incomplete, 0},
                            {ScanOutcome::incomplete, kAllUnseen + 1},
                            {ScanOutcome::incomplete, ~UnseenSet{0}}};
    SessionWorker worker([](config::Config& config) { config.actions.error = Action::accept; });
    auto scanners = worker.generation(1);
    auto client = ready_for_mail(worker);
    for (const Row& row : rows) {
        client->upload(kMail);
        client->send('E');
        FakeScanners::answer_unseen(scanners.take(), row.outcome, row.unseen);
        BOOST_TEST(client->receive_verdict().status() == "Not scanned (internal error)");
    }
    BOOST_TEST(counted(worker, Disposition::error) == std::size(rows));
    BOOST_TEST(counted(worker, Disposition::clean) == 0U);
    for (const Unseen reason : kUnseenReasons) BOOST_TEST(counted(worker, reason) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::test
