// What a reload of the configuration finds changed, and what each change needs.
#include "config/diff.h"

#include <boost/test/unit_test.hpp>

#include "config/parse.h"

namespace config = evermilter::config;
using config::AppliesBy;

namespace {

config::Config with(std::string_view text) {
    return config::parse(text, "test").value();
}

} // namespace

BOOST_AUTO_TEST_SUITE(diff)

BOOST_AUTO_TEST_CASE(the_same_values_are_no_change_however_they_are_written) {
    BOOST_TEST(config::diff(with(""), with("")).empty());
    BOOST_TEST(
        config::diff(with(""), with("[scanner]\nmax_scan_time = \"1m\"\n[message]\nmax_size = 52428800")).empty());
    BOOST_TEST((config::most_needed({}) == AppliesBy::live));
}

BOOST_AUTO_TEST_CASE(each_change_is_told_with_both_values_and_what_it_needs) {
    const auto changes =
        config::diff(with("[process]\nuser = \"a\"\n[scanner]\nmax_files = 3"),
                     with("[process]\nuser = \"b\"\n[timeouts]\nmail = \"3s\"\n[milter]\nmax_sessions = 9"));
    BOOST_TEST_REQUIRE(changes.size() == 4U);
    BOOST_TEST(changes[0].key == "milter.max_sessions");
    BOOST_TEST((changes[0].needs == AppliesBy::live));
    BOOST_TEST((changes[0].before == "12000" && changes[0].after == "9"));
    BOOST_TEST(changes[1].key == "timeouts.mail");
    BOOST_TEST((changes[1].needs == AppliesBy::new_session_workers));
    BOOST_TEST((changes[1].before == "\"10m\"" && changes[1].after == "\"3s\""));
    BOOST_TEST(changes[2].key == "scanner.max_files");
    BOOST_TEST((changes[2].needs == AppliesBy::new_generation));
    BOOST_TEST((changes[2].before == "3" && changes[2].after.empty()));
    BOOST_TEST(changes[3].key == "process.user");
    BOOST_TEST((changes[3].needs == AppliesBy::restart));
    BOOST_TEST((config::most_needed(changes) == AppliesBy::restart));
}

BOOST_AUTO_TEST_CASE(that_a_key_stands_in_the_file_is_a_change_where_it_means_something) {
    const auto changes = config::diff(with(""), with("[log]\ntarget = \"syslog\""));
    BOOST_TEST_REQUIRE(changes.size() == 1U);
    BOOST_TEST(changes[0].key == "log.target");
}

BOOST_AUTO_TEST_CASE(another_order_is_a_change_where_the_first_that_fits_decides) {
    const std::string a = "[[rule]]\nname = \"a\"\nmatch = [\"A*\"]\n";
    const std::string b = "[[rule]]\nname = \"b\"\nmatch = [\"*\"]\n";
    const std::string c = "[[rule]]\nname = \"c\"\nmatch = [\"C*\"]\n";
    BOOST_TEST(config::diff(with(a + b), with(a + b)).empty());
    const auto changes = config::diff(with(a + b), with(b + a));
    BOOST_TEST_REQUIRE(changes.size() == 1U);
    BOOST_TEST(changes[0].key == "rule");
    BOOST_TEST((changes[0].needs == AppliesBy::new_session_workers));
    BOOST_TEST((changes[0].before == "[\"a\", \"b\"]" && changes[0].after == "[\"b\", \"a\"]"));
    const auto added = config::diff(with(a + b), with(a + c + b));
    BOOST_TEST_REQUIRE(added.size() == 1U);
    BOOST_TEST(added[0].key == "rule[c]");
    // Listeners have no order.
    const std::string x = "[[listener]]\nname = \"x\"\naddress = [\"unix:/x\"]\n";
    const std::string y = "[[listener]]\nname = \"y\"\naddress = [\"unix:/y\"]\n";
    BOOST_TEST(config::diff(with(x + y), with(y + x)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
