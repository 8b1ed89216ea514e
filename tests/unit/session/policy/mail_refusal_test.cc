// What a MAIL that is refused hears.
#include "workers/session/policy/mail_refusal.h"

#include <boost/test/unit_test.hpp>
#include <string>

namespace evermilter::session {
namespace {

BOOST_AUTO_TEST_SUITE(mail_refusal_test)

BOOST_AUTO_TEST_CASE(every_refusal_makes_the_client_connect_again_and_has_words_of_its_own) {
    const Reply past = refusal_reply(MailRefusal::past_session_budget);
    const Reply draining = refusal_reply(MailRefusal::draining);
    for (const Reply& reply : {past, draining}) {
        BOOST_TEST(reply.code == "421");
        BOOST_TEST(reply.xcode == "4.3.2");
    }
    BOOST_TEST(past.text == "Session too long, please reconnect");
    BOOST_TEST(draining.text == "Service shutting down, try again");
    BOOST_TEST(refusal_name(MailRefusal::past_session_budget) == std::string("timeouts.session"));
    BOOST_TEST(refusal_name(MailRefusal::draining) == std::string("draining"));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
