// What becomes of ClamAV's options, one by one and all together.
#include "supervisor/ctl/import/import.h"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "config/diff.h"
#include "config/parse.h"
#include "supervisor/ctl/import/clamav_option.h"
#include "tests/support/folder.h"

using namespace evermilter::ctl;
using evermilter::test::Folder;
namespace config = evermilter::config;

namespace {

ImportResult import_texts(const std::optional<std::string>& milter, const std::optional<std::string>& clamd) {
    ImportSources sources;
    if (milter) sources.milter = parse_clamav_text(*milter, "/etc/clamav/m.conf").value();
    if (clamd) sources.clamd = parse_clamav_text(*clamd, "/etc/clamav/d.conf").value();
    return import_clamav(sources);
}

std::string faults_of(const ImportResult& result) {
    std::string all;
    if (!result)
        for (const config::Fault& fault : result.error()) all += fault.text() + "\n";
    return all;
}

// The configuration that was made; the test fails where there is none, or where it is none of ours.
config::Config made(const ImportResult& result) {
    BOOST_TEST_REQUIRE(result.has_value(), faults_of(result));
    const auto read = config::parse(result->toml, "evermilter.toml");
    BOOST_TEST_REQUIRE(read.has_value(), result->toml);
    return *read;
}

std::string report_of(const ImportResult& result) {
    std::string all;
    if (result)
        for (const std::string& line : result->report) all += line + "\n";
    return all;
}

// "key = after" of all that is not as by default.
std::string changed(const ImportResult& result) {
    std::string all;
    for (const config::Change& change : config::diff(config::defaults(), made(result)))
        all += change.key + " = " + change.after + "\n";
    return all;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A value that ClamAV takes.
std::string usual_value(const ClamavOption& option, const Folder& folder) {
    const std::string name(option.name);
    if (name == "MilterSocket") return "inet:7357@127.0.0.1";
    if (name == "MilterSocketMode") return "660";
    if (name == "AllowList" || name == "Whitelist") return folder.path("list");
    if (name == "LocalNet") return "10.0.0.0/8";
    switch (option.kind) {
        case ClamavKind::boolean:
            return "yes";
        case ClamavKind::number:
            return "7";
        case ClamavKind::size:
            return "30M";
        case ClamavKind::choice:
            return option.words.starts_with("No") ? "Add" : std::string(option.words.substr(0, option.words.find(',')));
        case ClamavKind::text:
        case ClamavKind::withdrawn:
            break;
    }
    if (option.name == "LogInfected" || option.name == "LogClean") return "Full";
    if (option.name == "VirusAction") return "/usr/local/bin/found";
    return name.ends_with("Directory") ? "/srv/" + name : "word";
}

std::string line_of(const ClamavOption& option, const std::string& value) {
    return std::string(option.name) + (option.name == "Example" ? "" : " " + value) + "\n";
}

struct Both {
    const char* file;
    std::span<const ClamavOption> options;
    ImportResult operator()(const std::string& text) const {
        const bool milter = std::string_view(file) == "m.conf";
        return import_texts(milter ? std::optional(text) : std::nullopt, milter ? std::nullopt : std::optional(text));
    }
};
std::vector<Both> both() {
    return {{"m.conf", clamav_milter_options()}, {"d.conf", clamd_options()}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(import_test)

BOOST_AUTO_TEST_CASE(every_option_alone_gives_a_configuration_of_ours_and_a_line_of_the_report) {
    const Folder folder;
    std::ofstream(folder / "list") << "From:<a@example\\.org>\n<b@example\\.org>\n";
    for (const Both& file : both()) {
        for (const ClamavOption& option : file.options) {
            const auto result = file(line_of(option, usual_value(option, folder)));
            static_cast<void>(made(result));
            const std::string place = std::string("/etc/clamav/") + file.file + ":1: " + std::string(option.name);
            BOOST_TEST(has(report_of(result), place), place << " is not in:\n" << report_of(result));
            const bool carried = option.fate == Fate::same || option.fate == Fate::differs;
            const bool left_out = has(report_of(result), place) && has(report_of(result), "not carried over");
            BOOST_TEST((carried || left_out || has(report_of(result), "needs no key")), report_of(result));
            if (option.fate == Fate::same) BOOST_TEST(has(report_of(result), "-> "), report_of(result));
        }
    }
}

BOOST_AUTO_TEST_CASE(all_options_together_give_a_configuration_of_ours) {
    const Folder folder;
    std::ofstream(folder / "list") << "From:<a@example\\.org>\n<b@example\\.org>\n";
    std::vector<std::string> texts;
    for (const Both& file : both()) {
        texts.emplace_back();
        for (const ClamavOption& option : file.options) texts.back() += line_of(option, usual_value(option, folder));
    }
    const auto result = import_texts(texts[0], texts[1]);
    static_cast<void>(made(result));
    BOOST_TEST(std::count(result->toml.begin(), result->toml.end(), '=') > 60);
}

BOOST_AUTO_TEST_CASE(whatever_the_value_it_is_a_fault_of_the_file_or_the_result_is_a_configuration_of_ours) {
    const std::vector<std::string> values = {"0",
                                             "1",
                                             "4294967296",
                                             "99999999999999999999",
                                             "no",
                                             "8G",
                                             "/",
                                             "/tmp",
                                             "/tmp/",
                                             "/etc/../x",
                                             "relative/path",
                                             "a \"b\" \\ 'c'",
                                             "\"\"\"",
                                             "'''",
                                             "\\u0041\\x41",
                                             "\xc3\xa4\xe2\x82\xac",
                                             "%v%v%%{virus}{x}}{",
                                             "inet:7357",
                                             "inet:0@::",
                                             "unix:/a/" + std::string(200, 'x'),
                                             "/var/lib/evermilter",
                                             "/run/evermilter/status.sock",
                                             "((",
                                             "^(a|b)$",
                                             "[",
                                             "local",
                                             "host/8",
                                             "1.2.3.4/33",
                                             "::/0",
                                             ".",
                                             "# = [x]",
                                             std::string(5000, '/')};
    std::size_t made_of_it = 0;
    for (const Both& file : both()) {
        for (const ClamavOption& option : file.options) {
            for (const std::string& value : values) {
                const auto text = parse_clamav_text(line_of(option, value), "/etc/clamav/x.conf");
                if (!text) continue; // said by the reader of the file
                const auto result = file(line_of(option, value));
                if (result) {
                    static_cast<void>(made(result));
                    ++made_of_it;
                    continue;
                }
                for (const config::Fault& fault : result.error())
                    BOOST_TEST((has(fault.file, file.file) && fault.line == 1 && fault.key == option.name),
                               fault.text() << " of " << option.name << " " << value);
            }
        }
    }
    BOOST_TEST(made_of_it > 1000U);
}

BOOST_AUTO_TEST_CASE(without_options_a_message_fares_as_with_clamav_milter) {
    BOOST_TEST(changed(import_texts("", {})) ==
               "actions.infected = \"quarantine\"\nheaders.add = \"no\"\nmessage.max_size = \"100MiB\"\n");
    BOOST_TEST(changed(import_texts({}, "")) == "");
}

BOOST_AUTO_TEST_CASE(actions_have_other_names_here) {
    const struct {
        const char* theirs;
        const char* ours;
    } rows[] = {{"Accept", "accept"},
                {"reject", "reject"},
                {"DEFER", "tempfail"},
                {"Blackhole", "discard"},
                {"Quarantine", "quarantine"}};
    for (const auto& row : rows) {
        const auto result = import_texts(std::string("OnInfected ") + row.theirs, {});
        BOOST_TEST(has(result->toml, std::string("infected = \"") + row.ours + "\"\n"), row.theirs);
    }
    BOOST_TEST(has(import_texts("OnFail Accept", {})->toml, "error = \"accept\"\n"));
    BOOST_TEST(
        has(faults_of(import_texts("OnFail Quarantine", {})),
            "/etc/clamav/m.conf:1:1: OnFail: \"Quarantine\" is not possible; write one of Accept, Reject, Defer"));
    BOOST_TEST(has(import_texts("LogInfected Full\nLogClean Basic\n", {})->toml, "infected = \"full\"\n"));
    BOOST_TEST(has(faults_of(import_texts("LogClean much", {})), "write one of Off, Basic, Full"));
    BOOST_TEST(has(import_texts("VirusAction /usr/bin/found", {})->toml, "command = \"/usr/bin/found\"\n"));
    BOOST_TEST(has(report_of(import_texts("VirusAction found", {})), "on_infected.command is an absolute path"));
    BOOST_TEST(has(import_texts("OnClean Quarantine", {})->toml, "clean = \"quarantine\"\n"));
}

BOOST_AUTO_TEST_CASE(a_socket_for_every_address_is_opened_to_this_machine_and_that_is_said) {
    const auto result = import_texts("MilterSocket inet:7357\n", {});
    const auto config = made(result);
    BOOST_TEST(config.milter.listen.front() == "inet:7357");
    BOOST_TEST(config.milter.allow_in_file);
    BOOST_TEST((config.milter.allow == config::defaults().milter.allow));
    BOOST_TEST(has(report_of(result), "add your mail servers to milter.allow"));
    BOOST_TEST(!made(import_texts("MilterSocket /run/x.sock\n", {})).milter.allow_in_file);
    BOOST_TEST(has(faults_of(import_texts("MilterSocket run/x.sock\n", {})), "m.conf:1:1: MilterSocket: "));
}

BOOST_AUTO_TEST_CASE(a_mode_is_octal_and_has_the_form_of_ours) {
    BOOST_TEST(made(import_texts("MilterSocketMode 0666\n", {})).milter.socket_mode == 0666U);
    BOOST_TEST(made(import_texts("MilterSocketMode 4770\n", {})).milter.socket_mode == 0770U);
    BOOST_TEST(has(faults_of(import_texts("MilterSocketMode 968\n", {})), "is not a mode in octal"));
}

BOOST_AUTO_TEST_CASE(networks_lose_the_bits_beyond_their_mask_as_in_clamav) {
    const auto result = import_texts(
        "LocalNet 10.1.2.3/8\nLocalNet 10.0.0.0/8\nLocalNet 2001:db8::1/32\nLocalNet 192.0.2.1\n"
        "LocalNet 192.0.2.2/\nLocalNet mail.example.org\nLocalNet local\nLocalNet name/24\n",
        {});
    const std::vector<std::string> wanted = {"10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "192.0.2.2",
                                             "mail.example.org"};
    BOOST_TEST(made(result).skip.networks == wanted, boost::test_tools::per_element());
    BOOST_TEST(has(report_of(result), "m.conf:7: LocalNet local: not carried over: "));
    BOOST_TEST(has(report_of(result), "m.conf:8: LocalNet name/24: not carried over: "));
    BOOST_TEST(has(faults_of(import_texts("LocalNet 10.0.0.0/255.0.0.0\n", {})), "from 0 to 32"));
}

BOOST_AUTO_TEST_CASE(the_lines_of_an_allow_list_become_entries_and_what_cannot_is_named) {
    const Folder folder;
    std::ofstream(folder / "list") << "# From:all\n! x\n: y\n\nFrom:^<a@example\\.org>$\r\nto:<b@example\\.org>\n"
                                      "postmaster@\nFrom:\\(x\\)\\1\nFrom:^c@\nFrom:a\xff\nFrom:[z-a]\n";
    const auto result = import_texts("AllowList " + folder.path("list") + "\n", {});
    const auto config = made(result);
    const std::vector<std::string> senders = {"/^a@example\\.org$/", "/^c@/"};
    const std::vector<std::string> recipients = {"/^b@example\\.org$/", "/postmaster@/"};
    BOOST_TEST(config.skip.senders == senders, boost::test_tools::per_element());
    BOOST_TEST(config.skip.recipients == recipients, boost::test_tools::per_element());
    const std::string report = report_of(result);
    BOOST_TEST(has(report, "-> 4 entries of skip.senders and skip.recipients"), report);
    BOOST_TEST(has(report, folder.path("list") + ":8: \"From:\\\\(x\\\\)\\\\1\": left out: "), report);
    BOOST_TEST(has(report, ":9: \"From:^c@\": ^ is beside an angle bracket there"), report);
    BOOST_TEST(!has(report, ":5: "), report);
    BOOST_TEST(has(report, ":10: "), report);
    BOOST_TEST(has(report, ":11: \"From:[z-a]\": left out: "), report);
}

BOOST_AUTO_TEST_CASE(a_list_that_cannot_be_read_stops_it) {
    const Folder folder;
    for (const std::string option : {"AllowList ", "Whitelist ", "SkipAuthenticated file:"}) {
        const auto result = import_texts("User a\n" + option + folder.path("absent") + "\n", {});
        BOOST_TEST(has(faults_of(result), "/etc/clamav/m.conf:2:1: " + option.substr(0, option.find(' ')) + ": "),
                   option);
        BOOST_TEST(has(faults_of(result), "No such file"), option);
    }
}

BOOST_AUTO_TEST_CASE(a_list_that_is_too_long_leaves_a_configuration_that_can_be_read) {
    const Folder folder;
    std::ofstream list(folder / "list");
    for (int i = 0; i < 20'000; ++i) list << "From:" << i << "\\.\\.\\.\\.\\.\\.@example\\.org\n";
    list.close();
    std::ofstream names(folder / "names");
    for (int i = 0; i < 20'000; ++i) names << "robot-" << i << "\n";
    names.close();
    const auto result = import_texts(
        "AllowList " + folder.path("list") + "\nSkipAuthenticated file:" + folder.path("names") + "\n", {});
    BOOST_TEST(made(result).skip.senders.size() > 500U);
    BOOST_TEST(has(report_of(result), folder.path("names") + ": is too long"), report_of(result));
    BOOST_TEST(has(report_of(result), folder.path("list") + ": is too long for the configuration"));
}

BOOST_AUTO_TEST_CASE(names_of_a_file_match_exactly_themselves) {
    const Folder folder;
    std::ofstream(folder / "names") << "tom\n@dick\n/harry/\nwith blank\n# jim\n";
    const auto result = import_texts("SkipAuthenticated file:" + folder.path("names") + "\n", {});
    const std::vector<std::string> wanted = {"tom", "/^@dick$/", "/^/harry/$/", "/^with blank$/"};
    BOOST_TEST(made(result).skip.users == wanted, boost::test_tools::per_element());
    BOOST_TEST(made(import_texts("SkipAuthenticated ^(tom|dick)$\n", {})).skip.users.front() == "/^(tom|dick)$/");
    BOOST_TEST(has(faults_of(import_texts("SkipAuthenticated (tom\n", {})), "m.conf:1:1: SkipAuthenticated: "));
}

BOOST_AUTO_TEST_CASE(the_text_of_a_rejection_gets_our_placeholder_and_codes) {
    const auto text = [](const std::string& value) {
        return made(import_texts("RejectMsg " + value + "\n", {})).actions.reject_text;
    };
    BOOST_TEST(text("Blocked: %v, \"see\" 100%") == "550 5.7.1 Blocked: {virus}, \"see\" 100%");
    BOOST_TEST(text("a {b} \\ c") == "550 5.7.1 a (b) \\ c");
    const auto result = import_texts("RejectMsg \xc3\xa4\n", {});
    BOOST_TEST(made(result).actions.reject_text == config::defaults().actions.reject_text);
    BOOST_TEST(has(report_of(result), "m.conf:1: RejectMsg \xc3\xa4: not carried over: "));
}

BOOST_AUTO_TEST_CASE(times_are_fitted_into_each_other_and_that_is_said) {
    const struct {
        const char* milter;
        const char* clamd;
        const char* scan;
        const char* eom;
    } rows[] = {{"ReadTimeout 0", "MaxScanTime 0", "276s", "299s"},
                {"ReadTimeout 10", "", "1m", "83s"},
                {"ReadTimeout 120", "MaxScanTime 120000", "2m", "143s"},
                {"ReadTimeout 240", "MaxScanTime 10", "100ms", "4m"},
                {"ReadTimeout 99999999999", "", "1m", "299s"}};
    for (const auto& row : rows) {
        const auto result = import_texts(row.milter, row.clamd);
        const auto config = made(result);
        BOOST_TEST(has(result->toml, std::string("eom = \"") + row.eom + "\"\n"), row.milter << "\n" << result->toml);
        BOOST_TEST((has(result->toml, std::string("max_scan_time = \"") + row.scan + "\"\n") ||
                    config.scanner.max_scan_time == config::defaults().scanner.max_scan_time),
                   row.clamd << "\n"
                             << result->toml);
    }
    BOOST_TEST(has(report_of(import_texts("ReadTimeout 10", {})),
                   "timeouts.eom: -> timeouts.eom = \"83s\"; differs: not 10s"));
}

BOOST_AUTO_TEST_CASE(what_a_key_does_not_take_becomes_the_nearest_and_that_is_said) {
    const auto result =
        import_texts({}, "MaxRecursion 500\nMaxThreads 5000\nMaxFileSize 8G\nMaxFiles 0\nMaxPartitions 9999999999\n");
    const auto config = made(result);
    BOOST_TEST(config.scanner.max_recursion.value() == 100U);
    BOOST_TEST(config.scanner.processes == 1024U);
    BOOST_TEST(config.scanner.max_file_size.value() == (std::uint64_t{2} << 30U) - 3);
    BOOST_TEST(config.scanner.max_files.value() == 0U);
    BOOST_TEST(config.scanner.max_partitions.value() == 4'294'967'295U);
    BOOST_TEST(has(report_of(result), "MaxRecursion 500: -> scanner.max_recursion = 100; differs: the nearest"));
    BOOST_TEST(made(import_texts("MaxFileSize 0\n", {})).message.max_size == (std::uint64_t{2} << 30U) - 3);
}

BOOST_AUTO_TEST_CASE(of_two_lines_the_first_counts_as_in_clamav) {
    const auto result = import_texts({}, "MaxThreads 3\nMaxThreads 4\nExcludePUA A\nExcludePUA B\n");
    BOOST_TEST(made(result).scanner.processes == 3U);
    BOOST_TEST(made(result).scanner.exclude_pua.size() == 2U);
    BOOST_TEST(has(report_of(result), "d.conf:2: MaxThreads 4: not carried over: line 1 has it already"));
}

BOOST_AUTO_TEST_CASE(of_two_files_that_set_one_key_that_of_clamav_milter_wins_and_the_other_is_named) {
    const auto result = import_texts("LogVerbose yes\n", "LogVerbose no\n");
    BOOST_TEST((made(result).log.level == config::LogLevel::debug));
    BOOST_TEST(has(report_of(result),
                   "d.conf:1: LogVerbose no: not carried over: m.conf:1 LogVerbose has set log.level = "
                   "\"debug\", which wins"));
    const auto users = made(import_texts("User one-of-none\n", "User other-of-none\n"));
    BOOST_TEST(users.process.user == "one-of-none");
    BOOST_TEST(users.process.group == "one-of-none");
    BOOST_TEST(users.process.scanner_user == "other-of-none");
}

BOOST_AUTO_TEST_CASE(a_user_brings_the_group_that_it_has_on_this_machine) {
    const auto config = made(import_texts("User nobody\n", {}));
    BOOST_TEST(config.process.group == "nogroup");
}

BOOST_AUTO_TEST_CASE(of_the_two_names_of_a_switch_the_one_that_is_not_as_by_default_wins) {
    BOOST_TEST(made(import_texts({}, "AlertEncrypted no\nArchiveBlockEncrypted yes\n")).scanner.alert_encrypted);
    BOOST_TEST(made(import_texts({}, "ArchiveBlockEncrypted yes\nAlertEncrypted no\n")).scanner.alert_encrypted);
    BOOST_TEST(!made(import_texts({}, "HeuristicAlerts yes\nAlgorithmicDetection no\n")).scanner.heuristic_alerts);
}

BOOST_AUTO_TEST_CASE(a_message_beyond_a_limit_fares_as_an_infected_one_where_clamd_says_so) {
    BOOST_TEST((made(import_texts("OnInfected Blackhole\n", "AlertExceedsMax yes\n")).actions.limit ==
                config::Action::discard));
    BOOST_TEST(!made(import_texts("OnInfected Blackhole\n", "AlertExceedsMax no\n")).actions.limit.has_value());
}

BOOST_AUTO_TEST_CASE(folders_that_others_use_are_not_taken) {
    BOOST_TEST(made(import_texts({}, "TemporaryDirectory /dev/shm/\n")).scanner.temp_directory ==
               "/dev/shm/evermilter-scan");
    BOOST_TEST(made(import_texts({}, "TemporaryDirectory /tmp\n")).scanner.temp_directory ==
               config::defaults().scanner.temp_directory);
    // One that would lie in another of ours is left out.
    const auto result = import_texts({}, "TemporaryDirectory /var/lib/clamav\n");
    BOOST_TEST(made(result).scanner.temp_directory == config::defaults().scanner.temp_directory);
    BOOST_TEST(has(report_of(result), "scanner.temp_directory: not carried over: "), report_of(result));
}

BOOST_AUTO_TEST_CASE(an_unknown_option_is_named_and_stops_nothing) {
    const auto result = import_texts("Frobnicate yes\nLogVerbos yes\nlogverbose yes\n", {});
    static_cast<void>(made(result));
    BOOST_TEST(has(report_of(result), "/etc/clamav/m.conf:1: Frobnicate: unknown option, not carried over"));
    BOOST_TEST(has(report_of(result),
                   "LogVerbos: unknown option, not carried over; it is none of ClamAV 1.4.6, did you mean "
                   "LogVerbose?"));
    BOOST_TEST(has(report_of(result), "m.conf:3: logverbose: unknown option")); // case matters there
}

BOOST_AUTO_TEST_CASE(every_bad_value_is_named_at_once) {
    const auto result =
        import_texts("ReadTimeout soon\nMaxFileSize big\n", "ScanPE maybe\nBytecodeSecurity none of these\n");
    BOOST_TEST(
        faults_of(result) ==
        "/etc/clamav/m.conf:1:1: ReadTimeout: \"soon\" is not possible; write a whole number\n"
        "/etc/clamav/m.conf:2:1: MaxFileSize: \"big\" is not possible; write a number of bytes, or one with K, M or G, "
        "such as 25M\n"
        "/etc/clamav/d.conf:1:1: ScanPE: \"maybe\" is not possible; write yes or no\n"
        "/etc/clamav/d.conf:2:1: BytecodeSecurity: \"none of these\" is not possible; write one of TrustSigned, "
        "Paranoid, None\n");
}

BOOST_AUTO_TEST_SUITE_END()
