// A look at the receive buffer: which packet is whole, and what is left of one that hung up.
#include "workers/session/libmilter/packet_peek.h"

#include <sys/socket.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "workers/common/base/unique_fd.h"

namespace evermilter::session {
namespace {

using State = PacketLook::State;
using namespace std::string_literals;
using namespace std::string_view_literals;

PacketLook judge(std::string_view head, std::size_t available) {
    return judge_packet(head, available);
}

struct Pair {
    Pair() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
        near_end.reset(ends[0]);
        far_end.reset(ends[1]);
    }
    void send(std::string_view bytes) const {
        BOOST_REQUIRE(::send(far_end.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    }
    unique_fd near_end;
    unique_fd far_end;
};

BOOST_AUTO_TEST_SUITE(packet_peek_test)

BOOST_AUTO_TEST_CASE(a_packet_is_whole_with_its_last_byte) {
    BOOST_TEST((judge("", 0).state == State::nothing));
    BOOST_TEST((judge("\0\0\0\5"sv, 4).state == State::partial));
    BOOST_TEST((judge("\0\0\0\5M"sv, 8).state == State::partial));
    const PacketLook look = judge("\0\0\0\5M"sv, 9);
    BOOST_TEST((look.state == State::whole));
    BOOST_TEST(look.command == 'M');
    BOOST_TEST((judge("\0\0\0\1Q"sv, 5).state == State::whole));
}

BOOST_AUTO_TEST_CASE(a_length_of_zero_is_judged_as_libmilter_reads_it) {
    BOOST_TEST((judge("\0\0\0\0"sv, 4).state == State::partial));
    BOOST_TEST((judge("\0\0\0\0x"sv, 5).state == State::whole));
}

BOOST_AUTO_TEST_CASE(a_packet_larger_than_a_buffer_surely_holds_goes_with_that_much) {
    BOOST_TEST((judge("\0\0\xff\xff\x42"sv, kPacketHold - 1).state == State::partial));
    BOOST_TEST((judge("\0\0\xff\xff\x42"sv, kPacketHold).state == State::whole));
}

BOOST_AUTO_TEST_CASE(an_absurd_length_is_left_to_libmilter_to_refuse) {
    BOOST_TEST((judge("GET /"sv, 5).state == State::whole));
    BOOST_TEST((judge("\xff\xff\xff\xff\x4f"sv, 5).state == State::whole));
}

BOOST_AUTO_TEST_CASE(a_look_takes_nothing_from_the_connection) {
    const Pair pair;
    BOOST_TEST((look_at_packet(pair.near_end.get()).state == State::nothing));
    pair.send("\0\0\0"sv);
    BOOST_TEST((look_at_packet(pair.near_end.get()).state == State::partial));
    pair.send("\1Q"sv);
    for (int i = 0; i < 2; ++i) BOOST_TEST((look_at_packet(pair.near_end.get()).state == State::whole));
    std::array<char, 8> read{};
    BOOST_TEST(::recv(pair.near_end.get(), read.data(), read.size(), 0) == 5);
}

BOOST_AUTO_TEST_CASE(a_peer_that_has_gone_is_seen) {
    Pair pair;
    pair.far_end.reset();
    BOOST_TEST((look_at_packet(pair.near_end.get()).state == State::ended));
}

BOOST_AUTO_TEST_CASE(whole_packets_of_one_command_and_nothing_else_are_told_from_all_others) {
    const auto header = "\0\0\0\5La\0b\0"sv;
    struct Row {
        std::string bytes;
        bool only;
    };
    const std::vector<Row> rows{
        {"", false},
        {std::string(header), true},
        {std::string(header) + std::string(header), true},
        {std::string(header) + "\0\0"s, false},
        {std::string(header.substr(0, 8)), false},
        {std::string(header) + "\0\0\0\1N"s, false},
        {"\0\0\0\1N"s, false},
        {"\0\0\0\0L"s, false},
        {"\xff\xff\xff\xffL"s, false},
        {std::string(header) + "\0\0\1\0L"s + std::string(255, 'x'), true},
        {"\0\0\1\xfcL"s + std::string(kHeldMost - 5, 'x'), false},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT(row.bytes.size() << " bytes") {
            const Pair pair;
            if (!row.bytes.empty()) pair.send(row.bytes);
            BOOST_TEST(holds_only(pair.near_end.get(), 'L') == row.only);
            BOOST_TEST(!holds_only(pair.near_end.get(), 'B'));
        }
    }
}

BOOST_AUTO_TEST_CASE(packets_that_came_one_by_one_are_all_looked_at) {
    const Pair pair;
    pair.send("\0\0\0\5La\0b\0"sv);
    pair.send("\0\0\0\5Lc\0d\0"sv);
    BOOST_TEST(holds_only(pair.near_end.get(), 'L'));
    pair.send("\0\0\0\1N"sv);
    BOOST_TEST(!holds_only(pair.near_end.get(), 'L'));
}

BOOST_AUTO_TEST_CASE(an_offer_of_no_replies_is_one_for_headers_and_body) {
    const auto offers = [](std::string_view packet) {
        const Pair pair;
        pair.send(packet);
        return offers_no_replies(pair.near_end.get());
    };
    BOOST_TEST(offers("\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"sv));
    BOOST_TEST(offers("\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x08\0\x80"sv));
    BOOST_TEST(!offers("\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\0\0\x80"sv));
    BOOST_TEST(!offers("\0\0\0\x0dO\0\0\0\2\0\0\0\x1f\0\0\0\x7f"sv));
    BOOST_TEST(!offers("\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xff"sv));
    BOOST_TEST(!offers("\0\0\0\x0dM\0\0\0\6\0\0\1\xff\0\x1f\xff\xff"sv));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace
} // namespace evermilter::session
