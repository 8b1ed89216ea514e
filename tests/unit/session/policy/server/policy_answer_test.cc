// Answers of policy servers: access(5)'s actions that one recipient can have; everything else is an error.
#include "workers/session/policy/server/policy_answer.h"

#include <boost/test/unit_test.hpp>
#include <random>

using namespace evermilter::session;
using Kind = PolicyAnswer::Kind;

namespace {

PolicyAnswer parsed(const std::string& action) {
    const auto answer = parse_policy_answer("action=" + action + "\n\n");
    BOOST_REQUIRE_MESSAGE(answer.ok(), action);
    return *answer;
}

std::string shown(const PolicyAnswer& answer) {
    const char* kind = answer.kind == Kind::go_on ? "go on" : answer.kind == Kind::refuse ? "refuse" : "defer";
    return kind + std::string(" ") + answer.reply.code + " " + answer.reply.xcode + " " + answer.reply.text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(policy_answer_)

BOOST_AUTO_TEST_CASE(each_action_is_a_reply_or_goes_on) {
    const struct {
        const char* action;
        const char* means;
    } rows[] = {
        {"DUNNO", "go on   "},
        {"dunno", "go on   "},
        {"OK", "go on   "},
        {"permit", "go on   "},
        {"DUNNO with a text", "go on   "},
        {"WARN look at this", "go on   "},
        {"REJECT", "refuse 554 5.7.1 recipient refused"},
        {"REJECT not here", "refuse 554 5.7.1 not here"},
        {"REJECT 5.2.2 full", "refuse 554 5.2.2 full"},
        {"552 5.2.2 Mailbox is full", "refuse 552 5.2.2 Mailbox is full"},
        {"552 Mailbox is full", "refuse 552 5.7.1 Mailbox is full"},
        {"552", "refuse 552 5.7.1 refused"},
        {"552 4.2.2 of the other class", "refuse 552 5.7.1 4.2.2 of the other class"},
        {"450 4.2.0 greylisted", "defer 450 4.2.0 greylisted"},
        {"DEFER", "defer 450 4.7.1 try again later"},
        {"DEFER_IF_PERMIT Service is down", "defer 450 4.7.1 Service is down"},
        {"defer_if_reject 4.3.0 x", "defer 450 4.3.0 x"},
        {"  552   5.2.2   blanks \t\r", "refuse 552 5.2.2 blanks"},
        {"550 100% \xc3\xa4 \x01", "refuse 550 5.7.1 100%% ? ?"},
    };
    for (const auto& row : rows) BOOST_TEST(shown(parsed(row.action)) == row.means, row.action);
    BOOST_TEST(parsed("INFO look at this").remark == "look at this");
}

BOOST_AUTO_TEST_CASE(other_attributes_are_passed_over) {
    BOOST_TEST(parse_policy_answer("flags=1\r\naction=REJECT\r\nx\r\n\r\n").ok());
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_is_an_error) {
    for (const char* text :
         {"", "\n", "hello\n\n", "action\n\n", "ACTION=OK\n\n", "action=\n\n", "action=HOLD\n\n",
          "action=PREPEND X-A: b\n\n", "action=DISCARD\n\n", "action=REDIRECT a@b\n\n", "action=FILTER smtp:x\n\n",
          "action=BCC a@b\n\n", "action=250 fine\n\n", "action=999 x\n\n", "action=55 x\n\n", "action=5522 x\n\n",
          "action=OK\naction=OK\n\n", "action=NONSENSE\n\n"})
        BOOST_TEST(!parse_policy_answer(text).ok(), text);
    BOOST_TEST(parse_policy_answer("action=HOLD\n\n").error().what.find("HOLD") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_long_text_fits_a_line_of_smtp) {
    const PolicyAnswer answer = parsed("550 5.7.1 " + std::string(2000, '%'));
    BOOST_TEST(answer.reply.text.size() <= kSetreplyText);
    BOOST_TEST(parsed("550 5.7.1 " + std::string(2000, 'x')).reply.text.size() == kReplyLine - 3 - 5 - 4);
}

BOOST_AUTO_TEST_CASE(an_answer_ends_with_its_empty_line) {
    BOOST_TEST(end_of_answer("action=OK\n\n") == 11U);
    BOOST_TEST(end_of_answer("action=OK\r\n\r\n") == 13U);
    BOOST_TEST(end_of_answer("action=OK\n\nmore") == 11U);
    BOOST_TEST(end_of_answer("action=OK\n") == 0U);
    BOOST_TEST(end_of_answer("") == 0U);
    BOOST_TEST(end_of_answer("\n") == 1U);
}

BOOST_AUTO_TEST_CASE(whatever_a_server_sends_is_an_answer_with_a_legal_reply_or_an_error) {
    std::mt19937 random(2005); // NOLINT(cert-msc51-cpp): the same bytes each time
    const std::string seeds[] = {"action=552 5.2.2 full\n\n", "action=DEFER x\n\n", "action=DUNNO\n\n"};
    for (int round = 0; round < 20'000; ++round) {
        std::string text = seeds[random() % 3];
        for (auto change = random() % 5; change-- > 0;) text[random() % text.size()] = static_cast<char>(random());
        const auto answer = parse_policy_answer(text);
        if (!answer || answer->kind == Kind::go_on) continue;
        const char expected = answer->kind == Kind::refuse ? '5' : '4';
        BOOST_TEST_REQUIRE(answer->reply.code.size() == 3U);
        BOOST_TEST(answer->reply.code[0] == expected);
        BOOST_TEST(answer->reply.xcode[0] == expected);
        for (const char byte : answer->reply.text) BOOST_TEST((byte >= ' ' && byte <= '~'));
    }
}

BOOST_AUTO_TEST_SUITE_END()
