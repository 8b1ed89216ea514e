// The configuration in use, as evermilterctl config shows it, and that of a file, as evermilterd --dump-config does.
#include <sysexits.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "config/diff.h"
#include "config/parse.h"
#include "tests/support/command.h"
#include "tests/support/service.h"

namespace config = evermilter::config;
using namespace evermilter::test;

namespace {

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

config::Config parsed(const std::string& text) {
    const auto result = config::parse(text, "shown");
    BOOST_TEST_REQUIRE(result.has_value(), text);
    return *result;
}

Outcome dump(const std::string& file, const std::vector<std::string>& more = {}) {
    std::vector<std::string> command = {program("evermilterd"), "--config", file, "--dump-config"};
    command.insert(command.end(), more.begin(), more.end());
    return run(command);
}

} // namespace

BOOST_AUTO_TEST_SUITE(effective_config_test)

BOOST_AUTO_TEST_CASE(a_running_service_shows_what_its_file_said_and_after_a_reload_what_it_says_now) {
    Service service;
    service.start();
    const Outcome all = service.ctl({"config"});
    BOOST_TEST(all.status == EX_OK);
    const auto file = config::parse_file(service.config_file()).value();
    BOOST_TEST(parsed(all.output).database.directory == file.database.directory);
    BOOST_TEST((parsed(all.output).milter.listen == file.milter.listen));

    service.set("milter.max_sessions", "7");
    service.set("headers.max_forged", "9");
    BOOST_TEST(!has(service.ctl({"config"}).output, "milter.max_sessions = 7\n")); // not yet asked to read it
    const Outcome reload = service.ctl({"reload-config"});
    BOOST_TEST(has(reload.output, "  milter.max_sessions: "), reload.output);
    BOOST_TEST(has(reload.output, " -> 7\n"), reload.output);
    BOOST_TEST(has(reload.output, "  headers.max_forged: 100 -> 9\n"), reload.output);

    const Outcome changed = service.ctl({"config", "--changed"});
    BOOST_TEST(has(changed.output, "milter.max_sessions = 7\n"), changed.output);
    BOOST_TEST(!has(changed.output, "timeouts.helo"), changed.output);
    const auto now = config::parse_file(service.config_file()).value();
    for (const config::Change& change : config::diff(now, parsed(changed.output)))
        BOOST_TEST(change.key == "log.target"); // which --foreground decides where the file does not
    const auto document = nlohmann::json::parse(service.ctl({"--json", "config", "--changed"}).output);
    BOOST_TEST(document.at("config").at("milter").at("max_sessions") == 7);
}

BOOST_AUTO_TEST_CASE(a_file_is_shown_without_a_service_and_what_it_names_is_not_read) {
    Service service;
    std::ofstream(service.path("a.toml")) << "[skip]\nusers_file = \"/nonexistent\"\n[scanner]\nretries = 3\n";
    const Outcome changed = dump(service.path("a.toml"), {"--changed"});
    BOOST_TEST(changed.status == EX_OK);
    BOOST_TEST(changed.output == "skip.users_file = \"/nonexistent\"\nscanner.retries = 3\n");
    const Outcome all = dump(service.path("a.toml"));
    BOOST_TEST(config::diff(parsed(changed.output), parsed(all.output)).size() == 2U); // milter.allow, log.target
    BOOST_TEST(all.errors == "");
}

BOOST_AUTO_TEST_CASE(a_file_with_a_fault_is_not_shown) {
    Service service;
    std::ofstream(service.path("a.toml")) << "[scanner]\nretires = 3\n";
    const Outcome outcome = dump(service.path("a.toml"));
    BOOST_TEST(outcome.status == EX_CONFIG);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(has(outcome.errors, "a.toml:2:1: scanner.retires: unknown key"), outcome.errors);
    BOOST_TEST(dump(service.path("absent.toml")).status == EX_CONFIG);
    BOOST_TEST(run({program("evermilterd"), "--changed"}).status == EX_USAGE); // of what?
}

BOOST_AUTO_TEST_SUITE_END()
