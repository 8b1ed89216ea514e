// The figures for Prometheus.
#include "supervisor/status/metrics.h"

#include <regex.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/command.h"
#include "tests/support/folder.h"
#include "tests/unit/supervisor/state_of_test.h"

using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;

namespace {

std::string text() {
    State state;
    fill(state);
    return metrics(view_of(state, around()));
}

// A POSIX extended expression: with sanitizers g++ 12 warns of std::regex itself.
bool matches(const std::string& text, const char* expression) {
    regex_t compiled;
    BOOST_REQUIRE(::regcomp(&compiled, expression, REG_EXTENDED | REG_NOSUB) == 0);
    const bool found = ::regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    return found;
}

} // namespace

BOOST_AUTO_TEST_SUITE(metrics_test)

BOOST_AUTO_TEST_CASE(every_line_has_the_form_of_the_exposition_format_and_eof_is_the_last) {
    constexpr const char* kSample = R"re(^[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.e+-]+$)re";
    constexpr const char* kComment = "^# (HELP [a-z_]+ .+\\.|TYPE [a-z_]+ (gauge|counter))$";
    std::istringstream lines(text());
    std::map<std::string, std::string> types;
    std::set<std::string> seen;
    bool ended = false;
    for (std::string line; std::getline(lines, line);) {
        BOOST_TEST(!ended, line);
        if (line == "# EOF") {
            ended = true;
        } else if (line.starts_with('#')) {
            BOOST_TEST(matches(line, kComment), line);
            if (line.starts_with("# TYPE ")) {
                const std::string name = line.substr(7, line.find(' ', 7) - 7);
                BOOST_TEST(types.emplace(name, line.substr(line.rfind(' ') + 1)).second,
                           "a family comes once: " << name);
            }
        } else {
            BOOST_TEST(matches(line, kSample), line);
            const std::string name = line.substr(0, line.find_first_of("{ "));
            BOOST_TEST(types.count(name) == 1U, "samples come after their type: " << name);
            BOOST_TEST(name.ends_with("_total") == (types[name] == "counter"), name);
            BOOST_TEST(seen.insert(line.substr(0, line.rfind(' '))).second, "a sample comes once: " << line);
        }
    }
    BOOST_TEST(ended);
}

BOOST_AUTO_TEST_CASE(the_figures_are_those_of_the_state) {
    const std::string all = '\n' + text();
    for (const char* line : {
             "evermilter_uptime_seconds 60",
             "evermilter_state{state=\"reloading\"} 1",
             "evermilter_state{state=\"ready\"} 0",
             "evermilter_current_generation 4",
             "evermilter_generation_signatures{generation=\"4\",state=\"active\"} 8012345",
             "evermilter_scanners{state=\"idle\"} 1",
             "evermilter_scanners{state=\"scanning\"} 1",
             "evermilter_sessions_open{stage=\"negotiate\"} 1",
             "evermilter_sessions_open{stage=\"mail\"} 1",
             "evermilter_connections_total 5",
             "evermilter_connections_refused_total{reason=\"smtp\"} 3",
             "evermilter_sessions_timed_out_total{stage=\"rcpt\"} 2",
             "evermilter_messages_total{verdict=\"clean\"} 15",
             "evermilter_messages_total{verdict=\"incomplete\"} 7",
             "evermilter_messages_incomplete_total{reason=\"partial\"} 0",
             "evermilter_messages_incomplete_total{reason=\"encrypted\"} 2",
             "evermilter_messages_incomplete_total{reason=\"limit\"} 5",
             "evermilter_messages_incomplete_total{reason=\"unsupported\"} 0",
             "evermilter_messages_incomplete_total{reason=\"malformed\"} 0",
             "evermilter_messages_incomplete_total{reason=\"ambiguous\"} 0",
             "evermilter_crashes_total{role=\"scanner\"} 1",
             "evermilter_last_reload_ok 1",
             "evermilter_last_reload_seconds 2.5",
         }) {
        BOOST_TEST(all.find('\n' + std::string(line) + '\n') != std::string::npos, line);
    }
}

BOOST_AUTO_TEST_CASE(promtool_accepts_the_figures_of_a_busy_and_of_a_fresh_service) {
    const evermilter::test::Folder folder;
    const State fresh;
    const std::filesystem::path promtool =
        std::filesystem::path(EVERMILTER_SOURCE_DIRECTORY) / "build/promtool/usr/bin/promtool";
    BOOST_REQUIRE_MESSAGE(std::filesystem::exists(promtool),
                          "contrib/install-packages --unpack build/promtool promtool has not been called");
    for (const std::string& figures : {text(), metrics(view_of(fresh, {}))}) {
        std::ofstream(folder.path("metrics")) << figures << '\n';
        const evermilter::test::Outcome outcome =
            evermilter::test::run({"/bin/sh", "-c", promtool.string() + " check metrics <" + folder.path("metrics")});
        BOOST_TEST(outcome.status == 0, outcome.output << outcome.errors);
    }
}

BOOST_AUTO_TEST_SUITE_END()
