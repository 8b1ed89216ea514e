// A set of texts: what was added is in it, and nothing else.
#include "config/text_set.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <set>

using evermilter::config::TextSet;

BOOST_AUTO_TEST_SUITE(text_set)

BOOST_AUTO_TEST_CASE(an_empty_one_has_nothing) {
    TextSet set;
    set.seal();
    BOOST_TEST(set.empty());
    BOOST_TEST(!set.contains(""));
}

BOOST_AUTO_TEST_CASE(it_has_what_was_added_and_each_once) {
    TextSet set;
    for (const char* text : {"b", "", "a", "ab", "b", "a"}) set.add(text);
    set.seal();
    BOOST_TEST(set.size() == 4U);
    for (const char* text : {"", "a", "ab", "b"}) BOOST_TEST(set.contains(text), text);
    for (const char* text : {"aa", "c", "abc", "ba", "B"}) BOOST_TEST(!set.contains(text), text);
}

BOOST_AUTO_TEST_CASE(it_agrees_with_the_library_for_any_texts) {
    BOOST_TEST(rc::check([](const std::vector<std::string>& added, const std::vector<std::string>& asked) {
        const std::set<std::string> expected(added.begin(), added.end());
        TextSet set;
        for (const std::string& text : added) set.add(text);
        set.seal();
        RC_ASSERT(set.size() == expected.size());
        for (const std::string& text : added) RC_ASSERT(set.contains(text));
        for (const std::string& text : asked) RC_ASSERT(set.contains(text) == expected.contains(text));
    }));
}

BOOST_AUTO_TEST_SUITE_END()
