// PROXY headers: what is taken from them, and that no bytes make the reader take more than there is.
#include "supervisor/front/proxy_header.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/proxy_header.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::test;
using namespace std::string_literals;

namespace {

ProxyRead read(std::string_view text) {
    // A copy of exactly this size, so that a sanitizer sees a byte too many.
    const std::vector<unsigned char> bytes(text.begin(), text.end());
    return read_proxy_header(bytes);
}

std::string told(const ProxyRead& read) {
    if (const auto* more = std::get_if<ProxyMore>(&read)) return "more, " + std::to_string(more->size);
    if (const auto* fault = std::get_if<ProxyFault>(&read)) {
        switch (*fault) {
            case ProxyFault::missing:
                return "missing";
            case ProxyFault::text:
                return "text";
            case ProxyFault::malformed:
                return "malformed";
            case ProxyFault::too_long:
                return "too long";
        }
    }
    const auto& header = std::get<ProxyHeader>(read);
    return std::to_string(header.size) + (header.own ? " own" : " of ") +
           (header.client ? to_text(*header.client)
            : header.own  ? ""
                          : "nobody");
}

// One that is well formed, of any family, with fields behind its addresses.
std::string any_header() {
    std::string more;
    for (auto fields = *rc::gen::inRange(0, 3); fields > 0; --fields)
        more += proxy_field(*rc::gen::inRange<std::size_t>(0, 300));
    switch (*rc::gen::inRange(0, 5)) {
        case 0:
            return proxied("192.0.2.1", *rc::gen::arbitrary<std::uint16_t>(), more);
        case 1:
            return proxied("2001:db8::1", *rc::gen::arbitrary<std::uint16_t>(), more);
        case 2:
            return proxy_header('\x21', '\x31', std::string(216, 'u') + more);
        case 3:
            return proxy_header('\x21', '\0', more);
        default:
            return proxy_header('\x20', *rc::gen::arbitrary<char>(), more);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(proxy_header_reader)

BOOST_AUTO_TEST_CASE(the_client_is_taken_from_each_family) {
    const std::vector<std::pair<std::string, std::string>> rows = {
        {proxied("192.0.2.1", 4711), "28 of 192.0.2.1:4711"},
        {proxied("192.0.2.1", 65535), "28 of 192.0.2.1:65535"},
        {proxied("2001:db8::1", 25), "52 of [2001:db8::1]:25"},
        {proxied("::ffff:192.0.2.1", 25), "52 of 192.0.2.1:25"},
        {proxied("192.0.2.1", 4711, proxy_field(300)), "331 of 192.0.2.1:4711"},
        {proxy_header('\x21', '\x31', std::string(216, 'u')), "232 of nobody"},
        {proxy_header('\x21', '\0', ""), "16 of nobody"},
        {proxy_header('\x21', '\0', "whatever"), "24 of nobody"},
        {proxy_local(), "16 own"},
        // Of the proxy's own connection nothing else means anything.
        {proxy_header('\x20', '\x11', "whatever"), "24 own"},
        {proxy_header('\x20', '\x99', ""), "16 own"},
        {proxied("192.0.2.1", 4711, std::string(kLargestProxyLength - 12, 't')), "4112 of 192.0.2.1:4711"},
    };
    for (const auto& [header, expected] : rows) {
        BOOST_TEST(told(read(header)) == expected);
        BOOST_TEST(told(read(header + "\0\0\0\x0dO"s)) == expected);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_header_of_version_2_is_told_at_the_first_byte_that_shows_it) {
    struct Row {
        std::string bytes;
        std::string expected;
        std::size_t seen_at; // bytes
    };
    const std::string start = proxy_local().substr(0, 12);
    const std::vector<Row> rows = {
        {"\0\0\0\x0dO\0\0\0\x06"s, "missing", 1},
        {"EHLO mx.example.org\r\n", "missing", 1},
        {"PRI * HTTP/2.0\r\n", "missing", 3},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "text", 6},
        {"PROXY UNKNOWN\r\n", "text", 6},
        {"\r\n\r\n\r\n", "missing", 5},
        {start.substr(0, 11) + "\r!", "missing", 12},
        {start + "\x11", "malformed", 13},                                     // version 1
        {start + "\x31", "malformed", 13},                                     // version 3
        {start + "\x22", "malformed", 13},                                     // an unknown command
        {proxy_header('\x21', '\x12', std::string(12, 'a')), "malformed", 16}, // datagrams
        {proxy_header('\x21', '\x41', std::string(12, 'a')), "malformed", 16}, // an unknown family
        {proxy_header('\x21', '\x11', std::string(11, 'a')), "malformed", 16}, // no room for the addresses
        {proxy_header('\x21', '\x21', std::string(35, 'a')), "malformed", 16},
        {proxy_header('\x21', '\x31', std::string(215, 'a')), "malformed", 16},
        {start + "\x21\x11\xff\xff"s, "too long", 16},
        {start + "\x20\0\x10\x01"s, "too long", 16},
        {start + "\x21\x11\x10\x01"s, "too long", 16},
    };
    for (const Row& row : rows) {
        for (std::size_t length = 0; length <= row.bytes.size(); ++length) {
            const std::string said = told(read(row.bytes.substr(0, length)));
            if (length < row.seen_at)
                BOOST_TEST(said.starts_with("more, "), row.bytes << " to " << length);
            else
                BOOST_TEST(said == row.expected, row.bytes << " to " << length);
        }
    }
}

// As the gate reads: never more than it is told to, in pieces of any size.
BOOST_AUTO_TEST_CASE(in_any_pieces_it_is_the_same_header_and_nothing_behind_it_is_asked_for) {
    BOOST_TEST(rc::check([] {
        const std::string header = any_header();
        const ProxyRead whole = read(header);
        RC_ASSERT(std::holds_alternative<ProxyHeader>(whole));
        RC_ASSERT(std::get<ProxyHeader>(whole).size == header.size());
        std::string got;
        for (;;) {
            const ProxyRead part = read(got);
            if (std::holds_alternative<ProxyHeader>(part)) break;
            const auto* more = std::get_if<ProxyMore>(&part);
            RC_ASSERT(more != nullptr);
            RC_ASSERT(more->size > got.size());
            RC_ASSERT(more->size <= header.size());
            got += header.substr(got.size(), *rc::gen::inRange<std::size_t>(1, more->size - got.size() + 1));
        }
        RC_ASSERT(told(read(got)) == told(whole));
    }));
}

BOOST_AUTO_TEST_CASE(any_bytes_behind_the_signature_are_a_header_within_the_bound_or_a_fault) {
    BOOST_TEST(rc::check([] {
        const auto noise = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
        const std::string bytes = proxy_local().substr(0, *rc::gen::inRange<std::size_t>(0, 14)) + noise;
        const ProxyRead result = read(bytes);
        if (const auto* more = std::get_if<ProxyMore>(&result)) {
            RC_ASSERT(more->size > bytes.size());
            RC_ASSERT(more->size <= kProxyStart + kLargestProxyLength);
        } else if (const auto* header = std::get_if<ProxyHeader>(&result)) {
            RC_ASSERT(header->size <= bytes.size());
            RC_ASSERT(header->size <= kProxyStart + kLargestProxyLength);
            RC_ASSERT(!header->own || !header->client);
        }
    }));
}

BOOST_AUTO_TEST_SUITE_END()
