// What strangers speak, by their first bytes.
#include "supervisor/front/protocol_guess.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "workers/common/milter/packet.h"

using namespace evermilter::supervisor;

namespace {

std::span<const unsigned char> bytes(const std::string& text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};
}

std::string packet(std::uint32_t length, const std::string& content) {
    std::string result;
    for (int shift = 24; shift >= 0; shift -= 8) result += static_cast<char>((length >> shift) & 0xff);
    return result + content;
}

std::string negotiation(char version) {
    return packet(13, std::string("O\0\0\0", 4) + version + std::string("\0\0\1\xff\0\x1f\xff\xff", 8));
}

using namespace std::string_literals;

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_guess)

BOOST_AUTO_TEST_CASE(a_negotiation_of_the_versions_2_to_6_is_whole_with_its_17th_byte) {
    for (char version = 0; version < 10; ++version) {
        const std::string whole = negotiation(version);
        BOOST_REQUIRE(whole.size() == evermilter::milter::kNegotiationBytes);
        for (std::size_t length = 0; length < whole.size(); ++length) {
            BOOST_TEST((guess_protocol(bytes(whole.substr(0, length))) == Protocol::undecided));
        }
        const bool known = version >= 2 && version <= 6;
        BOOST_TEST((guess_protocol(bytes(whole)) == (known ? Protocol::negotiation : Protocol::version)));
        BOOST_TEST((guess_protocol(bytes(whole + "\0\0\0\1C"s)) == (known ? Protocol::negotiation : Protocol::version)),
                   "what follows the negotiation changes nothing");
    }
}

BOOST_AUTO_TEST_CASE(each_protocol_is_recognised) {
    struct Row {
        std::string bytes;
        Protocol expected;
    };
    const std::vector<Row> rows = {
        {"EHLO mx.example.org\r\n", Protocol::smtp},
        {"helo x\r\n", Protocol::smtp},
        {"QUIT\r\n", Protocol::smtp},
        {"MAIL FROM:<>\r\n", Protocol::smtp},
        {"GET / HTTP/1.1\r\n", Protocol::http},
        {"POST /x HTTP/1.0\r\n", Protocol::http},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::http},
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, Protocol::tls},
        {"PING", Protocol::clamd},
        {"nPING\n", Protocol::clamd},
        {"zINSTREAM\0"s, Protocol::clamd},
        {"zVERSION\0"s, Protocol::clamd},
        {"nIDSESSION\n", Protocol::clamd},
        {"SCAN /etc/passwd\n", Protocol::clamd},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", Protocol::proxy},
        {"FROM: <a@example.org>", Protocol::axigen},
        {"CNIP: 192.0.2.1", Protocol::axigen},
        {"VERI: 1", Protocol::axigen},
        {"\r\n\r\n\0\r\nQUIT\n\x21\x11"s, Protocol::proxy},
        {packet(5, "Cabcd"), Protocol::not_first},
        {packet(1, "E"), Protocol::not_first},
        {packet(20, "Mx"), Protocol::not_first},
        {packet(0x7fffffff, "O"), Protocol::oversized},
        {packet(0xffffffff, "O"), Protocol::oversized},
        {packet(0x00ffffff, ""), Protocol::oversized},
        {packet(14, "O\0\0\0\6"s), Protocol::oversized},
        {packet(65535, "O\0\0\0\6"s), Protocol::oversized},
        {packet(12, "O\0\0\0\6"s), Protocol::unknown},
        {packet(0, ""), Protocol::unknown},
        {packet(7, "?"), Protocol::unknown},
        {"status\n", Protocol::unknown},
        {"SSH-2.0-OpenSSH_9.2\r\n", Protocol::unknown},
        {"\r\n", Protocol::undecided}, // may become PROXY 2
        {"\r\n\r\n\r\n", Protocol::unknown},
    };
    for (const Row& row : rows) {
        BOOST_TEST(protocol_name(guess_protocol(bytes(row.bytes))) == protocol_name(row.expected), row.bytes);
    }
}

BOOST_AUTO_TEST_CASE(no_bytes_after_64_are_needed_for_a_decision) {
    for (int first = 0; first < 256; ++first) {
        for (const char rest : {'\0', 'A', '\xff', ' ', '\n'}) {
            const std::string text = std::string(1, static_cast<char>(first)) + std::string(kGuessBytes - 1, rest);
            BOOST_TEST((guess_protocol(bytes(text)) != Protocol::undecided), first);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_guess_that_is_made_stays_when_more_bytes_come) {
    for (const std::string& text :
         {"EHLO mx"s, "GET / HT"s, "zPING\0"s, negotiation(6), packet(0x7fffffff, "Oxxxxxx")}) {
        Protocol decided = Protocol::undecided;
        for (std::size_t length = 0; length <= text.size(); ++length) {
            const Protocol guess = guess_protocol(bytes(text.substr(0, length)));
            if (decided != Protocol::undecided) BOOST_TEST((guess == decided));
            decided = guess;
        }
        BOOST_TEST((decided != Protocol::undecided));
    }
}

BOOST_AUTO_TEST_CASE(when_no_more_comes_there_is_always_an_answer) {
    BOOST_TEST((guess_final(bytes("")) == Protocol::nothing));
    BOOST_TEST((guess_final(bytes(negotiation(6).substr(0, 16))) == Protocol::incomplete));
    BOOST_TEST((guess_final(bytes(std::string(3, '\0'))) == Protocol::incomplete));
    BOOST_TEST((guess_final(bytes("EH")) == Protocol::unknown));
    BOOST_TEST((guess_final(bytes(negotiation(6))) == Protocol::negotiation));
}

BOOST_AUTO_TEST_CASE(only_the_negotiation_of_a_scanner_of_ports_is_one) {
    const auto detects = [](const std::string& text) {
        return is_detection({reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    };
    const std::string detection = "\0\0\0\x0dO\0\0\0\x02\0\0\0\x7f\0\0\0\0"s;
    BOOST_TEST(detects(detection));
    BOOST_TEST(detects(detection + "more"));
    for (std::size_t length = 0; length < detection.size(); ++length) BOOST_TEST(!detects(detection.substr(0, length)));
    for (const std::size_t at : {8U, 12U, 16U}) { // version, actions, steps
        std::string other = detection;
        ++other[at];
        BOOST_TEST(!detects(other), at);
    }
}

BOOST_AUTO_TEST_SUITE_END()
