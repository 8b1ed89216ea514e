// evermilterctl import as it is called: what it writes, where, and that it overwrites nothing.
#include "supervisor/ctl/import/import_command.h"

#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/parse.h"
#include "tests/support/command.h"
#include "tests/support/folder.h"

namespace config = evermilter::config;
namespace fs = std::filesystem;
using evermilter::test::Folder;
using evermilter::test::Outcome;

namespace {

Outcome import(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {evermilter::test::program("evermilterctl"), "import"});
    return evermilter::test::run(arguments);
}

std::string content(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

std::size_t files_in(const Folder& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(import_command_test)

BOOST_AUTO_TEST_CASE(the_configuration_goes_to_standard_output_and_the_report_to_standard_error) {
    const Folder folder;
    std::ofstream(folder / "m.conf") << "OnInfected Reject\n";
    const Outcome outcome = import({"--clamav-milter", folder.path("m.conf")});
    BOOST_TEST(outcome.status == EX_OK);
    BOOST_TEST(config::parse(outcome.output, "evermilter.toml").has_value());
    BOOST_TEST(
        has(outcome.errors, folder.path("m.conf") + ":1: OnInfected Reject: -> actions.infected = \"reject\"\n"));
    BOOST_TEST(files_in(folder) == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_is_written_once_and_overwritten_only_by_force) {
    const Folder folder;
    std::ofstream(folder / "d.conf") << "MaxThreads 3\n";
    const std::vector<std::string> command = {"--clamd", folder.path("d.conf"), "--output", folder.path("out.toml")};
    const Outcome first = import(command);
    BOOST_TEST(first.status == EX_OK);
    BOOST_TEST(first.output == "");
    BOOST_TEST(has(first.errors, "out.toml is written"));
    BOOST_TEST(config::parse_file(folder.path("out.toml")).value().scanner.processes == 3U);

    std::ofstream(folder / "out.toml") << "# mine\n";
    const Outcome second = import(command);
    BOOST_TEST(second.status == EX_CANTCREAT);
    BOOST_TEST(has(second.errors, "out.toml exists; name another file, or overwrite it with --force"));
    BOOST_TEST(content(folder / "out.toml") == "# mine\n");

    auto forced = command;
    forced.emplace_back("--force");
    BOOST_TEST(import(forced).status == EX_OK);
    BOOST_TEST(config::parse_file(folder.path("out.toml")).value().scanner.processes == 3U);
    BOOST_TEST(files_in(folder) == 2U); // nothing is left beside them
}

BOOST_AUTO_TEST_CASE(by_force_a_link_stays_one_and_a_dangling_one_is_not_followed_without) {
    const Folder folder;
    std::ofstream(folder / "d.conf") << "MaxThreads 3\n";
    std::ofstream(folder / "target") << "old\n";
    fs::create_symlink("target", folder / "link");
    fs::create_symlink("absent", folder / "dangling");
    BOOST_TEST(import({"--clamd", folder.path("d.conf"), "--output", folder.path("link"), "--force"}).status == EX_OK);
    BOOST_TEST(fs::is_symlink(folder / "link"));
    BOOST_TEST(has(content(folder / "target"), "processes = 3"));
    BOOST_TEST(import({"--clamd", folder.path("d.conf"), "--output", folder.path("dangling")}).status == EX_CANTCREAT);
    BOOST_TEST(!fs::exists(folder / "absent"));
}

BOOST_AUTO_TEST_CASE(with_a_bad_value_nothing_is_written) {
    const Folder folder;
    std::ofstream(folder / "m.conf") << "OnInfected Reject\nReadTimeout soon\n";
    const Outcome outcome =
        import({"--clamav-milter", folder.path("m.conf"), "--output", folder.path("out.toml"), "--force"});
    BOOST_TEST(outcome.status == EX_DATAERR);
    BOOST_TEST(outcome.output == "");
    BOOST_TEST(has(outcome.errors, "m.conf:2:1: ReadTimeout: \"soon\" is not possible; write a whole number"));
    BOOST_TEST(has(outcome.errors, "nothing is written"));
    BOOST_TEST(files_in(folder) == 1U);
}

BOOST_AUTO_TEST_CASE(files_that_are_none_of_clamav_s_are_refused_and_nothing_is_written) {
    const Folder folder;
    std::ofstream(folder / "garbage") << std::string(
        "\x7f"
        "ELF\x01\0\n\xff\xfe\n",
        10);
    std::ofstream(folder / "large") << std::string(10 << 20, 'x');
    for (const std::string& path : {folder.path("garbage"), folder.path("large"), folder.path("absent"),
                                    folder.path().string(), std::string("/dev/zero")}) {
        const Outcome outcome = import({"--clamd", path, "--output", folder.path("out.toml")});
        BOOST_TEST(outcome.status == EX_DATAERR, path);
        BOOST_TEST(has(outcome.errors, path + ":"), outcome.errors);
        BOOST_TEST(!fs::exists(folder / "out.toml"), path);
    }
}

BOOST_AUTO_TEST_CASE(a_place_that_cannot_be_written_is_named) {
    const Folder folder;
    std::ofstream(folder / "d.conf") << "MaxThreads 3\n";
    for (const std::string& path : {folder.path().string(), folder.path("absent/out.toml")}) {
        const Outcome outcome = import({"--clamd", folder.path("d.conf"), "--output", path});
        BOOST_TEST(outcome.status == EX_CANTCREAT, path);
        BOOST_TEST(has(outcome.errors, path), outcome.errors);
    }
}

BOOST_AUTO_TEST_CASE(nothing_that_a_terminal_obeys_is_shown) {
    const Folder folder;
    const std::string evil =
        "a\x1b]0;b\x07\r\xc2\x9b"
        "31m";
    std::ofstream(folder / evil) << "User x\x1b[31m\nOther y\n";
    std::ofstream(folder / "list") << "From:\x1b[31m\n";
    std::ofstream(folder / "m.conf") << "AllowList " + folder.path("list") + "\n";
    const std::vector<std::vector<std::string>> commands = {
        {"--clamd", folder.path(evil)},
        {"--clamav-milter", folder.path("m.conf")},
        {"--clamav-milter", folder.path("m.conf"), "--output", folder.path(evil + "2")}};
    for (const auto& command : commands) {
        const Outcome outcome = import(command);
        for (const char c : outcome.errors + outcome.output)
            BOOST_TEST_REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= 0x20), outcome.errors);
        BOOST_TEST(!has(outcome.errors, "\xc2\x9b"));
    }
}

BOOST_AUTO_TEST_CASE(without_a_file_to_read_it_says_what_it_needs) {
    const Outcome outcome = import({});
    BOOST_TEST(outcome.status == EX_USAGE);
    BOOST_TEST(has(outcome.errors, "import needs --clamav-milter FILE, --clamd FILE or both"));
}

BOOST_AUTO_TEST_CASE(what_is_not_written_whole_is_an_error) {
    const Folder folder;
    std::ofstream(folder / "d.conf") << "MaxThreads 3\n";
    const Outcome outcome = evermilter::test::run({"/bin/sh", "-c", "exec \"$0\" import --clamd \"$1\" >/dev/full",
                                                   evermilter::test::program("evermilterctl"), folder.path("d.conf")});
    BOOST_TEST(outcome.status == EX_IOERR);
}

BOOST_AUTO_TEST_SUITE_END()
