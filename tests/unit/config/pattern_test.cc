#include "config/pattern.h"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

using namespace evermilter::config;

namespace {

PatternSet set_of(const std::vector<std::string>& texts) {
    PatternSet set;
    for (const std::string& text : texts) {
        auto pattern = parse_pattern(text);
        BOOST_REQUIRE_MESSAGE(pattern.ok(), text);
        set.add(*pattern);
    }
    set.seal();
    return set;
}

} // namespace

BOOST_AUTO_TEST_SUITE(pattern_test)

BOOST_AUTO_TEST_CASE(an_address_matches_what_it_stands_for_and_nothing_beside) {
    const struct {
        const char* pattern;
        const char* address;
        bool matches;
    } rows[] = {
        {"user@example.org", "<user@example.org>", true},
        {"user@example.org", "USER@Example.ORG", true},
        {"<user@example.org>", "user@example.org", true},
        {"user@example.org", "xuser@example.org", false},
        {"user@example.org", "user@example.org.evil.example", false},
        {"user@example.org", "<user@example.org", false},
        {"@example.org", "<anyone@example.org>", true},
        {"@example.org", "<anyone@mail.example.org>", false},
        {"@example.org", "<anyone@badexample.org>", false},
        {"@example.org", "<\"a@example.org\"@evil.example>", false},
        {"@example.org", "<@example.org>", true},
        {"@example.org", "<example.org>", false},
        {"@.example.org", "<a@mail.example.org>", true},
        {"@.example.org", "<a@x.y.EXAMPLE.org>", true},
        {"@.example.org", "<a@example.org>", false},
        {"@.example.org", "<a@badexample.org>", false},
        {"/^bounce-/", "<Bounce-17@example.org>", true},
        {"/^bounce-/", "<x-bounce-17@example.org>", false},
        {"/@(a|b)\\.example$/", "<x@b.example>", true},
        {"/@(a|b)\\.example$/", "<x@b.example.org>", false},
        {"/./", "<>", false},
        {"<>", "<>", true},
        {"<>", "", true},
        {"<>", "<a@b>", false},
        {"newsletter", "newsletter", true},
        {"newsletter", "newsletter@example.org", false},
        {"/caf\xc3\xa9/", "<caf\xc3\xa9@example.org>", true},
        {"/x/", "<\xff\xfex@example.org>", true},
    };
    for (const auto& row : rows) {
        const PatternSet set = set_of({row.pattern});
        BOOST_TEST(set.matches(row.address) == row.matches, row.pattern << " and " << row.address);
    }
    BOOST_TEST(!PatternSet().matches("<>"));
    BOOST_TEST(!set_of({"/x/"}).matches(std::string(PatternSet::kLongest + 1, 'x')));
}

BOOST_AUTO_TEST_CASE(a_set_matches_what_one_of_its_patterns_does) {
    const PatternSet set = set_of({"a@example.org", "@example.net", "@.example.com", "/^x[0-9]+@/", "/^y/"});
    for (const char* address : {"a@example.org", "b@example.net", "c@d.example.com", "x12@z", "y@z"})
        BOOST_TEST(set.matches(address), address);
    for (const char* address : {"b@example.org", "c@example.com", "x@z", "z@y"})
        BOOST_TEST(!set.matches(address), address);
}

BOOST_AUTO_TEST_CASE(a_bad_pattern_is_refused_with_the_remedy) {
    const struct {
        const char* pattern;
        const char* said;
    } rows[] = {
        {"", "write \"<>\" for the null sender"},
        {"*@example.org", "write \"@example.org\" for a domain"},
        {"a b@example.org", "holds a sign that stands for others"},
        {"/^bounce", "without its end"},
        {"/", "without its end"},
        {"//", "without its end"},
        {"/(/", "is no regular expression: missing ): ("},
        {"/a{2000}/", "is no regular expression"},
        {"/(?=x)/", "is no regular expression"},
        {"@", "names no domain"},
        {"@.", "names no domain"},
        {"@a@b", "names no domain"},
    };
    for (const auto& row : rows) {
        const auto pattern = parse_pattern(row.pattern);
        BOOST_TEST_REQUIRE(!pattern.ok(), row.pattern);
        BOOST_TEST(pattern.error().reason.find(row.said) != std::string::npos, pattern.error().reason);
    }
    BOOST_TEST(!parse_pattern(std::string(PatternSet::kLongest + 1, 'x')).ok());
}

BOOST_AUTO_TEST_SUITE_END()
