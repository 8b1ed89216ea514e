// What a configuration file may say, and what its author is told when it says something else.
#include "config/parse.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <ostream>

#include "config/diff.h"
#include "tests/support/command.h"

namespace data = boost::unit_test::data;
namespace config = evermilter::config;
using namespace std::chrono_literals;

namespace {

std::vector<config::Fault> faults_of(std::string_view text) {
    auto result = config::parse(text, "test.toml");
    if (!result) return std::move(result).error();
    return {};
}

config::Config parsed(std::string_view text) {
    auto result = config::parse(text, "test.toml");
    if (!result) BOOST_FAIL("refused: " << result.error().front().text());
    return std::move(result).value();
}

// A file, where its one fault is, and words that the fault must say.
struct Refused {
    const char* text;
    unsigned line;
    unsigned column;
    const char* key;
    const char* says;
};
std::ostream& operator<<(std::ostream& out, const Refused& refused) {
    return out << refused.text;
}

const Refused kRefused[] = {
    // names
    {"[milter]\nlisen = []", 2, 1, "milter.lisen", "nearest known key is milter.listen"},
    {"[milter]\nmax_size = 3", 2, 1, "milter.max_size", "nearest known key is message.max_size"},
    {"[timeouts]\nmial = \"3s\"", 2, 1, "timeouts.mial", "nearest known key is timeouts.mail"},
    {"[milter]\n\"so\\ncket\" = 3", 2, 1, "milter.\"so\\u000acket\"", "unknown key"},
    {"[timeout]\neom = \"2m\"", 1, 2, "timeout", "nearest known one is [timeouts]"},
    {"listen = 3", 1, 1, "listen", "nearest known key is milter.listen"},
    {"milter = 3", 1, 1, "milter", "write [milter]"},
    {"[milter.listen]\nx = 1", 1, 1, "milter.listen", "is a table"},
    // types
    {"[milter]\nlisten = \"unix:/x\"", 2, 10, "milter.listen", "is a string; write a list"},
    {"[milter]\nlisten = [\"/x\", 3]", 2, 17, "milter.listen", "an element is an integer"},
    {"[milter]\nmax_sessions = \"3\"", 2, 16, "milter.max_sessions", "is a string; write an integer"},
    {"[milter]\nmax_sessions = 3.5", 2, 16, "milter.max_sessions", "is a fractional number"},
    {"[milter]\nsocket_mode = 660", 2, 15, "milter.socket_mode", "is an integer; write an octal mode as a string"},
    {"[database]\nwatch = \"yes\"", 2, 9, "database.watch", "is a string; write true or false"},
    {"[database]\nmin_ratio = \"0.9\"", 2, 13, "database.min_ratio", "write a number from 0 to 1"},
    {"[database]\ndirectory = 3", 2, 13, "database.directory", "is an integer; write an absolute path"},
    {"[log]\nlevel = 2026-11-21", 2, 9, "log.level", "is a date or time"},
    {"[headers]\nadd = true", 2, 7, "headers.add", "is a boolean; write \"no\", \"add\" or \"replace\""},
    // numbers
    {"[milter]\nmax_sessions = 0", 2, 16, "milter.max_sessions", "from 1 to 1000000"},
    {"[milter]\nmax_sessions = -5", 2, 16, "milter.max_sessions", "is negative"},
    {"[scanner]\nmax_files = 4294967296", 2, 13, "scanner.max_files", "out of range"},
    {"[scanner]\nmax_recursion = 101", 2, 17, "scanner.max_recursion", "from 1 to 100"},
    {"[database]\nmin_ratio = 1.1", 2, 13, "database.min_ratio", "out of range"},
    {"[database]\nmin_ratio = nan", 2, 13, "database.min_ratio", "out of range"},
    // durations
    {"[timeouts]\nmail = 30", 2, 8, "timeouts.mail", "write \"30s\""},
    {"[timeouts]\nmail = \"30\"", 2, 8, "timeouts.mail", "cannot read \"30\""},
    {"[timeouts]\nmail = \"30 s\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\nmail = \"-3s\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\nmail = \"1.5s\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\nmail = \"1d\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\nmail = \"99ms\"", 2, 8, "timeouts.mail", "from \"100ms\""},
    {"[timeouts]\nmail = \"99999999999999999999s\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\nmail = \"9223372036854775807h\"", 2, 8, "timeouts.mail", "cannot read"},
    {"[timeouts]\neom = \"5m\"", 2, 7, "timeouts.eom", "out of range"},
    // sizes
    {"[message]\nmax_size = \"3 MB\"", 2, 12, "message.max_size", "cannot read \"3 MB\""},
    {"[message]\nmax_size = \"3MB\"", 2, 12, "message.max_size", "such as \"25MiB\""},
    {"[message]\nmax_size = \"16777216TiB\"", 2, 12, "message.max_size", "cannot read"},
    {"[message]\nmax_size = \"2GiB\"", 2, 12, "message.max_size", "out of range"},
    {"[message]\nmax_size = -1", 2, 12, "message.max_size", "is negative"},
    // modes, paths, names
    {"[milter]\nsocket_mode = \"0980\"", 2, 15, "milter.socket_mode", "octal"},
    {"[milter]\nsocket_mode = \"4755\"", 2, 15, "milter.socket_mode", "octal"},
    {"[milter]\nsocket_mode = \"rw\"", 2, 15, "milter.socket_mode", "octal"},
    {"[database]\ndirectory = \"lib\"", 2, 13, "database.directory", "not an absolute path"},
    {"[database]\ndirectory = \"\"", 2, 13, "database.directory", "is empty"},
    {"[database]\ndirectory = \"/a\\u0000b\"", 2, 13, "database.directory", "control character"},
    {"[process]\nuser = \"a b\"", 2, 8, "process.user", "not the name of a user"},
    {"[process]\nuser = \"\"", 2, 8, "process.user", "is empty"},
    {"[scanner]\nexclude_pua = [\"a\", \"b.c\"]", 2, 21, "scanner.exclude_pua", "not a plain word"},
    // addresses
    {"[milter]\nlisten = []", 2, 10, "milter.listen", "is empty"},
    {"[milter]\nlisten = [\"/a\", \"tcp:3\"]", 2, 17, "milter.listen", "write unix:/path"},
    {"[milter]\nlisten = [\"/a\", \"/a\"]", 2, 17, "milter.listen", "twice"},
    {"[status]\nsocket = \"inet:3@127.0.0.1\"", 2, 10, "status.socket", "not a unix socket"},
    {"[milter]\nallow = [\"10.0.0.1/8\"]", 2, 10, "milter.allow", "write 10.0.0.0/8"},
    {"[milter]\nallow = [\"mail.example\"]", 2, 10, "milter.allow", "names are not looked up"},
    // a listener on every address, without saying who may come
    {"[milter]\nproxy_from = [\"10.0.0.1/8\"]", 2, 15, "milter.proxy_from", "write 10.0.0.0/8"},
    {"[milter]\nlisten = [\"inet:7357@0.0.0.0\"]", 2, 10, "milter.listen", "set milter.allow"},
    {"[milter]\nlisten = [\"inet:7357@0\"]", 2, 10, "milter.listen", "set milter.allow"},
    {"[milter]\nlisten = [\"inet:7357\"]", 2, 10, "milter.listen", "set milter.allow"},
    {"[milter]\nlisten = [\"/a\", \"inet6:7357@::\"]", 2, 10, "milter.listen", "set milter.allow"},
    {"[milter]\nlisten = [\"inet6:7357@[0::0]\"]", 2, 10, "milter.listen", "set milter.allow"},
    {"[milter]\nlisten = [\"inet6:7357@::ffff:0.0.0.0\"]", 2, 10, "milter.listen", "set milter.allow"},
    // actions
    {"[actions]\nclean = \"drop\"", 2, 9, "actions.clean", "is not possible here; write \"accept\""},
    {"[actions]\nerror = \"defer\"", 2, 9, "actions.error", "\"tempfail\", \"discard\" or \"quarantine\""},
    {"[actions]\npartial = \"refuse\"", 2, 11, "actions.partial", "\"discard\" or \"quarantine\""},
    {"[actions]\nencrypted = \"\"", 2, 13, "actions.encrypted", "is not possible here"},
    {"[actions]\nlimit = true", 2, 9, "actions.limit", "is a boolean; write \"accept\""},
    {"[actions]\nunsuported = \"reject\"", 2, 1, "actions.unsuported", "nearest known key is actions.unsupported"},
    {"[actions]\ninfected = \"Reject\"", 2, 12, "actions.infected", "is not possible here"},
    // replies
    {"[actions]\nreject_text = \"virus\"", 2, 15, "actions.reject_text", "reply code"},
    {"[actions]\nreject_text = \"250 2.0.0 fine\"", 2, 15, "actions.reject_text", "class 4"},
    {"[actions]\nreject_text = \"550 virus\"", 2, 15, "actions.reject_text", "no enhanced code"},
    {"[actions]\nreject_text = \"550 5.7 virus\"", 2, 15, "actions.reject_text", "no enhanced code"},
    {"[actions]\nreject_text = \"550 5.7.1\"", 2, 15, "actions.reject_text", "no enhanced code"},
    {"[actions]\nreject_text = \"550 5.7.1 \"", 2, 15, "actions.reject_text", "no text"},
    {"[actions]\nreject_text = \"550 4.7.1 x\"", 2, 15, "actions.reject_text", "write 5.x.x after 550"},
    {"[actions]\nreject_text = \"550 5.7.1 a\\tb\"", 2, 15, "actions.reject_text", "control character"},
    {"[actions]\nreject_text = \"550 5.7.1 a\\r\\nb\"", 2, 15, "actions.reject_text", "control character"},
    {"[actions]\nreject_text = \"550 5.7.1 a\\n\\nb\"", 2, 15, "actions.reject_text", "empty line"},
    {"[actions]\nreject_text = \"550 5.7.1 a\\n\"", 2, 15, "actions.reject_text", "empty line"},
    {"[actions]\noversize_text = \"250 2.0.0 fine\"", 2, 17, "actions.oversize_text", "class 4"},
    {"[actions]\nincomplete_text = \"550 5.7.1 {part}\"", 2, 19, "actions.incomplete_text", "{generation} and {limit}"},
    {"[actions]\nreject_text = \"550 5.7.1 grün\"", 2, 15, "actions.reject_text", "beyond ASCII"},
    {"[actions]\nreject_text = \"550 5.7.1 {name}\"", 2, 15, "actions.reject_text", "{virus}, {queue_id}"},
    {"[actions]\nreject_text = \"550 5.7.1 {virus\"", 2, 15, "actions.reject_text", "is not a placeholder"},
    {"[actions]\nerror_text = \"451 4.7.1 }\"", 2, 14, "actions.error_text", "is not a placeholder"},
    // several keys
    {"[timeouts]\neom = \"82s\"", 2, 7, "timeouts.eom", "= 82s; raise timeouts.eom"},
    {"[scanner]\nmax_scan_time = \"98s\"", 2, 17, "scanner.max_scan_time", "must be above"},
    {"[scanner]\nqueue_timeout = \"53s\"", 2, 17, "scanner.queue_timeout", "must be above"},
    {"[workers]\nsession_max = 1", 2, 15, "workers.session_max", "is above workers.session_max"},
    {"[scanner]\ninclude_pua = [\"a\"]\nexclude_pua = [\"b\"]", 2, 15, "scanner.include_pua", "cannot both be set"},
    // syntax
    {"[milter\n", 1, 8, "", "syntax error"},
    {"[milter]\nmax_sessions = \n", 2, 16, "", "syntax error"},
    {"[milter]\nmax_sessions = 1\n  max_sessions = 2", 3, 3, "milter.max_sessions", "set a second time"},
    {"[log]\nlevel = \"info\"\n[milter]\n[log]\n", 4, 1, "log", "set a second time"},
    {"[milter]\nmilter.max_sessions = 1\n[milter]\n", 2, 1, "milter.milter", "unknown key"},
};

} // namespace

BOOST_AUTO_TEST_SUITE(parse)

BOOST_AUTO_TEST_CASE(an_empty_file_is_all_defaults) {
    BOOST_TEST(config::to_toml(parsed("")) == config::to_toml(config::defaults()));
}

BOOST_DATA_TEST_CASE(a_fault_is_told_with_place_key_and_remedy, data::make(kRefused), refused) {
    const auto faults = faults_of(refused.text);
    BOOST_TEST_REQUIRE(!faults.empty());
    const config::Fault& fault = faults.front();
    BOOST_TEST_CONTEXT(fault.text()) {
        BOOST_TEST(fault.file == "test.toml");
        BOOST_TEST(fault.line == refused.line);
        BOOST_TEST(fault.column == refused.column);
        BOOST_TEST(fault.key == refused.key);
        BOOST_TEST(fault.message.find(refused.says) != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_fault_reads_file_line_column_key_message) {
    BOOST_TEST((config::Fault{"a.toml", 3, 7, "log.level", "is wrong"}.text()) == "a.toml:3:7: log.level: is wrong");
    BOOST_TEST((config::Fault{"a.toml", 3, 7, "", "is wrong"}.text()) == "a.toml:3:7: is wrong");
    BOOST_TEST((config::Fault{"a.toml", 0, 0, "", "is away"}.text()) == "a.toml: is away");
}

BOOST_AUTO_TEST_CASE(all_faults_are_told_at_once_in_the_order_of_the_file) {
    const auto faults = faults_of("[workers]\nsession_min = 65\n[timeouts]\nmail = 3\nhelo = \"1\"\n[lag]\n");
    BOOST_TEST_REQUIRE(faults.size() == 4U);
    BOOST_TEST(faults[0].key == "workers.session_min"); // of two keys together
    BOOST_TEST(faults[1].key == "timeouts.mail");
    BOOST_TEST(faults[2].key == "timeouts.helo");
    BOOST_TEST(faults[3].key == "lag");
}

BOOST_AUTO_TEST_CASE(a_refused_value_is_in_no_second_fault) {
    // eom keeps its default after the refusal, with which max_scan_time would be in conflict.
    const auto faults = faults_of("[timeouts]\neom = \"4 m\"\n[scanner]\nmax_scan_time = \"2m\"\n");
    BOOST_TEST_REQUIRE(faults.size() == 1U);
    BOOST_TEST(faults[0].key == "timeouts.eom");
}

BOOST_AUTO_TEST_CASE(faults_before_a_syntax_error_are_told_with_it) {
    const auto faults = faults_of("\n[milter]\nmax_sessions = -1\nlisten = [\n\"x:/\"]\n[log\n");
    BOOST_TEST_REQUIRE(faults.size() == 3U);
    BOOST_TEST(faults[0].line == 3U);
    BOOST_TEST(faults[1].line == 5U);
    BOOST_TEST(faults[2].line == 6U);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_configuration_gets_a_bounded_answer) {
    std::string text = "[milter]\n";
    for (int i = 0; i < 10'000; ++i) text += "key" + std::to_string(i) + " = 1\n";
    const auto faults = faults_of(text);
    BOOST_TEST_REQUIRE(faults.size() == 101U);
    BOOST_TEST(faults.back().message.find("more faults") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_not_utf8_are_a_syntax_error) {
    const auto faults = faults_of("[milter]\nsocket_group = \"\xff\"\n");
    BOOST_TEST_REQUIRE(faults.size() == 1U);
    BOOST_TEST(faults[0].line == 2U);
}

BOOST_AUTO_TEST_CASE(every_way_to_write_a_key_is_read) {
    BOOST_TEST(parsed("milter.max_sessions = 7").milter.max_sessions == 7U);
    BOOST_TEST(parsed("milter = { max_sessions = 7 }").milter.max_sessions == 7U);
    BOOST_TEST(parsed("[milter]\n\"max_sessions\" = 7\r\n").milter.max_sessions == 7U);
}

BOOST_AUTO_TEST_CASE(values_arrive_in_their_fields) {
    const auto read = parsed(R"(
[milter]
listen = ["inet:0@127.0.0.1", "local:/a/b", "/c", "inet6:8891@::1"]
socket_mode = "660"
[scanner]
max_file_size = "25MiB"
max_scan_size = 1000
max_recursion = 9
temp_size = "64KiB"
exclude_pua = ["NetTool"]
scan_archive = false
[timeouts]
mail = "500ms"
rcpt = "90s"
data = "5m"
session = "1h"
[actions]
infected = "quarantine"
error = "accept"
reject_text = '554 5.7.0 {virus} in {queue_id} of {generation} at 100%'
[database]
min_ratio = 1
proof_directory = ""
[reload]
pin = "scan"
mode = "replace"
[headers]
add = "no"
[log]
target = "stderr"
level = "debug"
)");
    BOOST_TEST(read.milter.listen.size() == 4U);
    BOOST_TEST(read.milter.socket_mode == 0660U);
    BOOST_TEST(read.scanner.max_file_size.value() == 25U << 20U);
    BOOST_TEST(read.scanner.max_scan_size.value() == 1000U);
    BOOST_TEST(read.scanner.max_recursion.value() == 9U);
    BOOST_TEST(!read.scanner.max_files.has_value());
    BOOST_TEST(read.scanner.temp_size.value() == 65536U);
    BOOST_TEST(read.scanner.exclude_pua.at(0) == "NetTool");
    BOOST_TEST(!read.scanner.scan_archive);
    BOOST_TEST((read.timeouts.mail == 500ms && read.timeouts.rcpt == 90s));
    BOOST_TEST((read.timeouts.data == 5min && read.timeouts.session == 1h));
    BOOST_TEST((read.actions.infected == config::Action::quarantine && read.actions.error == config::Action::accept));
    BOOST_TEST(read.actions.reject_text == "554 5.7.0 {virus} in {queue_id} of {generation} at 100%");
    BOOST_TEST(read.database.min_ratio == 1.0);
    BOOST_TEST(read.database.proof_directory.empty());
    BOOST_TEST((read.reload.pin == config::Pin::scan && read.reload.mode == config::ReloadMode::replace));
    BOOST_TEST((read.headers.add == config::HeaderMode::no));
    BOOST_TEST((read.log.target == config::LogTarget::stderr_ && read.log.level == config::LogLevel::debug));
}

BOOST_AUTO_TEST_CASE(the_actions_of_incomplete_messages_are_not_set_but_for_fragments) {
    const auto none = parsed("").actions;
    BOOST_TEST((none.incomplete == config::Action::accept && none.partial == config::Action::reject));
    for (const auto* one : {&none.encrypted, &none.limit, &none.unsupported, &none.malformed, &none.ambiguous})
        BOOST_TEST(!one->has_value());
    const auto all = parsed(R"(
[actions]
partial = "accept"
encrypted = "quarantine"
limit = "tempfail"
unsupported = "discard"
malformed = "accept"
ambiguous = "reject"
)");
    BOOST_TEST((all.actions.partial == config::Action::accept));
    BOOST_TEST((all.actions.encrypted == config::Action::quarantine));
    BOOST_TEST((all.actions.limit == config::Action::tempfail));
    BOOST_TEST((all.actions.unsupported == config::Action::discard));
    BOOST_TEST((all.actions.malformed == config::Action::accept));
    BOOST_TEST((all.actions.ambiguous == config::Action::reject));
    const std::string canonical = config::to_toml(all);
    BOOST_TEST(canonical.find("\nencrypted = \"quarantine\"\nlimit = \"tempfail\"\n") != std::string::npos);
    BOOST_TEST(config::to_toml(parsed(canonical)) == canonical);
    BOOST_TEST(config::to_toml(parsed("")).find("\n# malformed is not set: as `actions.incomplete`\n") !=
               std::string::npos);
    // One that is set to what actions.incomplete says anyway is still set.
    BOOST_TEST(config::diff(parsed(""), parsed("[actions]\nmalformed = \"accept\"")).size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_the_file_itself_said_is_remembered) {
    BOOST_TEST(!parsed("").milter.allow_in_file);
    BOOST_TEST(parsed("[milter]\nallow = []").milter.allow_in_file);
    BOOST_TEST(!parsed("").log.target_in_file);
    BOOST_TEST(parsed("[log]\ntarget = \"syslog\"").log.target_in_file);
}

BOOST_AUTO_TEST_CASE(a_wildcard_listener_is_taken_where_allow_is_in_the_file) {
    const auto read = parsed("[milter]\nlisten = [\"inet:7357@0.0.0.0\", \"inet6:7357\"]\nallow = [\"192.0.2.0/24\"]");
    BOOST_TEST(read.milter.listen.size() == 2U);
}

BOOST_AUTO_TEST_CASE(deadlines_that_nest_are_taken_to_the_millisecond) {
    BOOST_TEST(faults_of("[timeouts]\neom = \"82001ms\"").empty());
    BOOST_TEST(faults_of("[timeouts]\neom = \"82000ms\"").size() == 1U);
    BOOST_TEST(faults_of("[timeouts]\neom = \"299999ms\"").empty());
    BOOST_TEST(faults_of("[timeouts]\neom = \"300s\"").size() == 1U);
    BOOST_TEST(
        faults_of("[scanner]\nmax_scan_time=\"100ms\"\nqueue_timeout=\"100ms\"\n[timeouts]\neom=\"7201ms\"").empty());
}

BOOST_AUTO_TEST_CASE(no_other_timeouts_are_compared_and_each_may_be_100_ms) {
    std::string text = "[timeouts]\n";
    for (const char* key :
         {"negotiate", "packet", "connect", "helo", "mail", "rcpt", "data", "header", "body", "session", "shutdown"})
        text += std::string(key) + " = \"100ms\"\n";
    BOOST_TEST(faults_of(text).empty());
}

BOOST_AUTO_TEST_CASE(a_configuration_too_large_for_its_packet_is_refused) {
    std::string text = "[milter]\nallow = [";
    for (int i = 0; i < 9000; ++i)
        text += "\"10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".0/24\",\n";
    const auto faults = faults_of(text + "]");
    BOOST_TEST_REQUIRE(faults.size() == 1U);
    BOOST_TEST(faults[0].message.find("too large") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_canonical_form_is_read_back_to_the_same_configuration) {
    const auto read = parsed(R"(
[milter]
listen = ["inet:0@127.0.0.1", "/with \"quotes\" and \\"]
socket_group = "postfix"
allow = []
[scanner]
max_file_size = "3MiB"
max_files = 0
temp_size = 12345
exclude_pua = ["A", "B"]
max_scan_time = "1500ms"
[database]
min_ratio = 0.123456789
[log]
target = "stderr"
)");
    const auto again = parsed(config::to_toml(read));
    BOOST_TEST(config::diff(read, again).empty());
    BOOST_TEST(config::to_toml(again) == config::to_toml(read));
    BOOST_TEST(again.milter.listen.at(1) == "/with \"quotes\" and \\");
    BOOST_TEST(again.scanner.max_files.value() == 0U);
}

struct Folder {
    Folder() {
        std::string pattern = "/tmp/evermilter-parse-XXXXXX";
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path;
};

BOOST_FIXTURE_TEST_CASE(a_file_is_read, Folder) {
    const std::string file = path + "/a.toml";
    std::ofstream(file) << "[milter]\nmax_sessions = 5\n";
    const auto result = config::parse_file(file);
    BOOST_TEST_REQUIRE(result.ok());
    BOOST_TEST(result->milter.max_sessions == 5U);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_cannot_be_read_is_named_with_the_reason, Folder) {
    const auto refusal = [](const std::string& file) {
        const auto result = config::parse_file(file);
        return result ? "was read" : result.error().front().text();
    };
    const std::string missing = path + "/missing.toml";
    BOOST_TEST(refusal(missing) ==
               missing + ": cannot open the configuration: No such file or directory; name the file with --config");
    BOOST_TEST(refusal(path) == path + ": is not a regular file");
    const std::string fifo = path + "/fifo";
    BOOST_TEST_REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    BOOST_TEST(refusal(fifo) == fifo + ": is not a regular file"); // and does not wait for a writer
    const std::string large = path + "/large.toml";
    std::ofstream(large) << std::string((1U << 20U) + 1, '#');
    BOOST_TEST(refusal(large).find("larger than 1 MiB") != std::string::npos);
    BOOST_TEST(refusal("/dev/null") == "was read");
    const std::string unreadable = path + "/unreadable.toml";
    std::ofstream(unreadable) << "";
    BOOST_TEST_REQUIRE(::chmod(unreadable.c_str(), 0) == 0);
    if (!evermilter::test::is_root())
        BOOST_TEST(refusal(unreadable) == unreadable + ": cannot open the configuration: Permission denied");
}

BOOST_AUTO_TEST_SUITE_END()
