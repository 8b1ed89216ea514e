// The milter framing: what is whole, what needs more bytes, what is no packet; and that nothing is read beyond its end.
#include "workers/common/milter/packet.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <limits>
#include <string>
#include <string_view>

namespace evermilter::milter {
namespace {

using namespace std::string_view_literals;
using State = Parsed::State;

BOOST_AUTO_TEST_SUITE(packet_test)

BOOST_AUTO_TEST_CASE(a_packet_is_whole_with_its_last_byte_and_what_follows_stays) {
    const auto bytes = "\0\0\0\4Mab\0\0\0\0\1Q"sv;
    for (std::size_t size = 0; size < 8; ++size)
        BOOST_TEST((parse_packet(bytes.substr(0, size)).state == State::partial));
    for (std::size_t size = 8; size <= bytes.size(); ++size) {
        const Parsed parsed = parse_packet(bytes.substr(0, size));
        BOOST_TEST((parsed.state == State::whole));
        BOOST_TEST(parsed.packet.command == 'M');
        BOOST_TEST(parsed.packet.data == "ab\0"sv);
        BOOST_TEST(parsed.size == 8U);
    }
    BOOST_TEST(parse_packet(bytes.substr(8)).packet.data.empty());
}

BOOST_AUTO_TEST_CASE(a_length_out_of_bounds_is_no_packet_as_soon_as_it_is_there) {
    BOOST_TEST((parse_packet("\0\0\0"sv).state == State::partial));
    BOOST_TEST((parse_packet("\0\0\0\0"sv).state == State::invalid));
    BOOST_TEST((parse_packet("\0\0\0\0Q"sv).state == State::invalid));
    BOOST_TEST((parse_packet("\0\x10\0\0B"sv).state == State::partial)); // 1 MiB
    BOOST_TEST((parse_packet("\0\x10\0\1B"sv).state == State::invalid));
    BOOST_TEST((parse_packet("\xff\xff\xff\xffO"sv).state == State::invalid));
}

BOOST_AUTO_TEST_CASE(the_largest_packet_is_read) {
    const std::string bytes = make_packet(command::kBody, std::string(kLargestData, 'x'));
    const Parsed parsed = parse_packet(bytes);
    BOOST_TEST((parsed.state == State::whole));
    BOOST_TEST(parsed.size == bytes.size());
    BOOST_TEST((parse_packet(std::string_view(bytes).substr(0, bytes.size() - 1)).state == State::partial));
}

BOOST_AUTO_TEST_CASE(a_number_is_read_only_where_all_of_it_is) {
    const auto bytes = "\x01\x02\x03\xff\0"sv;
    BOOST_TEST((number_at(bytes, 0) == 0x010203ffU));
    BOOST_TEST((number_at(bytes, 1) == 0x0203ff00U));
    BOOST_TEST(!number_at(bytes, 2));
    BOOST_TEST(!number_at(bytes, std::numeric_limits<std::size_t>::max()));
    BOOST_TEST(!number_at("\1\2\3"sv, 0));
    BOOST_TEST(!number_at({}, 0));
}

BOOST_AUTO_TEST_CASE(a_string_is_taken_only_with_its_end) {
    std::string_view data = "one\0\0two"sv;
    BOOST_TEST((take_string(data) == "one"sv));
    BOOST_TEST((take_string(data) == ""sv));
    BOOST_TEST(!take_string(data));
    BOOST_TEST(data == "two"sv);
}

BOOST_AUTO_TEST_CASE(a_negotiation_is_three_numbers_and_what_follows_is_passed_over) {
    const Negotiation offer{6, 0x1ff, 0x1fffff};
    const std::string data = negotiation_data(offer);
    BOOST_TEST(data == "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"sv);
    BOOST_TEST((read_negotiation(data) == offer));
    BOOST_TEST((read_negotiation(data + "macros") == offer));
    for (std::size_t size = 0; size < kNegotiationData; ++size)
        BOOST_TEST(!read_negotiation(std::string_view(data).substr(0, size)));
    BOOST_TEST(make_packet(command::kNegotiate, data).size() == kNegotiationBytes);
}

BOOST_AUTO_TEST_CASE(macros_are_the_command_that_they_belong_to_and_pairs_of_strings) {
    BOOST_TEST(macros_data(command::kMail, {{"i", "4Q"}, {"{mail_addr}", ""}}) ==
               "Mi\0"
               "4Q\0{mail_addr}\0\0"sv);
}

BOOST_AUTO_TEST_CASE(what_is_made_is_read_as_the_same_and_any_bytes_are_read_within_their_bounds) {
    BOOST_TEST(rc::check([](char letter, const std::string& data, const std::string& rest) {
        const std::string bytes = make_packet(letter, data) + rest;
        const Parsed parsed = parse_packet(bytes);
        RC_ASSERT(parsed.state == State::whole);
        RC_ASSERT(parsed.packet.command == letter);
        RC_ASSERT(parsed.packet.data == data);
        RC_ASSERT(bytes.substr(parsed.size) == rest);
    }));
    BOOST_TEST(rc::check([](const std::string& bytes) {
        const Parsed parsed = parse_packet(bytes);
        RC_ASSERT(parsed.size <= bytes.size());
        RC_ASSERT((parsed.state == State::whole) == (parsed.size > 0));
    }));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::milter
