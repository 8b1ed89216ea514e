// What the log says of a message beyond its envelope.
#include "workers/session/message_details.h"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace evermilter;
using namespace evermilter::session;
using config::LogDetail;

BOOST_AUTO_TEST_SUITE(message_details_test)

BOOST_AUTO_TEST_CASE(the_first_of_each_field_is_kept_and_no_other_field) {
    MessageDetails details;
    details.see("Received", " from elsewhere");
    details.see("message-ID", " <1@example.org>");
    details.see("Message-ID", " <2@example.org>");
    details.see("SUBJECT", "\r\n\tfolded");
    details.see("Subject:", " another name");
    details.see("Date", "Sat, 28 Nov 2026 04:05:26 +0000");
    BOOST_TEST(details.message_id == "<1@example.org>");
    BOOST_TEST(details.subject == "folded");
    BOOST_TEST(details.date == "Sat, 28 Nov 2026 04:05:26 +0000");
}

BOOST_AUTO_TEST_CASE(what_a_client_writes_is_bounded_and_blanks_are_nothing) {
    MessageDetails details;
    details.see("Subject", std::string(100'000, 's'));
    BOOST_TEST(details.subject.size() < 2 * MessageDetails::kLongest);
    details.see("Date", " ");
    BOOST_TEST(details.date.empty());
}

BOOST_AUTO_TEST_CASE(they_are_kept_only_where_somebody_wants_them) {
    config::Config config;
    BOOST_TEST(!wants_details(config));
    config.log.clean = LogDetail::basic;
    BOOST_TEST(!wants_details(config));
    config.on_infected.command = "/bin/true";
    BOOST_TEST(wants_details(config));
    config.on_infected.command.clear();
    config.log.clean = LogDetail::full;
    BOOST_TEST(wants_details(config));
}

BOOST_AUTO_TEST_CASE(each_verdict_has_its_key_and_failures_have_none) {
    config::Log log;
    log.infected = LogDetail::full;
    log.clean = LogDetail::basic;
    for (const auto finding : {scanning::Finding::incomplete, scanning::Finding::scan_error, scanning::Finding::exempt})
        BOOST_TEST((detail_of(log, finding) == LogDetail::off));
    BOOST_TEST((detail_of(log, scanning::Finding::infected) == LogDetail::full));
    BOOST_TEST((detail_of(log, scanning::Finding::clean) == LogDetail::basic));
}

BOOST_AUTO_TEST_SUITE_END()
