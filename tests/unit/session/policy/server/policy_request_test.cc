// What a policy server is asked: no value of a stranger makes a line of its own.
#include "workers/session/policy/server/policy_request.h"

#include <array>
#include <boost/test/unit_test.hpp>

using namespace evermilter::session;

namespace {

std::uint64_t size_of(std::array<const char*, 4> parameters) {
    return announced_size(parameters.data());
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_request_)

BOOST_AUTO_TEST_CASE(it_has_a_line_for_each_attribute_and_an_empty_one) {
    PolicyQuestion question;
    question.sender = "<a@example.org>";
    question.recipient = "<b@example.net>";
    question.client_address = "192.0.2.1";
    question.helo = "mx.example.org";
    question.user = "robot";
    question.queue_id = "4Abc";
    question.size = 1234;
    question.instance = "1.2.3";
    BOOST_TEST(policy_request(question) ==
               "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address=192.0.2.1\n"
               "client_name=unknown\nhelo_name=mx.example.org\nsender=a@example.org\nrecipient=b@example.net\n"
               "recipient_count=0\nqueue_id=4Abc\ninstance=1.2.3\nsize=1234\nsasl_username=robot\n\n");
}

BOOST_AUTO_TEST_CASE(a_value_with_line_ends_stays_one_line) {
    PolicyQuestion question;
    question.sender = "<a\naction=OK\n\n@example.org>";
    question.recipient = "<b\r@example.net>";
    question.helo = std::string_view("h\0x", 3);
    const std::string request = policy_request(question);
    BOOST_TEST(request.find("\nsender=a?action=OK??@example.org\n") != std::string::npos);
    BOOST_TEST(request.find("\nrecipient=b?@example.net\n") != std::string::npos);
    BOOST_TEST(request.find("\nhelo_name=h?x\n") != std::string::npos);
    BOOST_TEST(request.find("\n\n") == request.size() - 2);
}

BOOST_AUTO_TEST_CASE(the_null_sender_is_empty) {
    BOOST_TEST(bare_address("<>").empty());
    BOOST_TEST(bare_address("a@b") == "a@b");
    BOOST_TEST(bare_address("<a@b") == "<a@b");
    BOOST_TEST(bare_address("").empty());
}

BOOST_AUTO_TEST_CASE(the_size_is_the_one_that_the_sender_announces) {
    BOOST_TEST(size_of({"BODY=8BITMIME", "SIZE=1000", nullptr, nullptr}) == 1000U);
    BOOST_TEST(size_of({"size=7", nullptr, nullptr, nullptr}) == 7U);
    BOOST_TEST(size_of({nullptr, nullptr, nullptr, nullptr}) == 0U);
    BOOST_TEST(size_of({"SIZE=", "RET=FULL", nullptr, nullptr}) == 0U);
    BOOST_TEST(size_of({"SIZE=99999999999999999999999", nullptr, nullptr, nullptr}) == 0U);
    BOOST_TEST(size_of({"SIZE=-1", nullptr, nullptr, nullptr}) == 0U);
    BOOST_TEST(announced_size(nullptr) == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
