// A log line is bounded, and what it is about stands in it whole, whatever a client sends.
#include "workers/common/base/log_line.h"

#include <array>
#include <boost/test/unit_test.hpp>
#include <vector>

using namespace evermilter::log;

BOOST_AUTO_TEST_SUITE(log_line)

BOOST_AUTO_TEST_CASE(a_line_of_any_fields_is_bounded_and_its_short_ones_stand_whole) {
    for (const std::size_t size : {10UL, 500UL, 1800UL, 5000UL, 100'000UL, 3'000'000UL}) {
        for (const std::string_view unit : {"a", " ", "\"", "\n", "\xff", "\xc3\xbc", "\xf0\x9f\x98\x80"}) {
            std::string text;
            while (text.size() < size) text += unit;
            const std::array fields = {Field("verdict", "infected"), Field("from", text),
                                       Field("session", 12345),      Field("to", text),
                                       Field("client", text),        Field("size", size)};
            const std::string line = compose("event=message role=session pid=4711", fields);
            BOOST_TEST(line.size() <= kLongestLine);
            BOOST_TEST(line.starts_with("event=message role=session pid=4711 verdict=infected from="));
            BOOST_TEST(line.find(" session=12345 to=") != std::string::npos);
            BOOST_TEST(line.ends_with(" size=" + std::to_string(size)));
            if (size == 10) BOOST_TEST(line.find("[+") == std::string::npos);
            if (size >= 1800) BOOST_TEST(line.find("[+") != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_long_value_has_the_room_that_the_others_leave) {
    const std::string text(1500, 'x');
    const std::array fields = {Field("reason", text), Field("session", 1)};
    BOOST_TEST(compose("event=e", fields) == "event=e reason=" + text + " session=1");
    const std::string longer(2500, 'x');
    const std::array cut = {Field("reason", longer), Field("session", 1)};
    const std::string line = compose("event=e", cut);
    BOOST_TEST(line.size() <= kLongestLine);
    BOOST_TEST(line.size() > kLongestLine - 40);
}

BOOST_AUTO_TEST_CASE(many_long_fields_share_the_room) {
    const std::string text(100'000, 'x');
    std::vector<Field> fields;
    for (int i = 0; i < 20; ++i) fields.emplace_back("key", text);
    const std::string line = compose("event=e", fields);
    BOOST_TEST(line.size() <= kLongestLine);
    BOOST_TEST(line.find("key=xxxxxxxxxx") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_value_is_cut_between_characters_and_says_how_much_is_missing) {
    BOOST_TEST(shortened("short", 10) == "short");
    BOOST_TEST(shortened(std::string(60, 'x'), 60) == std::string(60, 'x'));
    const std::string cut = shortened(std::string(1000, 'x'), 60);
    BOOST_TEST(escape(cut).size() <= 60U);
    BOOST_TEST(cut.ends_with("[+" + std::to_string(1000 - cut.find('[')) + ']'));
    std::string umlauts;
    for (int i = 0; i < 500; ++i) umlauts += "\xc3\xbc";
    for (const std::size_t longest : {59U, 60U}) {
        const std::string half = shortened(umlauts, longest);
        BOOST_TEST(half.find('[') % 2 == 0U);
        BOOST_TEST(escape(half).find('\\') == std::string::npos);
    }
    BOOST_TEST(escape(shortened(std::string(1000, '\n'), 60)).size() <= 60U);
}

BOOST_AUTO_TEST_SUITE_END()
