// Text from clients on an operator's terminal.
#include "supervisor/ctl/printable.h"

#include <boost/test/unit_test.hpp>

using evermilter::ctl::printable;

BOOST_AUTO_TEST_SUITE(printable_)

BOOST_AUTO_TEST_CASE(control_bytes_are_shown_and_not_sent_to_the_terminal) {
    BOOST_TEST(printable("plain text") == "plain text");
    BOOST_TEST(printable("\x1b[2Jgone\n") == "\\x1b[2Jgone\\x0a");
    BOOST_TEST(printable("\x7f") == "\\x7f");
    BOOST_TEST(printable("\xc2\x9b"
                         "31m") == "\\xc2\\x9b31m");
    BOOST_TEST(printable("M\xc3\xbcller") == "M\xc3\xbcller");
}

BOOST_AUTO_TEST_CASE(what_turns_or_hides_text_and_what_is_no_utf8_is_shown_by_its_bytes) {
    BOOST_TEST(printable("id\xe2\x80\xae"
                         "gnp") == "id\\xe2\\x80\\xaegnp");
    BOOST_TEST(printable("\xe2\x80\x8b") == "\\xe2\\x80\\x8b");
    BOOST_TEST(printable("cut \xc3") == "cut \\xc3");
    BOOST_TEST(printable("\xff\xfe") == "\\xff\\xfe");
}

BOOST_AUTO_TEST_SUITE_END()
