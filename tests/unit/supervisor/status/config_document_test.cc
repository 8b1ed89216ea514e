// The configuration in use as the status socket shows it.
#include "supervisor/status/config_document.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "config/parse.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using Json = nlohmann::ordered_json;

BOOST_AUTO_TEST_SUITE(config_document_test)

BOOST_AUTO_TEST_CASE(values_have_their_types_and_what_is_not_set_is_null) {
    const Json document = config_document(config::defaults(), config::Keys::all);
    const Json& shown = document["config"];
    BOOST_TEST((shown["milter"]["listen"] == Json{"unix:/run/evermilter/milter.sock"}));
    BOOST_TEST((shown["milter"]["max_sessions"] == 12000));
    BOOST_TEST((shown["scanner"]["scan_pe"] == true));
    BOOST_TEST((shown["database"]["min_ratio"] == 0.9));
    BOOST_TEST((shown["timeouts"]["eom"] == "2m"));
    BOOST_TEST(shown["scanner"]["max_files"].is_null());
    std::size_t keys = 0;
    for (const auto& [name, section] : shown.items()) keys += section.size();
    std::size_t rows = 0;
    for (const config::Section& section : config::schema().sections)
        if (!section.place.repeated()) rows += section.rows.size();
    BOOST_TEST(keys == rows);
}

BOOST_AUTO_TEST_CASE(listeners_are_a_list_with_their_own_keys) {
    const auto config = config::parse(
        "[[listener]]\nname = \"a\"\naddress = [\"inet:1@127.0.0.1\"]\n[[listener]]\n"
        "name = \"b\"\naddress = [\"inet:2@127.0.0.1\"]\nactions.infected = \"discard\"\n",
        "t");
    BOOST_TEST_REQUIRE(config.has_value());
    const Json document = config_document(*config, config::Keys::changed);
    BOOST_TEST(document["config"].dump() ==
               R"({"listener":[{"name":"a","address":["inet:1@127.0.0.1"]},)"
               R"({"name":"b","address":["inet:2@127.0.0.1"],"actions":{"infected":"discard"}}]})");
}

BOOST_AUTO_TEST_SUITE_END()
