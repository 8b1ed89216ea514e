// What is wrong with a configuration, for tests of what is refused.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "config/parse.h"

namespace evermilter::test {

// As an operator reads it, with "t" as the name of the file; empty where `text` is accepted.
inline std::vector<std::string> faults(const std::string& text) {
    std::vector<std::string> texts;
    const auto parsed = config::parse(text, "t");
    if (!parsed)
        for (const config::Fault& fault : parsed.error()) texts.push_back(fault.text());
    return texts;
}

// A text that is to be refused: where its first fault begins, and what it says.
struct Refused {
    std::string text;
    const char* place;
    const char* reason;
};
inline void check_refused(const std::vector<Refused>& rows) {
    for (const Refused& row : rows) {
        const auto said = faults(row.text);
        BOOST_TEST_CONTEXT(row.text) {
            BOOST_TEST_REQUIRE(!said.empty());
            BOOST_TEST(said[0].find(row.place) == 0U, said[0]);
            BOOST_TEST(said[0].find(row.reason) != std::string::npos, said[0]);
        }
    }
}

} // namespace evermilter::test
