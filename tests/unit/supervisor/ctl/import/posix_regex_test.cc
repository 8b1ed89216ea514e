// POSIX expressions in RE2's syntax find what the originals find.
#include "supervisor/ctl/import/posix_regex.h"

#include <regex.h>
#include <strings.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <string>

#include "config/pattern.h"

using namespace evermilter::ctl;
namespace config = evermilter::config;

namespace {

std::string translated(std::string_view text, PosixSyntax syntax, AngleBrackets brackets) {
    auto result = re2_of_posix(text, syntax, brackets);
    return result ? *result : "! " + result.error().reason;
}
std::string basic(std::string_view text) {
    return translated(text, PosixSyntax::basic, AngleBrackets::as_written);
}
std::string extended(std::string_view text) {
    return translated(text, PosixSyntax::extended, AngleBrackets::as_written);
}
std::string of_address(std::string_view text) {
    return translated(text, PosixSyntax::basic, AngleBrackets::are_ends);
}

bool posix_finds(const std::string& expression, const std::string& text, int flags) {
    regex_t compiled;
    BOOST_TEST_REQUIRE(::regcomp(&compiled, expression.c_str(), REG_ICASE | REG_NOSUB | flags) == 0, expression);
    const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    return found;
}

bool ours_finds(const std::string& expression, const std::string& text) {
    config::PatternSet set;
    set.add(config::parse_pattern("/" + expression + "/").value());
    set.seal();
    return set.matches(text);
}

constexpr std::array kAddresses = {"",
                                   "a@b",
                                   "user@example.org",
                                   "USER@Example.ORG",
                                   "user+x@example.org",
                                   "xuser@example.orgx",
                                   "a\\b@example.org",
                                   "a*b@example.org",
                                   "aab@example.org",
                                   "a]b@example.org",
                                   "a^b$c@example.org",
                                   "(a|b)@example.org",
                                   "a{2}@example.org"};

} // namespace

BOOST_AUTO_TEST_SUITE(posix_regex_test)

BOOST_AUTO_TEST_CASE(what_has_a_meaning_only_in_the_other_syntax_is_escaped) {
    BOOST_TEST(basic("a+b?(c)|{d}") == "a\\+b\\?\\(c\\)\\|\\{d\\}");
    BOOST_TEST(basic("\\(a\\)\\{2,3\\}") == "(a){2,3}");
    BOOST_TEST(basic("*a\\(*b\\)") == "\\*a(\\*b)");
    BOOST_TEST(basic("^*a^b$c$") == "^\\*a\\^b\\$c$");
    BOOST_TEST(extended("^(a|b)+$") == "^(a|b)+$");
    BOOST_TEST(extended("\\(a\\)\\{1\\}\\1") == "\\(a\\)\\{1\\}1");
    BOOST_TEST(extended("a\\.b\\d\\q") == "a\\.bdq"); // \d is a class in RE2 only
}

BOOST_AUTO_TEST_CASE(brackets_keep_what_they_hold) {
    BOOST_TEST(basic("[]a]") == "[\\]a]");
    BOOST_TEST(basic("[^]a^\\]") == "[^\\]a\\^\\\\]");
    BOOST_TEST(basic("[[:alpha:]a-z[]") == "[[:alpha:]a-z\\[]");
    BOOST_TEST(basic("[[:<:]]a[[:>:]]") == "\\ba\\b");
}

BOOST_AUTO_TEST_CASE(what_re2_does_not_have_is_refused_with_the_reason) {
    for (const char* text : {"\\(a\\)\\1", "[[.a.]]", "[[=a=]]", "[a", "a\\"})
        BOOST_TEST(basic(text).starts_with("! "), text << " gives " << basic(text));
    BOOST_TEST(extended("(?i)a").starts_with("! "));
}

BOOST_AUTO_TEST_CASE(angle_brackets_are_the_ends_of_an_address) {
    BOOST_TEST(of_address("^<user@example\\.org>$") == "^user@example\\.org$");
    BOOST_TEST(of_address("<user@example\\.org>") == "^user@example\\.org$");
    BOOST_TEST(of_address("<>") == "^$");
    BOOST_TEST(of_address("@example\\.org>") == "@example\\.org$");
}

BOOST_AUTO_TEST_CASE(an_expression_on_an_address_in_angle_brackets_finds_the_same_here) {
    for (const std::string expression :
         {"user", "user@example\\.org", "^<user@example\\.org>$", "<user@.*>", "@example\\.org>", "<>", "a*b", "a\\*b",
          "[]a^]b", "us[[:alpha:]]r@", "u\\{1\\}ser", "x\\{0,1\\}user", "(a", "a{2}", "\\$c", "^b", "b$c", "a\\\\b",
          "user+x"}) {
        const auto ours = of_address(expression);
        for (const std::string address : kAddresses)
            BOOST_TEST(ours_finds(ours, address) == posix_finds(expression, "<" + address + ">", 0),
                       expression << " as " << ours << " on " << address);
    }
}

BOOST_AUTO_TEST_CASE(where_a_bracket_was_taken_for_any_character_less_is_found_and_never_more) {
    for (const std::string expression : {"[^x]user", "..b@", "@.*org."}) {
        const auto ours = of_address(expression);
        for (const std::string address : kAddresses)
            BOOST_TEST((!ours_finds(ours, address) || posix_finds(expression, "<" + address + ">", 0)),
                       expression << " as " << ours << " on " << address);
    }
}

BOOST_AUTO_TEST_CASE(an_expression_on_a_name_finds_the_same_here) {
    for (const std::string expression : {"^(user|aab)@", "a+b", "a\\+", "user\\+x", "x?user", "a{2}b", "(a|b)", "[]a]b",
                                         "[a-b]{2}@", "^user@example\\.org$", "a\\*b", "a\\]b", "u.er"}) {
        const auto ours = extended(expression);
        for (const std::string address : kAddresses)
            BOOST_TEST(ours_finds(ours, address) == posix_finds(expression, address, REG_EXTENDED),
                       expression << " as " << ours << " on " << address);
    }
}

BOOST_AUTO_TEST_CASE(a_literal_finds_itself_and_nothing_else) {
    for (const std::string name : kAddresses)
        for (const std::string address : kAddresses)
            BOOST_TEST(ours_finds(re2_of_literal(name), address) == (::strcasecmp(name.c_str(), address.c_str()) == 0),
                       name << " on " << address);
}

BOOST_AUTO_TEST_SUITE_END()
