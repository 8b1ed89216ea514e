// How many answers the MTA gets for each packet, by libmilter's own rules (engine.c, sendreply and st_bodyend): one
// where it awaits one, none where it awaits none, whatever the callbacks came to.
#include "workers/session/answer.h"

#include <libmilter/mfdef.h>

#include <boost/test/unit_test.hpp>
#include <string>

using namespace evermilter::session;

namespace {

// What libmilter sends for a callback's return value, in letters of SMFIR_; `silent` where SMFIP_NR_ of this command
// was negotiated.
std::string sent(sfsistat returned, bool silent) {
    if (silent || returned == SMFIS_NOREPLY) return "";
    switch (returned) {
        case SMFIS_CONTINUE:
            return {SMFIR_CONTINUE};
        case SMFIS_ACCEPT:
            return {SMFIR_ACCEPT};
        case SMFIS_REJECT:
            return {SMFIR_REJECT};
        case SMFIS_TEMPFAIL:
            return {SMFIR_TEMPFAIL};
        case SMFIS_DISCARD:
            return {SMFIR_DISCARD};
        default:
            return "?";
    }
}

// SMFIC_BODYEOB that carries `data` or does not.
std::string sent_at_end(bool data, sfsistat chunk, sfsistat end) {
    if (!data || chunk == SMFIS_CONTINUE) return sent(end, false);
    return sent(chunk, false) + sent(chunk, false);
}

struct Row {
    Final final;
    const char* sent;
};
constexpr Row kFinals[] = {{Final::accept, "a"}, {Final::reject, "r"}, {Final::tempfail, "t"}, {Final::discard, "d"}};

} // namespace

BOOST_AUTO_TEST_SUITE(answer_test)

BOOST_AUTO_TEST_CASE(a_command_is_answered_once) {
    BOOST_TEST(sent(answer_command(Go::on), false) == "c");
    BOOST_TEST(sent(answer_command(Go::refused), false) == "t");
}

BOOST_AUTO_TEST_CASE(headers_and_chunks_are_not_answered_and_libmilter_is_not_told_to) {
    BOOST_TEST(answer_header() == SMFIS_NOREPLY);
    BOOST_TEST(answer_chunk(SMFIC_BODY) == SMFIS_NOREPLY);
    BOOST_TEST(sent(answer_chunk('\0'), true) == ""); // should the command not be known
}

BOOST_AUTO_TEST_CASE(an_end_of_message_is_answered_once_whether_a_chunk_comes_with_it_or_not) {
    for (const Row& row : kFinals)
        for (const bool data : {false, true})
            for (const char command : {char{SMFIC_BODYEOB}, '\0'})
                BOOST_TEST(sent_at_end(data, answer_chunk(command), answer_end_of_message(row.final)) == row.sent);
}

BOOST_AUTO_TEST_CASE(a_value_outside_the_enum_is_a_tempfail) {
    BOOST_TEST(answer_end_of_message(static_cast<Final>(99)) == SMFIS_TEMPFAIL);
    BOOST_TEST(answer_command(static_cast<Go>(99)) == SMFIS_TEMPFAIL);
}

BOOST_AUTO_TEST_SUITE_END()
