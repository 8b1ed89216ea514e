// The options that ClamAV 1.4.6 reads (tests/corpus/clamav-milter-options.txt, clamd-options.txt).
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "supervisor/ctl/import/clamav_value.h"

namespace evermilter::test {

struct OptionName {
    std::string name;
    std::string kind;
    bool repeats = false;
};

inline std::vector<OptionName> option_names(const std::string& program) {
    std::ifstream file(EVERMILTER_SOURCE_DIRECTORY "/tests/corpus/" + program + "-options.txt");
    std::vector<OptionName> all;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with('#')) continue;
        std::istringstream words(line);
        OptionName one;
        std::string repeats;
        words >> one.name >> one.kind >> repeats;
        one.repeats = !repeats.empty();
        all.push_back(one);
    }
    return all;
}

inline std::string kind_text(ctl::ClamavKind kind) {
    switch (kind) {
        case ctl::ClamavKind::boolean:
            return "boolean";
        case ctl::ClamavKind::number:
            return "number";
        case ctl::ClamavKind::size:
            return "size";
        case ctl::ClamavKind::text:
            return "text";
        case ctl::ClamavKind::choice:
            return "choice";
        case ctl::ClamavKind::withdrawn:
            return "withdrawn";
    }
    return "";
}

} // namespace evermilter::test
