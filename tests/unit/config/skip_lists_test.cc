#include "config/skip_lists.h"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <string>

#include "config/parse.h"
#include "tests/support/folder.h"
#include "tests/support/proc.h"

using namespace evermilter;
using namespace evermilter::config;
using evermilter::test::write_file;

namespace {

struct Lists {
    test::Folder folder;
    Skip skip;

    std::string file(const std::string& name, const std::string& text) const {
        write_file(folder / name, text);
        return folder / name;
    }
    std::string refused() const {
        const auto lists = load_skip_lists(skip);
        return lists.ok() ? "" : lists.error().key + " " + lists.error().reason;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(skip_lists_test)

BOOST_FIXTURE_TEST_CASE(entries_of_the_file_and_of_its_list_count_alike, Lists) {
    skip.senders = {"a@example.org"};
    skip.senders_file = file("senders", "# of the lists\n\n  @example.net \t\r\n/^x/\nlast@example.org");
    skip.networks = {"192.0.2.1"};
    skip.networks_file = file("networks", "198.51.100.0/24\n.example.org\n");
    skip.users_file = file("users", "robot\n");
    skip.recipients_file = file("recipients", "");
    const auto lists = load_skip_lists(skip);
    BOOST_TEST_REQUIRE(lists.ok());
    for (const char* sender : {"<a@example.org>", "<b@example.net>", "<x@y>", "<last@example.org>"})
        BOOST_TEST(lists->senders.matches(sender), sender);
    BOOST_TEST(!lists->senders.matches("<# of the lists>"));
    BOOST_TEST(lists->networks.has_address(mapped({192, 0, 2, 1})));
    BOOST_TEST(lists->networks.has_address(mapped({198, 51, 100, 9})));
    BOOST_TEST(lists->networks.has_name("a.example.org"));
    BOOST_TEST(lists->users.matches("robot"));
    BOOST_TEST(lists->recipients.empty());
    BOOST_TEST(!lists->empty());
    BOOST_TEST(load_skip_lists({})->empty());
}

BOOST_FIXTURE_TEST_CASE(a_bad_line_is_refused_with_its_place_and_a_file_that_is_none_with_its_key, Lists) {
    skip.senders_file = file("senders", "good@example.org\n\n*@example.org\n");
    BOOST_TEST(
        refused().starts_with("skip.senders_file " + (folder / "senders").string() + ":3: \"*@example.org\" holds"),
        refused());
    skip = {};
    skip.networks_file = file("networks", "192.0.2.0/24\n192.0.2.1/24\n");
    BOOST_TEST(refused().find("networks:2: ") != std::string::npos, refused());
    skip = {};
    skip.users_file = folder / "absent";
    BOOST_TEST(refused() ==
               "skip.users_file " + skip.users_file + ": No such file or directory; make the file, or remove the key");
    skip.users_file = folder.path();
    BOOST_TEST(refused().find("is not a regular file") != std::string::npos, refused());
}

BOOST_FIXTURE_TEST_CASE(a_configuration_with_a_bad_list_is_refused_at_its_key, Lists) {
    const std::string bad = file("bad", "/(/\n");
    const std::string good = file("good", "@example.org\n");
    const auto faults = [&](const std::string& text) {
        std::vector<std::string> texts;
        write_file(folder / "evermilter.toml", text);
        const auto parsed = parse_file(folder / "evermilter.toml");
        if (!parsed)
            for (const Fault& fault : parsed.error())
                texts.push_back(std::to_string(fault.line) + " " + fault.key + " " + fault.message);
        return texts;
    };
    const std::string listener = "[[listener]]\nname = \"in\"\naddress = [\"inet:1@127.0.0.1\"]\n";
    BOOST_TEST(faults("[skip]\nsenders_file = \"" + good + "\"\n" + listener).empty());
    auto said = faults("[skip]\nsenders_file = \"" + bad + "\"\n" + listener);
    BOOST_TEST_REQUIRE(said.size() == 1U); // and not once more for the listener that has it too
    BOOST_TEST(said[0].starts_with("2 skip.senders_file " + bad + ":1: \"/(/\" is no regular expression"), said[0]);
    said = faults(listener + "skip.recipients_file = \"" + bad + "\"\n");
    BOOST_TEST_REQUIRE(said.size() == 1U);
    BOOST_TEST(said[0].starts_with("4 listener[in].skip.recipients_file " + bad + ":1: "), said[0]);
    said = faults("[skip]\nsenders = [\"a@b\", \"*@b\"]\nnetworks = [\"1.2.3.4/8\"]\n");
    BOOST_TEST_REQUIRE(said.size() == 2U);
    BOOST_TEST(said[0].starts_with("2 skip.senders \"*@b\" holds"), said[0]);
}

BOOST_FIXTURE_TEST_CASE(a_changed_file_is_another_state, Lists) {
    Config config = defaults();
    config.skip.senders_file = file("senders", "a@b\n");
    const std::string before = state_of_lists(config);
    BOOST_TEST(state_of_lists(config) == before);
    write_file(folder / "other", "a@c\n");
    std::filesystem::rename(folder / "other", folder / "senders");
    BOOST_TEST(state_of_lists(config) != before);
    Listener listener;
    listener.skip.users_file = folder / "users";
    const std::string without = state_of_lists(config);
    config.listeners.push_back(listener);
    const std::string absent = state_of_lists(config);
    BOOST_TEST(absent != without);
    write_file(folder / "users", "x\n");
    BOOST_TEST(state_of_lists(config) != absent);
}

BOOST_AUTO_TEST_SUITE_END()
