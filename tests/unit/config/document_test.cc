// The files that come from the schema are those that are committed, and the sample can be used as it stands.
#include "config/document.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <sstream>

#include "config/diff.h"
#include "config/parse.h"

namespace config = evermilter::config;

namespace {

std::string committed(const std::string& path) {
    std::ifstream file(EVERMILTER_SOURCE_DIRECTORY "/" + path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string refusals(std::string_view text) {
    const auto result = config::parse(text, "evermilter.toml");
    std::string all;
    if (!result)
        for (const config::Fault& fault : result.error()) all += fault.text() + "\n";
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(document)

BOOST_AUTO_TEST_CASE(the_committed_files_are_what_the_schema_gives) {
    const char* remedy = "differs from the schema; build the target config_docs and commit what it writes";
    BOOST_TEST((committed("config/evermilter.toml") == config::sample_file()), "evermilter.toml " << remedy);
    BOOST_TEST((committed("contrib/doc/configuration.md") == config::markdown()), "configuration.md " << remedy);
    BOOST_TEST((committed("contrib/man/evermilter.toml.5") == config::manual_page()), "evermilter.toml.5 " << remedy);
}

BOOST_AUTO_TEST_CASE(the_sample_is_all_defaults) {
    const std::string sample = config::sample_file();
    BOOST_TEST_REQUIRE(refusals(sample) == "");
    const auto read = config::parse(sample, "evermilter.toml").value();
    BOOST_TEST(config::diff(config::defaults(), read).empty());
}

BOOST_AUTO_TEST_CASE(every_key_of_the_sample_can_be_switched_on) {
    std::istringstream sample(config::sample_file());
    std::string uncommented;
    std::size_t keys = 0;
    for (std::string line; std::getline(sample, line);) {
        const bool key = line.size() > 1 && line[0] == '#' && line[1] != ' ';
        // The two keys that exclude each other.
        if (key && line.find("include_pua") != std::string::npos) continue;
        keys += key ? 1U : 0U;
        uncommented += (key ? line.substr(1) : line) + "\n";
    }
    BOOST_TEST(keys > 100U);
    BOOST_TEST(refusals(uncommented) == "");
}

BOOST_AUTO_TEST_SUITE_END()
