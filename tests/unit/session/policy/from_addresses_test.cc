// The addresses of a header field From, whatever stands around them.
#include "workers/session/policy/from_addresses.h"

#include <boost/test/unit_test.hpp>
#include <random>

using evermilter::session::from_addresses;
using evermilter::session::prepare_from_addresses;

namespace {

struct Prepared {
    Prepared() { prepare_from_addresses(); }
};

std::string all(const std::string& value) {
    std::string text;
    for (const std::string& address : from_addresses(value)) text += (text.empty() ? "" : " ") + address;
    return text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(from_addresses_, *boost::unit_test::fixture<Prepared>())

BOOST_AUTO_TEST_CASE(each_mailbox_is_found_and_nothing_of_a_display_name) {
    const struct {
        const char* value;
        const char* addresses;
    } rows[] = {
        {"a@example.org", "a@example.org"},
        {" <a@example.org>", "a@example.org"},
        {"Some Body <a@example.org>", "a@example.org"},
        {"\"b@example.net\" <a@example.org>", "a@example.org"},
        {"\"<b@example.net>\" <a@example.org>", "a@example.org"},
        {"=?utf-8?q?b=40example=2Enet?= <a@example.org>", "a@example.org"},
        {"a@example.org, Other <c@example.org>", "a@example.org c@example.org"},
        {"Some\n\tBody\n\t<a@example.org>", "a@example.org"},
        {"Group: a@example.org, c@example.org;", "a@example.org c@example.org"},
        {"a@example.org (b@example.net)", "a@example.org"},
        {"", ""},
        {"Nobody", "Nobody"},
    };
    for (const auto& row : rows) {
        const std::string found = all(row.value);
        BOOST_TEST(found == row.addresses, row.value << ": " << found);
    }
}

BOOST_AUTO_TEST_CASE(no_text_breaks_it) {
    std::mt19937 random(2005); // NOLINT(cert-msc51-cpp): the same bytes each time
    for (int round = 0; round < 5'000; ++round) {
        std::string text = "\"b\" <a@example.org>, Group: c@example.org;";
        for (auto change = random() % 8; change-- > 0;) text[random() % text.size()] = static_cast<char>(random());
        BOOST_TEST(from_addresses(text).size() < 40U);
    }
    BOOST_TEST(from_addresses(std::string(100'000, '<')).size() < 40U);
    BOOST_TEST(from_addresses(std::string(100'000, '(')).size() < 40U);
}

BOOST_AUTO_TEST_SUITE_END()
