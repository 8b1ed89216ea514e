// Promises of the stage clock, with a clock of the test's.
#include "workers/session/stage_clock.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

namespace evermilter::session {
namespace {

using namespace std::chrono_literals;
using Expired = StageClock::Expired;

std::string shown(const std::vector<Expired>& all) {
    std::string text;
    for (const Expired& one : all)
        text += std::to_string(one.session) + '/' + std::to_string(static_cast<int>(one.budget)) + '/' +
                stage_name(one.stage) + ' ';
    return text;
}

config::Timeouts timeouts() {
    config::Timeouts values;
    values.negotiate = 1s;
    values.packet = 15s;
    values.connect = 30s;
    values.helo = 100s;
    values.mail = 200s;
    values.rcpt = 300s;
    values.data = 3600s;
    values.header = 60s;
    values.body = 120s;
    values.eom = 110s;
    values.session = 10000s;
    return values;
}

struct Fixture {
    StageClock clock{timeouts()};
    const StageClock::Time start{};

    std::vector<Expired> at(std::chrono::seconds after) { return clock.expire(start + after); }
    void enter(Stage stage, std::chrono::seconds after) { clock.enter(1, stage, start + after); }
};

void check(const std::vector<Expired>& seen, const std::vector<Expired>& wanted) {
    BOOST_TEST(shown(seen) == shown(wanted));
}

BOOST_FIXTURE_TEST_SUITE(stage_clock_test, Fixture)

BOOST_AUTO_TEST_CASE(each_stage_has_its_own_budget) {
    for (const Stage stage :
         {Stage::connect, Stage::helo, Stage::mail, Stage::rcpt, Stage::data, Stage::header, Stage::body}) {
        StageClock one(timeouts());
        one.begin(1, start);
        one.enter(1, stage, start);
        BOOST_TEST(one.expire(start + one.budget(stage) - 1ms).empty());
        check(one.expire(start + one.budget(stage)), {{1, Budget::stage, stage}});
        // Reported once.
        BOOST_TEST(one.expire(start + one.budget(stage) + 1s).empty());
    }
}

BOOST_AUTO_TEST_CASE(a_session_that_never_negotiates_is_over_after_timeouts_negotiate) {
    clock.begin(1, start);
    BOOST_TEST((clock.next() == start + 1s));
    check(at(1s), {{1, Budget::stage, Stage::negotiate}});
}

BOOST_AUTO_TEST_CASE(headers_and_chunks_extend_no_budget) {
    clock.begin(1, start);
    for (int second = 0; second < 60; ++second) enter(Stage::header, std::chrono::seconds(second));
    check(at(60s), {{1, Budget::stage, Stage::header}});
    enter(Stage::body, 60s);
    for (int second = 61; second < 180; ++second) enter(Stage::body, std::chrono::seconds(second));
    check(at(180s), {{1, Budget::stage, Stage::body}});
}

BOOST_AUTO_TEST_CASE(each_command_is_a_new_wait) {
    clock.begin(1, start);
    enter(Stage::rcpt, 0s);
    enter(Stage::rcpt, 299s);
    BOOST_TEST(at(598s).empty());
    check(at(599s), {{1, Budget::stage, Stage::rcpt}});
}

BOOST_AUTO_TEST_CASE(an_mta_without_data_command_has_the_upload_s_time_after_rcpt) {
    clock.begin(1, start);
    clock.enter(1, Stage::rcpt, start, Stage::data);
    BOOST_TEST(at(3599s).empty());
    check(at(3600s), {{1, Budget::stage, Stage::rcpt}});
}

BOOST_AUTO_TEST_CASE(our_own_answer_has_a_budget_until_it_is_written) {
    clock.begin(1, start);
    enter(Stage::eom, 0s);
    BOOST_TEST(at(109s).empty());
    check(at(110s), {{1, Budget::stage, Stage::eom}});
}

BOOST_AUTO_TEST_CASE(bytes_of_a_packet_extend_nothing_and_its_end_ends_its_budget) {
    clock.begin(1, start);
    enter(Stage::mail, 0s);
    clock.begin_packet(1, start);
    clock.begin_packet(1, start + 10s);
    check(at(15s), {{1, Budget::packet, Stage::mail}});
    clock.begin_packet(1, start + 20s);
    clock.end_packet(1);
    BOOST_TEST(at(40s).empty());
}

BOOST_AUTO_TEST_CASE(past_the_session_budget_the_message_is_finished_and_one_more_mail_is_waited_for) {
    clock.begin(1, start);
    enter(Stage::data, 9990s);
    check(at(10000s), {{1, Budget::session, Stage::data}});
    BOOST_TEST(at(11000s).empty());
    enter(Stage::header, 11000s);
    enter(Stage::eom, 11001s);
    enter(Stage::mail, 11002s);
    // A refused MAIL begins the stage anew, not the last wait.
    enter(Stage::mail, 11100s);
    BOOST_TEST(at(11201s).empty());
    check(at(11202s), {{1, Budget::last_mail, Stage::mail}});
}

BOOST_AUTO_TEST_CASE(endless_commands_do_not_outlive_the_session_budget) {
    clock.begin(1, start);
    enter(Stage::rcpt, 9999s);
    check(at(10000s), {{1, Budget::session, Stage::rcpt}});
    for (int second = 10001; second < 10200; ++second) enter(Stage::rcpt, std::chrono::seconds(second));
    check(at(10200s), {{1, Budget::last_mail, Stage::rcpt}});
}

BOOST_AUTO_TEST_CASE(a_further_smtp_session_begins_with_its_whole_budget) {
    clock.begin(1, start);
    enter(Stage::mail, 9950s);
    check(at(10000s), {{1, Budget::session, Stage::mail}});
    clock.begin_again(1, start + 10001s);
    enter(Stage::data, 19000s);
    BOOST_TEST(at(20000s).empty());
    check(at(20001s), {{1, Budget::session, Stage::data}});
}

BOOST_AUTO_TEST_CASE(what_has_ended_never_expires_and_may_be_named) {
    clock.begin(1, start);
    clock.begin_packet(1, start);
    clock.end(1);
    clock.end(1);
    clock.enter(1, Stage::mail, start);
    clock.begin_packet(1, start);
    BOOST_TEST(!clock.next().has_value());
    BOOST_TEST(at(100000s).empty());
}

BOOST_AUTO_TEST_CASE(the_earliest_of_all_sessions_comes_first) {
    clock.begin(1, start);
    clock.begin(2, start);
    clock.enter(1, Stage::helo, start);
    clock.enter(2, Stage::connect, start);
    BOOST_TEST((clock.next() == start + 30s));
    check(at(100s), {{2, Budget::stage, Stage::connect}, {1, Budget::stage, Stage::helo}});
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
