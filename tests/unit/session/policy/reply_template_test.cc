// ReplyTemplate: every reply is one that smfi_setreply takes, whatever the text and the virus are called.
#include "workers/session/policy/reply_template.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace evermilter::session;

namespace {

ReplyTemplate parsed(const std::string& text) {
    auto result = ReplyTemplate::parse(text);
    BOOST_REQUIRE_MESSAGE(result.ok(), text << ": " << (result ? "" : result.error().what));
    return std::move(*result);
}

// What smfi_setreply asks for (libmilter, smfi.c), and that % is doubled (its documentation).
void check_setreply(const Reply& reply) {
    BOOST_TEST(reply.code.size() == 3U);
    BOOST_TEST((reply.code[0] == '4' || reply.code[0] == '5'));
    if (!reply.xcode.empty()) BOOST_TEST(reply.xcode[0] == reply.code[0]);
    BOOST_TEST(reply.text.size() <= 980U);
    BOOST_TEST(std::all_of(reply.text.begin(), reply.text.end(), [](char c) { return c >= ' ' && c <= '~'; }));
    std::size_t shown = 0;
    for (std::size_t i = 0; i < reply.text.size(); ++i, ++shown)
        if (reply.text[i] == '%') BOOST_TEST((++i < reply.text.size() && reply.text[i] == '%'));
    BOOST_TEST(reply.code.size() + 1 + reply.xcode.size() + 1 + shown + 2 <= 512U);
}

} // namespace

BOOST_AUTO_TEST_SUITE(reply_template_test)

BOOST_AUTO_TEST_CASE(codes_and_text_are_taken_apart_and_filled_in) {
    struct Row {
        std::string text;
        Reply reply;
    };
    const std::vector<Row> rows = {
        {"550 5.7.1 virus found: {virus}", {"550", "5.7.1", "virus found: Eicar"}},
        {"451 4.7.1 scanner unavailable, try again later", {"451", "4.7.1", "scanner unavailable, try again later"}},
        {"554 no enhanced code", {"554", "", "no enhanced code"}},
        {"550  5.7.1  blanks", {"550", "5.7.1", "blanks"}},
        {"550 5.7.100 id={queue_id} g={generation} {virus}{virus}", {"550", "5.7.100", "id=4ABC g=17 EicarEicar"}},
        {"550 5.7 is text", {"550", "", "5.7 is text"}},
        {"550 100% {virus}", {"550", "", "100%% Eicar"}},
    };
    for (const Row& row : rows) {
        const Reply reply = parsed(row.text).fill({"Eicar", "4ABC", 17});
        BOOST_TEST((reply == row.reply), row.text << " gave " << reply.code << '|' << reply.xcode << '|' << reply.text);
        check_setreply(reply);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_reply_is_refused) {
    for (const char* text : {"", "550", "550 ", "550 5.7.1", "550 5.7.1 ", "250 2.0.0 fine", "350 x", "55 x", "5500 x",
                             "5x0 x", "virus found", "550 4.7.1 other class", "451 5.7.1 other class",
                             "550 5.7.1 {viru}", "550 5.7.1 {", "550 5.7.1 {virus", "550 5.7.1 {}"})
        BOOST_TEST(!ReplyTemplate::parse(text).ok(), text);
}

BOOST_AUTO_TEST_CASE(nothing_that_is_filled_in_breaks_the_reply) {
    const ReplyTemplate reply = parsed("550 5.7.1 virus found: {virus} in {queue_id}");
    for (const std::string& name : std::vector<std::string>{
             "Evil\r\n250 2.0.0 fine", std::string("nul\0byte", 8), "per%cent%s%n", std::string(5000, 'a'),
             std::string(5000, '%'), "\x80\xff\xfe", "{virus}{queue_id}", "\x7f\x1b[31m", "\xc3"})
        check_setreply(reply.fill({name, name, 1}));
    BOOST_TEST(reply.fill({"{queue_id}", "x", 1}).text == "virus found: {queue_id} in x");
}

BOOST_AUTO_TEST_CASE(a_character_beyond_ascii_becomes_one_question_mark) {
    BOOST_TEST(escape_reply_text("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80!", 100) == "caf? ? ?!");
    BOOST_TEST(escape_reply_text("a\r\nb\tc", 100) == "a??b?c");
}

BOOST_AUTO_TEST_CASE(a_cut_never_halves_a_doubled_percent_sign) {
    BOOST_TEST(escape_reply_text("a%b", 2) == "a%%");
    const std::string most = escape_reply_text(std::string(979, 'a') + "%", 2000);
    BOOST_TEST(most == std::string(979, 'a'));
    BOOST_TEST(escape_reply_text(std::string(2000, '%'), 2000).size() == 980U);
}

BOOST_AUTO_TEST_CASE(the_class_follows_the_action_because_libmilter_ignores_another) {
    const ReplyTemplate reject = parsed("554 5.7.1 found {virus}");
    BOOST_TEST((reject.fill_as('5', {"V", {}, 0}) == Reply{"554", "5.7.1", "found V"}));
    BOOST_TEST((reject.fill_as('4', {"V", {}, 0}) == Reply{"451", "4.7.1", "found V"}));
    const ReplyTemplate plain = parsed("451 later");
    BOOST_TEST((plain.fill_as('5', {}) == Reply{"550", "", "later"}));
}

BOOST_AUTO_TEST_CASE(lines_stay_lines_and_nothing_that_is_filled_in_makes_one) {
    const ReplyTemplate reply = parsed("550 5.7.1 first {virus}\nsecond {limit}\nthird");
    const Reply filled = reply.fill({"A\nB\r", "x", 1, 77});
    BOOST_TEST(filled.text == "first A?B?\nsecond 77\nthird");
    std::string text = "550 5.7.1 1";
    for (std::size_t line = 2; line <= kReplyLines; ++line) text += "\n" + std::to_string(line);
    BOOST_TEST(ReplyTemplate::parse(text).ok());
    BOOST_TEST(!ReplyTemplate::parse(text + "\nmore").ok());
    // Each line is cut by itself.
    const Reply cut = parsed("550 5.7.1 {virus}\n{virus}").fill({std::string(2000, 'v'), {}, 0, 0});
    const std::size_t end = cut.text.find('\n');
    BOOST_TEST(end + 1 + end == cut.text.size());
    BOOST_TEST(end + std::string("550-5.7.1 \r\n").size() == kReplyLine);
}

BOOST_AUTO_TEST_SUITE_END()
