// Why a session ended, by what is known when libmilter closes it.
#include "workers/session/session_end.h"

#include <libmilter/mfdef.h>

#include <boost/test/unit_test.hpp>

using evermilter::Stage;
using namespace evermilter::session;

namespace {

EndFacts facts(char command, Stage stage) {
    EndFacts made;
    made.command = command;
    made.stage = stage;
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(session_end_test)

BOOST_AUTO_TEST_CASE(quit_between_messages_is_a_good_end_whatever_was_reset_before_an_upload) {
    for (const char quit : {SMFIC_QUIT, SMFIC_QUIT_NC}) {
        EndFacts known = facts(quit, Stage::mail);
        BOOST_TEST(end_of(known).well);
        known.aborted = Unfinished{Stage::rcpt, 0};
        BOOST_TEST(end_of(known).well);
        known.aborted = Unfinished{Stage::body, 700, "Q1", "<a@b>"};
        const SessionEnd aborted = end_of(known);
        BOOST_TEST(!aborted.well);
        BOOST_TEST(aborted.reason == "the mail server aborted a message");
        BOOST_TEST((aborted.stage == Stage::body));
        BOOST_TEST(aborted.bytes == 700U);
        BOOST_TEST(aborted.queue_id == "Q1");
        BOOST_TEST(aborted.sender == "<a@b>");
    }
}

BOOST_AUTO_TEST_CASE(quit_within_a_message_is_told) {
    EndFacts known = facts(SMFIC_QUIT, Stage::data);
    known.message = Unfinished{Stage::data, 0};
    BOOST_TEST(!end_of(known).well);
    BOOST_TEST(end_of(known).reason == "QUIT within a message");
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_is_told_with_how_far_the_message_had_come) {
    EndFacts known = facts('\0', Stage::mail);
    BOOST_TEST(end_of(known).reason == "the mail server closed the connection");
    BOOST_TEST((end_of(known).stage == Stage::mail));
    known.message = Unfinished{Stage::header, 30};
    BOOST_TEST((end_of(known).stage == Stage::header));
    BOOST_TEST(end_of(known).bytes == 30U);
}

BOOST_AUTO_TEST_CASE(what_libmilter_has_not_read_of_a_connection_that_hung_up_counts) {
    EndFacts known = facts('\0', Stage::mail);
    add_rest({true, false, false, false, 0}, known);
    BOOST_TEST(end_of(known).well);
    known = facts('\0', Stage::data);
    known.message = Unfinished{Stage::data, 0};
    add_rest({false, false, true, true, 1016}, known);
    BOOST_TEST((end_of(known).stage == Stage::body));
    BOOST_TEST(end_of(known).bytes == 1016U);
    add_rest({true, true, false, false, 0}, known);
    BOOST_TEST(end_of(known).reason == "the mail server aborted a message");
}

BOOST_AUTO_TEST_CASE(what_was_closed_here_has_our_reason) {
    EndFacts known = facts('\0', Stage::helo);
    known.closed_for = "timeouts.helo";
    BOOST_TEST(end_of(known).reason == "timeouts.helo");
    BOOST_TEST(!end_of(known).well);
}

BOOST_AUTO_TEST_CASE(a_packet_that_libmilter_refuses_is_named) {
    EndFacts known = facts(SMFIC_HEADER, Stage::header);
    known.packet = 65537;
    BOOST_TEST(end_of(known).reason == "header packet of 65537 bytes, more than the 65535 of libmilter");
    known = facts(SMFIC_MAIL, Stage::mail);
    known.packet = 5;
    BOOST_TEST(end_of(known).reason == "MAIL packet of 5 bytes that libmilter cannot parse");
    known = facts('!', Stage::mail);
    known.packet = 1;
    BOOST_TEST(end_of(known).reason == "unknown packet of 1 bytes that libmilter cannot parse");
}

BOOST_AUTO_TEST_SUITE_END()
