// [skip]: what is exempt is neither kept nor scanned, is counted and stamped as not scanned, and costs nothing; what
// only looks like it is scanned. Lists in files come with the configuration, and a bad one changes nothing.
#include <signal.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kExempt = "Not scanned (exempt)";
const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

// Who sends the next message, and how.
struct Sender {
    std::string host = "client.example.net";
    std::string address = "192.0.2.7";
    std::string resolve = {};
    Envelope envelope = {};
};

// The infected message of this sender: "exempt", or the answer.
std::string outcome(const Service& service, const Sender& sender) {
    MilterClient client = service.client();
    client.negotiate();
    client.connect(sender.host, sender.address, sender.resolve);
    client.helo();
    const Verdict verdict = client.message(eicar_attached(), sender.envelope);
    client.quit();
    if (verdict.text() == "accept" && verdict.status() == kExempt && !verdict.added("X-Virus-Scanned")) return "exempt";
    return verdict.text() + verdict.status();
}

Envelope from(const std::string& sender, const std::string& user = {}) {
    Envelope envelope;
    envelope.sender = sender;
    envelope.user = user;
    return envelope;
}

Envelope to(const std::vector<std::string>& recipients) {
    Envelope envelope;
    envelope.recipients = recipients;
    return envelope;
}

std::string quoted(const fs::path& path) {
    return '"' + path.string() + '"';
}

// New session workers have what was asked for.
json reload_config(const Service& service) {
    return ask(service, "reload-config");
}

} // namespace

BOOST_AUTO_TEST_SUITE(skip_test)

BOOST_AUTO_TEST_CASE(who_is_in_a_list_is_exempt_and_who_only_looks_like_it_is_not) {
    Service service(
        Keys{{"skip.networks", R"(["192.0.2.0/28", "2001:db8:7::/48", "mx.example.org", ".lan.example.org"])"},
             {"skip.users", R"(["newsletter", "/^robot-[0-9]+$/"])"},
             {"skip.senders", R"(["lists@example.org", "@trusted.example", "@.deep.example", "<>"])"},
             {"skip.recipients", R"(["abuse@example.org", "@samples.example"])"}});
    service.start();
    const Sender any{.address = "203.0.113.1"};
    const auto with = [&](const Envelope& envelope) {
        Sender sender = any;
        sender.envelope = envelope;
        return sender;
    };
    const std::vector<std::pair<const char*, Sender>> exempt = {
        {"network", {.address = "192.0.2.15"}},
        {"network of IPv6", {.address = "2001:db8:7:1::9"}},
        {"name", {.host = "MX.Example.ORG", .address = "203.0.113.1"}},
        {"name, checked", {.host = "mx.example.org", .address = "203.0.113.1", .resolve = "OK"}},
        {"below a domain", {.host = "a.b.lan.example.org", .address = "203.0.113.1"}},
        {"user", with(from("<x@y.example>", "Newsletter"))},
        {"user by an expression", with(from("<x@y.example>", "robot-17"))},
        {"sender", with(from("<Lists@Example.org>"))},
        {"domain of the sender", with(from("<anybody@trusted.example>"))},
        {"domain above the sender's", with(from("<anybody@very.deep.example>"))},
        {"null sender", with(from("<>"))},
        {"recipient", with(to({"<abuse@example.org>"}))},
        {"all recipients", with(to({"<abuse@example.org>", "<virus@samples.example>"}))},
    };
    for (const auto& [what, sender] : exempt) BOOST_TEST(outcome(service, sender) == "exempt", what);
    const std::vector<std::pair<const char*, Sender>> scanned = {
        {"beside the network", {.address = "192.0.2.16"}},
        {"beside the network of IPv6", {.address = "2001:db8:8::1"}},
        {"a name that does not lead back", {.host = "mx.example.org", .address = "203.0.113.1", .resolve = "FORGED"}},
        {"a name that may lead back", {.host = "mx.example.org", .address = "203.0.113.1", .resolve = "TEMP"}},
        {"the domain itself", {.host = "lan.example.org", .address = "203.0.113.1"}},
        {"another domain with its end", {.host = "evillan.example.org", .address = "203.0.113.1"}},
        {"another user", with(from("<x@y.example>", "newsletter2"))},
        {"nobody has authenticated", with(from("<newsletter@y.example>"))},
        {"a sender that begins so", with(from("<lists@example.org.evil.example>"))},
        {"a sender in a display name", with(from("<\"lists@example.org\"@evil.example>"))},
        {"below the domain", with(from("<anybody@sub.trusted.example>"))},
        {"one recipient is not", with(to({"<abuse@example.org>", "<c@example.org>"}))},
        {"the last recipient is not", with(to({"<v@samples.example>", "<abuse@example.org>", "<abuse@example.com>"}))},
    };
    for (const auto& [what, sender] : scanned) BOOST_TEST(outcome(service, sender) == kRejected, what);
    const json counted = service.wait_status("all are counted", [&](const json& now) {
        return now.at("messages").at("infected") == scanned.size() && now.at("messages").at("skipped") == exempt.size();
    });
    const json& by = counted.at("messages").at("skipped_by");
    BOOST_TEST(by.at("network") == 5);
    BOOST_TEST(by.at("user") == 2);
    BOOST_TEST(by.at("sender") == 4);
    BOOST_TEST(by.at("recipient") == 2);
    BOOST_TEST(by.at("poison") == 0);
    BOOST_TEST(counted.at("messages").at("clean") == 0);
    BOOST_TEST(counted.at("messages").at("findings").at("exempt") == exempt.size());
    service.wait_log({"message", "action=accept", "verdict=skipped", "finding=exempt", "detail=recipient"});
}

BOOST_AUTO_TEST_CASE(each_message_of_a_session_is_decided_by_itself) {
    Service service(
        Keys{{"skip.senders", R"(["lists@example.org"])"}, {"skip.recipients", R"(["abuse@example.org"])"}});
    service.start();
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_attached(), from("<lists@example.org>")).status() == kExempt);
    BOOST_TEST(client.message(eicar_attached(), from("<c@example.org>")).text() == kRejected);
    BOOST_TEST(client.message(eicar_attached(), to({"<abuse@example.org>"})).status() == kExempt);
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    // Given up between MAIL and the end: nothing of it is left.
    client.mail(from("<lists@example.org>"));
    client.rcpt("<abuse@example.org>");
    client.abort();
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    client.quit();
}

BOOST_AUTO_TEST_CASE(a_client_that_comes_after_another_on_one_connection_is_not_exempt_for_it) {
    Service service(Keys{{"skip.networks", R"(["192.0.2.7"])"}});
    service.start();
    MilterClient client = service.session();
    BOOST_TEST(client.message(eicar_attached()).status() == kExempt);
    client.quit_nc();
    client.connect("other.example.net", "203.0.113.1");
    client.helo();
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    client.quit();
}

BOOST_AUTO_TEST_CASE(every_user_who_has_authenticated_may_be_exempt) {
    Service service(Keys{{"skip.authenticated", "true"}});
    service.start();
    BOOST_TEST(outcome(service, {.envelope = from("<c@example.org>", "alice")}) == "exempt");
    BOOST_TEST(outcome(service, {.envelope = from("<c@example.org>")}) == kRejected);
}

BOOST_AUTO_TEST_CASE(what_is_exempt_takes_no_memory_and_no_scan) {
    Service service(Keys{{"skip.senders", R"(["lists@example.org"])"}, {"message.max_size", R"("64MiB")"}});
    service.start();
    const auto scans = service.status().at("scans").at("total").get<std::uint64_t>();
    Offer offer;
    offer.protocol &= ~kNoReplyBody; // each chunk is answered when it has been dealt with
    MilterClient client = service.session(offer);
    const auto upload = [&](const Envelope& envelope) {
        client.mail(envelope);
        client.rcpt();
        client.data();
        client.header("Subject", "large");
        client.end_of_headers();
        const std::string chunk(65'535, 'x');
        for (std::size_t sent = 0; sent < (std::size_t{20} << 20U); sent += chunk.size())
            BOOST_REQUIRE(client.body(chunk).command == 'c');
    };
    const auto kept = [&] {
        const Holdings now = holdings(service);
        return now.memfds + now.deleted_files;
    };
    const std::size_t before = kept();
    upload(from("<lists@example.org>"));
    BOOST_TEST(kept() == before);
    BOOST_TEST(client.end_of_message().status() == kExempt);
    BOOST_TEST(service.status().at("scans").at("total") == scans);
    service.wait_log({"message", "finding=exempt", "detail=sender", "size=21"});
    // What is not exempt is kept, or this test would show nothing.
    upload({});
    BOOST_TEST(kept() > before);
    client.quit();
}

BOOST_AUTO_TEST_CASE(lists_in_files_come_with_the_configuration) {
    Service service;
    const fs::path senders = service.path("senders");
    write_file(senders, "# senders\n\n  lists@example.org  \n@trusted.example\n");
    service.set("skip.senders_file", quoted(senders));
    service.set("skip.senders", R"(["also@example.org"])");
    service.start();
    for (const char* sender : {"<lists@example.org>", "<x@trusted.example>", "<also@example.org>"})
        BOOST_TEST(outcome(service, {.envelope = from(sender)}) == "exempt", sender);
    BOOST_TEST(outcome(service, {.envelope = from("<new@example.org>")}) == kRejected);

    BOOST_TEST(reload_config(service).at("changed") == false);
    write_file(senders, "new@example.org\n");
    MilterClient old = service.session();
    const json answer = reload_config(service);
    BOOST_TEST(answer.at("ok") == true, answer);
    BOOST_TEST(answer.at("changed") == true, answer);
    BOOST_TEST(outcome(service, {.envelope = from("<new@example.org>")}) == "exempt");
    BOOST_TEST(outcome(service, {.envelope = from("<lists@example.org>")}) == kRejected);
    // Sessions end as they began.
    BOOST_TEST(old.message(eicar_attached(), from("<lists@example.org>")).status() == kExempt);
    old.quit();
}

BOOST_AUTO_TEST_CASE(a_bad_list_is_refused_with_its_place_and_nothing_changes) {
    Service service;
    const fs::path list = service.path("list");
    const std::vector<std::tuple<const char*, const char*, const char*>> bad = {
        {"skip.networks_file", "192.0.2.0/24\n10.0.0.1/8\n", "list:2: "},
        {"skip.networks_file", "300.1.2.3\n", "list:1: "},
        {"skip.users_file", "alice\n/(/\n", "list:2: "},
        {"skip.senders_file", "a@b.example\nc@d.example\n@\n", "list:3: "},
        {"skip.recipients_file", "/[/\n", "list:1: "},
        {"skip.senders_file", nullptr, "list"}, // none is there
    };
    service.start();
    for (const auto& [key, content, place] : bad) {
        fs::remove(list);
        if (content != nullptr) write_file(list, content);
        service.set(key, quoted(list));
        const json answer = reload_config(service);
        BOOST_TEST(answer.at("ok") == false, key);
        const auto error = answer.at("error").get<std::string>();
        BOOST_TEST(error.find(key) != std::string::npos, error);
        BOOST_TEST(error.find(place) != std::string::npos, error);
        BOOST_TEST(outcome(service, {}) == kRejected);
        service.set(key, "");
    }
}

BOOST_AUTO_TEST_CASE(a_service_whose_list_is_bad_does_not_start) {
    Service service;
    service.set("skip.networks_file", quoted(service.path("absent")));
    service.launch();
    BOOST_TEST(service.wait_end() == 78);
    BOOST_TEST(service.log().find("skip.networks_file") != std::string::npos, service.log());
}

BOOST_AUTO_TEST_CASE(a_list_that_went_bad_while_serving_exempts_nobody_and_is_told) {
    Service service;
    const fs::path senders = service.path("senders");
    write_file(senders, "lists@example.org\n");
    service.set("skip.senders_file", quoted(senders));
    service.set("skip.senders", R"(["also@example.org"])");
    service.start();
    BOOST_TEST(outcome(service, {.envelope = from("<lists@example.org>")}) == "exempt");
    fs::remove(senders);
    // A worker that comes later reads it.
    for (const pid_t worker : service.pids("session")) ::kill(worker, SIGKILL);
    service.wait_log({"list-failed", "skip.senders_file"});
    service.wait_ready();
    BOOST_TEST(outcome(service, {.envelope = from("<lists@example.org>")}) == kRejected);
    BOOST_TEST(outcome(service, {.envelope = from("<also@example.org>")}) == "exempt");
}

BOOST_AUTO_TEST_SUITE_END()
