// The effective configuration as it is shown gives the same configuration when it is read again.
#include "config/effective.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <sstream>
#include <string>

#include "config/diff.h"
#include "config/document.h"
#include "config/entries.h"
#include "config/parse.h"

namespace config = evermilter::config;
using config::Keys;

namespace {

config::Config parsed(std::string_view text) {
    const auto result = config::parse(text, "t");
    BOOST_TEST_REQUIRE(result.has_value(), (result ? "" : result.error().front().text()) << " in\n" << text);
    return *result;
}

bool same(const config::Config& one, const config::Config& other) {
    return config::diff(one, other).empty();
}

// What stands in a file only by being shown is not a change of the value.
bool same_values(const config::Config& one, const config::Config& other) {
    const auto changes = config::diff(one, other);
    return std::all_of(changes.begin(), changes.end(),
                       [](const auto& change) { return change.before == change.after; });
}

void round_trips(std::string_view text) {
    const config::Config read = parsed(text);
    const std::string all = config::effective_text(read, Keys::all);
    const std::string changed = config::effective_text(read, Keys::changed);
    BOOST_TEST(same_values(read, parsed(all)), all);
    BOOST_TEST(same(read, parsed(changed)), changed);
    BOOST_TEST(config::effective_text(parsed(changed), Keys::changed) == changed);
    BOOST_TEST(same_values(read, parsed(config::to_toml(read))), config::to_toml(read));
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(effective_test)

BOOST_AUTO_TEST_CASE(without_a_file_nothing_is_changed) {
    BOOST_TEST(config::effective_text(config::defaults(), Keys::changed) == "");
    round_trips("");
}

BOOST_AUTO_TEST_CASE(all_keys_are_shown_once_on_a_line_of_their_own) {
    std::istringstream lines(config::effective_text(config::defaults(), Keys::all));
    std::vector<std::string> shown;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# ")) line.erase(0, 2);
        shown.push_back(line.substr(0, line.find(' ')));
    }
    std::vector<std::string> keys;
    for (const config::Section& section : config::schema().sections)
        if (!section.place.repeated())
            for (const config::Row& row : section.rows) keys.emplace_back(row.key);
    BOOST_TEST(shown == keys, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_differs_is_shown_and_nothing_else) {
    BOOST_TEST(config::effective_text(parsed("[milter]\nmax_sessions = 5\n[scanner]\nmax_scan_time = \"60s\"\n"
                                             "retries = 2\n[actions]\ninfected = \"reject\"\n"),
                                      Keys::changed) == "milter.max_sessions = 5\nscanner.retries = 2\n");
    // A key for which it counts that it stands in the file.
    BOOST_TEST(config::effective_text(parsed("[milter]\nallow = [\"127.0.0.0/8\", \"::1/128\"]\n"), Keys::changed) ==
               "milter.allow = [\"127.0.0.0/8\", \"::1/128\"]\n");
}

BOOST_AUTO_TEST_CASE(each_key_alone_round_trips_with_another_value) {
    std::istringstream sample(config::sample_file());
    std::string section;
    std::size_t keys = 0;
    for (std::string line; std::getline(sample, line);) {
        if (line.starts_with("[")) section = line;
        if (line.starts_with("#[[")) section.clear(); // needs its other keys; see below
        if (section.empty() || line.size() < 2 || line[0] != '#' || line[1] == ' ') continue;
        std::string text = section + "\n" + line.substr(1) + "\n";
        if (const std::size_t at = text.find("= true"); at != std::string::npos)
            text.replace(at, 6, "= false");
        else if (const std::size_t no = text.find("= false"); no != std::string::npos)
            text.replace(no, 7, "= true");
        round_trips(text);
        ++keys;
    }
    BOOST_TEST(keys > 100U);
}

BOOST_AUTO_TEST_CASE(entries_of_repeated_sections_are_shown_behind_all_others) {
    constexpr std::string_view file = R"([[listener]]
name = "inside"
address = ["unix:/run/inside.sock"]
[[listener]]
name = "outside"
address = ["inet:7358@127.0.0.1"]
actions.infected = "discard"
headers.add = "no"
[actions]
infected = "quarantine"
[log]
level = "debug"
)";
    BOOST_TEST(config::effective_text(parsed(file), Keys::changed) == R"(actions.infected = "quarantine"
log.level = "debug"

[[listener]]
name = "inside"
address = ["unix:/run/inside.sock"]

[[listener]]
name = "outside"
address = ["inet:7358@127.0.0.1"]
actions.infected = "discard"
headers.add = "no"
)");
    round_trips(file);
}

BOOST_AUTO_TEST_CASE(a_listener_that_is_as_by_default_where_the_section_is_not_stays_so) {
    const std::string file =
        "[actions]\ninfected = \"discard\"\n[[listener]]\nname = \"a\"\naddress = [\"inet:1@127.0.0.1\"]\n"
        "actions.infected = \"reject\"\n";
    BOOST_TEST(has(config::effective_text(parsed(file), Keys::changed), "\nactions.infected = \"reject\"\n"));
    round_trips(file);
}

BOOST_AUTO_TEST_CASE(a_listener_that_empties_a_list_of_the_section_keeps_it_empty) {
    const std::string file =
        "[skip]\nusers = [\"tom\"]\nusers_file = \"/etc/users\"\n[[listener]]\nname = \"a\"\n"
        "address = [\"inet:1@127.0.0.1\"]\nskip.users = []\nskip.users_file = \"\"\n";
    const config::Config read = parsed(file);
    BOOST_TEST_REQUIRE(read.listeners.front().skip.users.empty());
    BOOST_TEST(parsed(config::to_toml(read)).listeners.front().skip.users.empty()); // as session workers get it
    BOOST_TEST(parsed(config::to_toml(read)).listeners.front().skip.users_file.empty());
    round_trips(file);
}

BOOST_AUTO_TEST_CASE(texts_of_any_kind_round_trip_and_show_nothing_that_a_terminal_obeys) {
    const std::string file =
        "[scanner]\ntemp_directory = \"/a \\\"b\\\" \\\\ 'c' \\u00e4 \\u20ac \\U0001f600 \\u202e \\u009b31m \\u2066\"\n"
        "[skip]\nusers = [\"a\\\"b\", \"/^x\\\\.y$/\", \"\\u200b\"]\n";
    round_trips(file);
    const std::string text = config::effective_text(parsed(file), Keys::changed);
    BOOST_TEST(has(text, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \\u202e \\u009b31m \\u2066\""), text);
    BOOST_TEST(parsed(text).scanner.temp_directory == parsed(file).scanner.temp_directory);
}

BOOST_AUTO_TEST_SUITE_END()
