// What nests too deeply is refused before it is parsed, with its place; what only looks like it is not.
#include "config/nesting.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "config/parse.h"

using namespace evermilter::config;

namespace {

std::string name_of(std::size_t parts) {
    std::string name = "a";
    for (std::size_t i = 1; i < parts; ++i) name += ".a";
    return name;
}

std::string refusal(const std::string& text) {
    const auto parsed = parse(text, "t");
    return parsed ? "" : parsed.error().front().text();
}

} // namespace

BOOST_AUTO_TEST_SUITE(nesting)

BOOST_AUTO_TEST_CASE(names_and_brackets_up_to_the_bound_are_let_through) {
    for (const std::string& text :
         {"[" + name_of(kDeepest) + "]\n", name_of(kDeepest) + " = 1\n", "x = " + std::string(kDeepest, '['),
          std::string("x = 1.5 # ") + name_of(1000), "x = \"" + name_of(1000) + "\"\n", "x = '" + name_of(1000) + "'\n",
          "x = \"\"\"\n" + name_of(1000) + "\n\"\"\"\n", "x = '''\n" + std::string(100, '[') + "'''\n",
          "x = \"\\\"" + std::string(100, '[') + "\"\n",
          std::string("x = [1.1, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7, 8.8, 9.9, 1.1, 2.2, 3.3, 4.4, 5.5, 6.6, 7.7, 8.8]\n")})
        BOOST_TEST(!too_deep(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(what_is_deeper_is_refused_with_its_place) {
    const std::string name = name_of(kDeepest + 1);
    for (const std::string& text :
         {"\n[" + name + "]\n", "\n[[" + name + "]]\n", "\n" + name + " = 1\n", "\nx = { " + name + " = 1 }\n",
          "\nx = " + std::string(kDeepest + 1, '['), "\nx = " + std::string(kDeepest + 1, '{'),
          "\n\"\\\\\"" + name + " = 1\n", std::string("\n'") + "'" + name_of(kDeepest + 1) + "\n"}) {
        const auto deep = too_deep(text);
        BOOST_TEST_REQUIRE(deep.has_value(), text);
        BOOST_TEST(deep->line == 2U);
        BOOST_TEST(deep->column > 1U);
    }
    BOOST_TEST(too_deep("x = \"\u00e4\u00e4\" , " + name)->column == 11 + 2 * kDeepest);
}

BOOST_AUTO_TEST_CASE(a_name_of_a_hundred_thousand_parts_is_a_fault_and_not_the_end) {
    for (const std::string& text :
         {"[" + name_of(100'000) + "]\n", name_of(100'000) + " = 1\n", "x = {" + name_of(100'000) + " = 1}\n",
          "x = " + std::string(100'000, '['), "x = " + std::string(100'000, '{'), "\n" + name_of(400'000)})
        BOOST_TEST(refusal(text).find("more than 16") != std::string::npos, refusal(text));
    BOOST_TEST(refusal("[" + name_of(100'000) + "]\n").starts_with("t:1:"));
}

BOOST_AUTO_TEST_SUITE_END()
