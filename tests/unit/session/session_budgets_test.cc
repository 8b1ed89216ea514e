// Promises of sessions' lives: the supervisor hears of every end exactly once, the slot is free then, and what is over
// its budget is shut down.
#include "workers/session/session_budgets.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <vector>

namespace evermilter::session {
namespace {

using namespace std::chrono_literals;

config::Timeouts timeouts() {
    config::Timeouts values;
    values.negotiate = values.packet = values.connect = values.helo = values.mail = values.rcpt = 10s;
    values.data = 200s;
    values.header = values.body = values.eom = 20s;
    values.session = 100s;
    return values;
}

struct Fixture {
    Fixture() : board(std::move(*SessionBoard::create("test", 4))) {}

    std::shared_ptr<Session> open(std::uint64_t id, std::uint32_t slot) {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        mta.emplace_back(ends[1]);
        connections.emplace_back(ends[0]);
        messages::HandOver hand_over{id, slot, 3, evermilter::UnixPeer{1, 2, 3}, unique_fd(::dup(ends[0]))};
        auto session = budgets.open(hand_over);
        BOOST_REQUIRE(session.ok());
        budgets.adopted(id, ends[0]);
        return *session;
    }
    static bool ended(const unique_fd& far_end) {
        pollfd entry{far_end.get(), POLLRDHUP, 0};
        return ::poll(&entry, 1, 0) > 0;
    }
    std::vector<std::uint64_t> reported_ended() {
        std::vector<std::uint64_t> ids;
        for (const auto& message : outbox.take())
            if (const auto* one = std::get_if<messages::SessionEnded>(&message)) ids.push_back(one->session);
        return ids;
    }

    SessionBoard board;
    scanning::StoreSettings store;
    scanning::MemoryBudget memory{0};
    int woken = 0;
    scanning::Outbox outbox{[] {}};
    SessionBudgets budgets{timeouts(), board, store, memory, outbox, [this] { ++woken; }};
    std::vector<unique_fd> mta;
    std::vector<unique_fd> connections;
};

SessionBudgets::Time in(std::chrono::seconds seconds) {
    return std::chrono::steady_clock::now() + seconds;
}

BOOST_FIXTURE_TEST_SUITE(session_budgets_test, Fixture)

BOOST_AUTO_TEST_CASE(a_session_ends_once_and_frees_its_slot) {
    const auto session = open(7, 2);
    BOOST_TEST(board.slot(2).session.load() == 7);
    BOOST_TEST(board.slot(2).generation.load() == 3);
    BOOST_TEST((budgets.table().find_by_descriptor(session->descriptor) == session));
    budgets.end(*session);
    budgets.end(*session);
    BOOST_TEST(reported_ended() == std::vector<std::uint64_t>{7}, boost::test_tools::per_element());
    BOOST_TEST(board.slot(2).session.load() == 0);
    BOOST_TEST((budgets.table().find_by_descriptor(session->descriptor) == nullptr));
    BOOST_TEST(budgets.size() == 0);
}

BOOST_AUTO_TEST_CASE(a_slot_that_was_given_to_another_is_not_written_by_the_first) {
    const auto first = open(1, 0);
    budgets.end(*first);
    const auto second = open(2, 0);
    budgets.enter(*second, Stage::mail);
    budgets.enter(*first, Stage::body);
    budgets.table().show_generation(*first, 99);
    BOOST_TEST(board.slot(0).session.load() == 2);
    BOOST_TEST(board.slot(0).stage.load() == static_cast<std::uint64_t>(Stage::mail));
    BOOST_TEST(board.slot(0).generation.load() == 3);
}

BOOST_AUTO_TEST_CASE(a_slot_beyond_the_scoreboard_is_refused_and_reported) {
    messages::HandOver hand_over{9, 4, 0, evermilter::UnixPeer{1, 2, 3}, unique_fd(::dup(0))};
    BOOST_TEST(!budgets.open(hand_over).ok());
    BOOST_TEST(reported_ended() == std::vector<std::uint64_t>{9}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_what_is_over_its_budget_is_shut_down_and_counted) {
    const auto slow = open(1, 0);
    const auto uploading = open(2, 1);
    budgets.enter(*slow, Stage::helo);
    budgets.enter(*uploading, Stage::data);
    budgets.expire(in(11s));
    BOOST_TEST(ended(mta[0]));
    BOOST_TEST(slow->connection.closed());
    BOOST_TEST(!ended(mta[1]));
    BOOST_TEST(board.header().counters.get("sessions.timed_out_total", Timeout::helo) == 1);
    BOOST_TEST(board.header().counters.get("sessions.timed_out_total", Timeout::data) == 0);
    // libmilter has still to end it: the supervisor hears of it then.
    BOOST_TEST(reported_ended().empty());
}

BOOST_AUTO_TEST_CASE(an_earlier_deadline_wakes_and_a_later_one_does_not) {
    const auto session = open(1, 0);
    BOOST_TEST(woken == 1);
    BOOST_TEST((budgets.arm().has_value()));
    budgets.enter(*session, Stage::data);
    BOOST_TEST(woken == 1);
    (void)budgets.arm();
    budgets.packet_begun(session->descriptor);
    BOOST_TEST(woken == 2);
}

BOOST_AUTO_TEST_CASE(mail_is_refused_past_the_session_budget_and_always_while_draining) {
    const auto session = open(1, 0);
    budgets.enter(*session, Stage::data);
    BOOST_TEST((budgets.mail_refusal(*session) == MailRefusal::none));
    budgets.expire(in(101s));
    BOOST_TEST((budgets.mail_refusal(*session) == MailRefusal::past_session_budget));
    BOOST_TEST(!ended(mta[0]));
    budgets.refuse_mail();
    BOOST_TEST((budgets.mail_refusal(*session) == MailRefusal::draining));
}

BOOST_AUTO_TEST_CASE(a_further_smtp_session_begins_only_within_the_session_budget_and_while_the_worker_stays) {
    const auto past = open(1, 0);
    budgets.enter(*past, Stage::data);
    budgets.expire(in(101s));
    const auto fresh = open(2, 1);
    BOOST_TEST(!budgets.begin_again(*past));
    BOOST_TEST(ended(mta[0]));
    BOOST_TEST(past->connection.closed_for() == std::string("timeouts.session"));
    BOOST_TEST(budgets.begin_again(*fresh));
    BOOST_TEST((budgets.table().stage_of(*fresh) == Stage::connect));
    budgets.drain();
    BOOST_TEST(!ended(mta[1]));
    BOOST_TEST(!budgets.begin_again(*fresh));
    BOOST_TEST(ended(mta[1]));
}

BOOST_AUTO_TEST_CASE(
    an_answer_that_is_not_written_within_its_budget_is_cut_off_and_after_one_that_is_its_account_is_given) {
    const auto slow = open(1, 0);
    const auto quick = open(2, 1);
    int said = 0;
    bool all_written = true;
    for (const auto& session : {slow, quick}) {
        budgets.enter(*session, Stage::eom);
        session->after_answer = [&](bool written) {
            ++said;
            all_written = all_written && written;
        };
    }
    budgets.answered(quick->descriptor);
    budgets.answered(quick->descriptor);
    BOOST_TEST(said == 1);
    BOOST_TEST((budgets.table().stage_of(*quick) == Stage::mail));
    budgets.enter(*quick, Stage::data);
    budgets.expire(in(21s));
    BOOST_TEST(ended(mta[0]));
    BOOST_TEST(!ended(mta[1]));
    BOOST_TEST(said == 1); // the other's is given when libmilter closes
    BOOST_TEST(all_written);
    slow->speak(false);
    BOOST_TEST(said == 2);
    BOOST_TEST(!all_written);
    BOOST_TEST(board.header().counters.get("sessions.timed_out_total", Timeout::eom) == 1);
}

BOOST_AUTO_TEST_CASE(a_session_without_a_thread_is_ended_and_makes_the_worker_unfit_once) {
    const auto first = open(1, 0);
    const auto second = open(2, 1);
    budgets.unserved(first->descriptor);
    budgets.unserved(second->descriptor);
    BOOST_TEST(ended(mta[0]));
    std::size_t unfit = 0;
    std::size_t told = 0;
    for (const auto& message : outbox.take()) {
        unfit += std::holds_alternative<messages::SessionWorkerUnfit>(message) ? 1U : 0U;
        told += std::holds_alternative<messages::SessionEnded>(message) ? 1U : 0U;
    }
    BOOST_TEST(unfit == 1);
    BOOST_TEST(told == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
