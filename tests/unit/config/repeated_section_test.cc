// Sections that may stand several times, with a schema of the test's own: every part of the configuration that comes
// from the schema handles them.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/canonical.h"
#include "config/diff.h"
#include "config/document.h"
#include "config/entries.h"
#include "config/read_toml.h"
#include "config/value.h"

using namespace evermilter::config;

namespace {

struct Service {
    std::uint32_t most = 0;
};
struct Listener {
    std::string name;
    std::string address;
    std::uint32_t mode = 0;
    std::vector<std::string> allow;
    bool allow_in_file = false;
    Service service;
};
struct Rule {
    std::string path;
    Duration wait{};
};
struct Root {
    Service service;
    std::vector<Listener> listeners;
    std::vector<Rule> rules;
};

constexpr Row kServiceRows[] = {{.key = "service.most",
                                 .kind = Kind::count,
                                 .field = field<&Service::most>,
                                 .default_value = "5",
                                 .text = "Most."}};
constexpr Row kListenerRows[] = {
    {.key = "listener.mode",
     .kind = Kind::mode,
     .field = field<&Listener::mode>,
     .default_value = "0660",
     .text = "Mode."},
    {.key = "listener.name",
     .kind = Kind::name,
     .field = field<&Listener::name>,
     .default_value = "",
     .example = "inside",
     .text = "Name."},
    {.key = "listener.address",
     .kind = Kind::socket,
     .field = field<&Listener::address>,
     .default_value = "unix:/run/socket",
     .applies_by = AppliesBy::new_session_workers,
     .text = "Address."},
    {.key = "listener.allow",
     .kind = Kind::networks,
     .field = field<&Listener::allow>,
     .default_value = "127.0.0.0/8",
     .in_file = flag<&Listener::allow_in_file>,
     .text = "Networks."},
};
constexpr Row kRuleRows[] = {
    {.key = "rule.path",
     .kind = Kind::path,
     .field = field<&Rule::path>,
     .default_value = "",
     .unset = "every path",
     .example = "/x",
     .text = "Path."},
    {.key = "rule.wait",
     .kind = Kind::duration,
     .field = field<&Rule::wait>,
     .default_value = "3s",
     .range = kTimeout,
     .text = "Time."},
};
const Section kService = {"service", one<&Root::service>, kServiceRows, "Once."};
constexpr Inner kInner[] = {{&kService, one<&Listener::service>}};
const Section kSections[] = {
    kService,
    {"listener", many<&Root::listeners>, kListenerRows, "Many, by name.", "name", kInner},
    {"rule", many<&Root::rules>, kRuleRows, "Many, in order."},
};
const Schema kSchema = {kSections};

using Check = std::function<std::vector<Conflict>(const Root&)>;

// The faults, each as "LINE:COLUMN: key: message".
std::vector<std::string> read_into(Root& root, std::string_view text, const Check& check = {}) {
    root = {};
    set_defaults(kSchema, &root);
    const auto faults =
        read_toml(kSchema, &root, text, "t", [&] { return check ? check(root) : std::vector<Conflict>{}; });
    std::vector<std::string> texts;
    for (const Fault& fault : faults) texts.push_back(fault.text().substr(2));
    return texts;
}

Root parsed(std::string_view text) {
    Root root;
    const auto faults = read_into(root, text);
    if (!faults.empty()) BOOST_FAIL(faults.front());
    return root;
}

std::vector<std::string> changes(std::string_view before, std::string_view after) {
    const Root one = parsed(before);
    const Root other = parsed(after);
    std::vector<std::string> texts;
    for (const Change& change : diff(kSchema, &one, &other))
        texts.push_back(change.key + ": " + change.before + " -> " + change.after + ", " +
                        std::string(needs_text(change.needs)));
    return texts;
}

using Texts = std::vector<std::string>;

constexpr std::string_view kTwo = R"([[listener]]
name = "inside"
mode = "0600"
[[listener]]
address = "unix:/b"
name = "out.side"
[service]
most = 7
)";

} // namespace

BOOST_AUTO_TEST_SUITE(repeated_section_test)

BOOST_AUTO_TEST_CASE(it_stands_as_often_as_it_is_written_with_defaults_each_time) {
    const Root none = parsed("");
    BOOST_TEST((none.listeners.empty() && none.service.most == 5));
    const Root two = parsed(kTwo);
    BOOST_TEST_REQUIRE(two.listeners.size() == 2U);
    BOOST_TEST((two.listeners[0].name == "inside" && two.listeners[0].mode == 0600U));
    BOOST_TEST(two.listeners[0].address == "unix:/run/socket");
    BOOST_TEST((two.listeners[1].name == "out.side" && two.listeners[1].mode == 0660U));
    BOOST_TEST(two.listeners[1].address == "unix:/b");
    BOOST_TEST(two.service.most == 7U);
}

BOOST_AUTO_TEST_CASE(an_array_of_inline_tables_is_the_same_and_may_be_empty) {
    BOOST_TEST(parsed("listener = []").listeners.empty());
    const Root root = parsed("listener = [{name = \"a\"}, {name = \"b\", mode = \"0600\"}]");
    BOOST_TEST_REQUIRE(root.listeners.size() == 2U);
    BOOST_TEST((root.listeners[1].name == "b" && root.listeners[1].mode == 0600U));
}

BOOST_AUTO_TEST_CASE(that_a_key_stands_in_the_file_is_known_of_each_entry) {
    const Root root = parsed("[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\nallow = []\n");
    BOOST_TEST(!root.listeners[0].allow_in_file);
    BOOST_TEST(root.listeners[0].allow.size() == 1U);
    BOOST_TEST(root.listeners[1].allow_in_file);
    BOOST_TEST(root.listeners[1].allow.empty());
}

BOOST_AUTO_TEST_CASE(a_fault_has_its_place_and_the_name_of_its_entry) {
    const struct {
        const char* text;
        Texts faults;
    } rows[] = {
        {"[[listener]]\nname = \"a\"\n[[listener]]\nadress = \"/x\"\nname = \"b\"\n",
         {"4:1: listener[b].adress: unknown key; the nearest known key is listener.address"}},
        {"[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\nmode = \"0999\"\n",
         {"5:8: listener[b].mode: cannot read \"0999\"; write an octal mode as a string, such as \"0660\""}},
        {"[[rule]]\n[[rule]]\nwait = 3\n", {"3:8: rule[2].wait: a duration needs a unit: write \"3s\" for seconds"}},
        {"[[listener]]\nname = \"a\"\n[[listener]]\nmode = \"0600\"\n",
         {"3:1: listener[2].name: is missing; each [[listener]] has a name of its own, such as \"inside\""}},
        {"[[listener]]\nname = \"\"\n", {"2:8: listener[1].name: is empty; write a name as a string"}},
        {"[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\n[[listener]]\nname = \"a\"\n",
         {"6:8: listener[3].name: \"a\" is the name of another [[listener]] (line 2); give each its own"}},
        {"[listener]\nname = \"a\"\n",
         {"1:2: listener: may stand several times; write [[listener]] and its keys below, once for each"}},
        {"listener.name = \"a\"\n",
         {"1:1: listener: may stand several times; write [[listener]] and its keys below, once for each"}},
        {"listener = 3\n", {"1:1: listener: is an integer; write [[listener]] and its keys below, once for each"}},
        {"listener = [{name = \"a\"}, 3]\n",
         {"1:27: listener: an element is an integer; write [[listener]] and its keys below, once for each"}},
        {"[[service]]\nmost = 3\n", {"1:3: service: may stand only once; write [service] and its keys below"}},
        {"service = [3]\n", {"1:1: service: is a list; write [service] and its keys below"}},
        {"[[listner]]\nname = \"a\"\n", {"1:3: listner: unknown section; the nearest known one is [[listener]]"}},
    };
    for (const auto& row : rows) {
        Root root;
        BOOST_TEST(read_into(root, row.text) == row.faults, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_key_twice_in_one_entry_is_a_fault_and_in_two_is_none) {
    Root root;
    const auto faults = read_into(root, "[[listener]]\nname = \"a\"\nmode = \"0600\"\nmode = \"0660\"\n");
    BOOST_TEST(faults == Texts{"4:1: listener.mode: is set a second time; remove one of the two"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(both_forms_in_one_file_are_a_fault_that_names_the_line) {
    for (const char* text : {"[[listener]]\nname = \"a\"\n[listener]\nname = \"b\"\n",
                             "[listener]\nname = \"a\"\n[[listener]]\nname = \"b\"\n"}) {
        Root root;
        const auto faults = read_into(root, text);
        BOOST_TEST_REQUIRE(!faults.empty());
        BOOST_TEST(std::any_of(faults.begin(), faults.end(), [](const auto& one) { return one.starts_with("3:"); }),
                   faults.back());
    }
}

BOOST_AUTO_TEST_CASE(a_conflict_is_shown_at_the_entry_that_takes_part) {
    const Check check = [](const Root& root) {
        const Section& section = *kSchema.find_section("listener");
        std::vector<Conflict> conflicts;
        for (std::size_t i = 0; i < root.listeners.size(); ++i)
            if (root.listeners[i].mode == 0600U)
                conflicts.push_back({{key_of(section, &root, i) + ".mode", "service.most"}, "do not go together"});
        return conflicts;
    };
    Root root;
    BOOST_TEST(read_into(root, "[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\nmode = \"0600\"\n", check) ==
                   Texts{"5:8: listener[b].mode: do not go together"},
               boost::test_tools::per_element());
    // One that takes part in a fault already is no conflict.
    BOOST_TEST(read_into(root, "[[listener]]\nname = \"b\"\nmode = \"0600\"\n[service]\nmost = -1\n", check) ==
                   Texts{"5:8: service.most: is negative; write an integer"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_number_of_faults_is_bounded_in_them_too) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "[[listener]]\nx = 1\n";
    Root root;
    BOOST_TEST(read_into(root, text).size() <= 110U);
}

BOOST_AUTO_TEST_CASE(the_canonical_form_has_each_of_them_and_is_read_back_to_the_same) {
    const Root root = parsed(std::string(kTwo) + "[[rule]]\n[[rule]]\npath = \"/p\"\nwait = \"4s\"\n");
    const std::string text = to_toml(kSchema, &root);
    BOOST_TEST(text == R"([service]
most = 7

[[listener]]
mode = "0600"
name = "inside"
address = "unix:/run/socket"
allow = ["127.0.0.0/8"]
service.most = 7

[[listener]]
mode = "0660"
name = "out.side"
address = "unix:/b"
allow = ["127.0.0.0/8"]
service.most = 7

[[rule]]
# path is not set: every path
wait = "3s"

[[rule]]
path = "/p"
wait = "4s"
)");
    const Root again = parsed(text);
    BOOST_TEST(to_toml(kSchema, &again) == text);
    const Root none = parsed("");
    const std::string empty = to_toml(kSchema, &none);
    BOOST_TEST(empty.find("\n# [[listener]] does not stand in the file\n") != std::string::npos);
    BOOST_TEST(parsed(empty).listeners.empty());
}

BOOST_AUTO_TEST_CASE(a_change_is_that_of_one_entry_known_by_its_name) {
    BOOST_TEST(changes(kTwo, kTwo).empty());
    BOOST_TEST(changes("[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\n",
                       "[[listener]]\nname = \"b\"\n[[listener]]\nname = \"a\"\n")
                   .empty());
    BOOST_TEST(changes("[[listener]]\nname = \"a\"\n", "[[listener]]\nname = \"b\"\n[[listener]]\nname = \"a\"\n") ==
                   Texts{"listener[b]:  -> {name = \"b\"}, new session workers"},
               boost::test_tools::per_element());
    BOOST_TEST(changes("[[listener]]\nname = \"b\"\nmode = \"0600\"\n[[listener]]\nname = \"a\"\n",
                       "[[listener]]\nname = \"a\"\n") ==
                   Texts{"listener[b]: {name = \"b\", mode = \"0600\"} -> , new session workers"},
               boost::test_tools::per_element());
    BOOST_TEST(changes("[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\n",
                       "[[listener]]\nname = \"b\"\nmode = \"0600\"\n[[listener]]\nname = \"a\"\n") ==
                   Texts{"listener[b].mode: \"0660\" -> \"0600\", taken at once"},
               boost::test_tools::per_element());
    // Of one without a name the position counts.
    BOOST_TEST(
        changes("[[rule]]\n", "[[rule]]\nwait = \"4s\"\n[[rule]]\npath = \"/p\"\n") ==
            (Texts{"rule[1].wait: \"3s\" -> \"4s\", taken at once", "rule[2]:  -> {path = \"/p\"}, taken at once"}),
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keys_of_an_inner_section_begin_with_those_of_the_section_wherever_it_stands) {
    for (const char* text :
         {"[service]\nmost = 7\n[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\nservice.most = 8\n",
          "[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\n[listener.service]\nmost = 8\n[service]\nmost = 7\n",
          "listener = [{name = \"a\"}, {name = \"b\", service = {most = 8}}]\nservice.most = 7\n"}) {
        const Root root = parsed(text);
        BOOST_TEST_REQUIRE(root.listeners.size() == 2U);
        BOOST_TEST((root.service.most == 7U && root.listeners[0].service.most == 7U));
        BOOST_TEST(root.listeners[1].service.most == 8U);
    }
    BOOST_TEST(parsed("[[listener]]\nname = \"a\"\n").listeners[0].service.most == 5U);
}

BOOST_AUTO_TEST_CASE(a_fault_in_an_inner_section_has_its_place_and_name) {
    const struct {
        const char* text;
        Texts faults;
    } rows[] = {
        {"[[listener]]\nname = \"a\"\nservice.mots = 8\n",
         {"3:9: listener[a].service.mots: unknown key; the nearest known key is service.most"}},
        {"[[listener]]\nname = \"a\"\nservice.most = -1\n",
         {"3:16: listener[a].service.most: is negative; write an integer"}},
        {"[[listener]]\nname = \"a\"\nservice = 8\n",
         {"3:1: listener[a].service: is an integer; write service.KEY = VALUE with a key of [service]"}},
        {"[[listener]]\nname = \"a\"\nrule.wait = \"3s\"\n",
         {"3:1: listener[a].rule: unknown key; the nearest known key is listener.mode"}},
    };
    for (const auto& row : rows) {
        Root root;
        BOOST_TEST(read_into(root, row.text) == row.faults, boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(a_change_of_a_section_is_one_of_those_that_begin_with_it) {
    const char* const before = "[[listener]]\nname = \"a\"\n[[listener]]\nname = \"b\"\nservice.most = 8\n";
    BOOST_TEST(changes(before, std::string("[service]\nmost = 7\n") + before) ==
                   (Texts{"service.most: 5 -> 7, taken at once", "listener[a].service.most: 5 -> 7, taken at once"}),
               boost::test_tools::per_element());
    BOOST_TEST(changes("", "[[listener]]\nname = \"b\"\nservice.most = 8\n") ==
                   Texts{"listener[b]:  -> {name = \"b\", service.most = 8}, new session workers"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_documents_show_how_it_is_written) {
    const std::string sample = sample_file(kSchema);
    BOOST_TEST(sample.find("\n[service]\n") != std::string::npos);
    BOOST_TEST(sample.find("\n#[[listener]]\n") != std::string::npos);
    BOOST_TEST(sample.find("# Must be set, to another value in each. For example:\n#name = \"inside\"\n") !=
               std::string::npos);
    BOOST_TEST(markdown(kSchema).find("## `[[listener]]`\n") != std::string::npos);
    BOOST_TEST(manual_page(kSchema).find(".SH \"[[listener]]\"\n") != std::string::npos);
    // The sample as it is stands for all defaults.
    BOOST_TEST(parsed(sample).listeners.empty());
    // And with the # taken away it has one of each.
    std::string uncommented = sample;
    for (std::size_t at = uncommented.find("\n#"); at != std::string::npos; at = uncommented.find("\n#", at + 1))
        if (uncommented[at + 2] != ' ' && uncommented[at + 2] != '\n') uncommented.erase(at + 1, 1);
    const Root all = parsed(uncommented);
    BOOST_TEST_REQUIRE(all.listeners.size() == 1U);
    BOOST_TEST(all.listeners[0].name == "inside");
}

BOOST_AUTO_TEST_SUITE_END()
