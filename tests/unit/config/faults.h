// What is wrong with a configuration, for tests of what is refused.
#pragma once

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

} // namespace evermilter::test
