// [[rule]]: patterns of names, header fields, and what a block may say.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "config/header_field.h"
#include "config/name_glob.h"
#include "config/parse.h"
#include "tests/unit/config/faults.h"

using namespace evermilter::config;
using evermilter::test::faults;

namespace {

const std::string kBlock = "[[rule]]\nname = \"r\"\nmatch = [\"PUA.*\"]\n";

} // namespace

BOOST_AUTO_TEST_SUITE(rule_test)

BOOST_AUTO_TEST_CASE(a_pattern_fits_whole_names_and_case_does_not_count) {
    const struct {
        const char* glob;
        const char* name;
        bool fits;
    } rows[] = {
        {"PUA.*", "PUA.Win.Tool", true},
        {"pua.*", "PUA.Win.Tool", true},
        {"PUA.*", "Win.PUA.Tool", false},
        {"*.UNOFFICIAL", "Sanesecurity.Spam.1.UNOFFICIAL", true},
        {"*.UNOFFICIAL", "Sanesecurity.Spam.1.UNOFFICIAL.x", false},
        {"Heuristics.Encrypted.*", "Heuristics.Encrypted.Zip", true},
        {"Eicar", "Eicar", true},
        {"Eicar", "Eicar2", false},
        {"Eicar?", "Eicar2", true},
        {"*", "anything at all", true},
        {"a*b*c", "aXXbYYc", true},
    };
    for (const auto& row : rows)
        BOOST_TEST(matches_name(row.glob, row.name) == row.fits, row.glob << " and " << row.name);
    for (const char* bad : {"", "two words", "[a-z]", "a\\*", "\x01", "gr\xc3\xbcn"})
        BOOST_TEST(!check_name_glob(bad).ok(), bad);
}

BOOST_AUTO_TEST_CASE(a_header_field_is_one_of_one_line_and_not_ours) {
    const auto field = parse_header_field("X-Spam-Tag:   {virus} found");
    BOOST_REQUIRE(field.ok());
    BOOST_TEST(field->name == "X-Spam-Tag");
    BOOST_TEST(field->value == "{virus} found");
    for (const char* bad : {"", "X-Tag", "X-Tag:", ": x", "X Tag: x", "X-Tag: a\nBcc: b", "X-Tag: {name}", "X-Tag: }",
                            "x-virus-STATUS: Clean", "X-Virus-Scanned: x", "X-Tag: gr\xc3\xbcn"})
        BOOST_TEST(!parse_header_field(bad).ok(), bad);
    BOOST_TEST(!parse_header_field("X-Tag: " + std::string(600, 'x')).ok());
}

BOOST_AUTO_TEST_CASE(a_block_is_read_in_the_order_of_the_file_and_written_back) {
    const auto parsed = parse(kBlock +
                                  "action = \"accept\"\nheader = \"X-Tag: {virus}\"\n[[rule]]\nname = \"second\"\n"
                                  "match = [\"*.UNOFFICIAL\", \"Heuristics.*\"]\ntext = \"550 5.7.1 no {virus}\"\n"
                                  "listeners = [\"milter\"]\n",
                              "t");
    BOOST_TEST_REQUIRE(parsed.ok());
    BOOST_TEST_REQUIRE(parsed->rules.size() == 2U);
    BOOST_TEST(parsed->rules[0].name == "r");
    BOOST_TEST((parsed->rules[0].action == Action::accept && parsed->rules[1].action == Action::reject));
    BOOST_TEST(parsed->rules[1].match.size() == 2U);
    const auto again = parse(to_toml(*parsed), "t");
    BOOST_TEST_REQUIRE(again.ok());
    BOOST_TEST(to_toml(*again) == to_toml(*parsed));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_is_refused_with_its_place) {
    const struct {
        std::string text;
        const char* said;
    } rows[] = {
        {"[[rule]]\nname = \"r\"\n", "has no pattern; write one, such as match"},
        {"[[rule]]\nmatch = [\"*\"]\n", "rule[1].name: is missing"},
        {kBlock + kBlock, "another [[rule]]"},
        {kBlock + "action = \"forgive\"\n", "rule[r].action: \"forgive\""},
        {kBlock + "text = \"250 2.0.0 fine\"\n", "rule[r].text: has a reply code"},
        {kBlock + "header = \"X-Tag\"\n", "rule[r].header: \"X-Tag\" is not a header field"},
        {kBlock + "listeners = [\"submission\"]\n", "rule[r].listeners: \"submission\" is the name of no [[listener]]"},
        {kBlock + "colour = 1\n", "rule[r].colour: unknown key"},
        {"[[rule]]\nname = \"r\"\nmatch = [\"[a]\"]\n", "t:3:10: rule[r].match: \"[a]\" is not a pattern"},
        {kBlock + "[[listener]]\nname = \"milter\"\naddress = [\"unix:/x\"]\n",
         "is what rules, policies and senders call milter.listen"},
    };
    for (const auto& row : rows) {
        const auto said = faults(row.text);
        BOOST_TEST_REQUIRE(said.size() == 1U, row.text);
        BOOST_TEST(said[0].find(row.said) != std::string::npos, said[0]);
    }
}

BOOST_AUTO_TEST_SUITE_END()
