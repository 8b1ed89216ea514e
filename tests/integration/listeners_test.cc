// [[listener]]: several policies on one family of processes; listeners that come, go and change while others serve.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;
const std::string kInfected = std::string("Infected (") + kEicarName + ")";

struct Listeners : Service {
    std::map<std::string, std::string> blocks; // name -> the rest of its block

    [[nodiscard]] std::string address(const std::string& name) const { return "unix:" + path(name + ".sock").string(); }
    // Written, not yet asked for.
    void block(const std::string& name, const std::string& rest) {
        blocks[name] = rest;
        write_blocks();
    }
    void without(const std::string& name) {
        blocks.erase(name);
        write_blocks();
    }
    [[nodiscard]] MilterClient open(const std::string& name) const {
        MilterClient client(name.empty() ? milter_address() : address(name));
        client.open();
        return client;
    }
    [[nodiscard]] Verdict answer(const std::string& name, const std::string& mail = eicar_attached()) const {
        MilterClient client = open(name);
        Verdict verdict = client.message(mail);
        client.quit();
        return verdict;
    }
    json take() const {
        json outcome = ask(*this, "reload-config");
        BOOST_TEST(outcome.at("ok") == true, outcome);
        return outcome;
    }

  private:
    void write_blocks() {
        std::string text;
        for (const auto& [name, rest] : blocks)
            text += (text.empty() ? "" : ", ") + ("{name = \"" + name + "\", address = [\"" + address(name) + "\"]") +
                    (rest.empty() ? "" : ", ") + rest + "}";
        set("listener", blocks.empty() ? "" : "[" + text + "]");
    }
};

ino_t inode(const std::string& path) {
    struct stat about {};
    BOOST_REQUIRE(::stat(path.c_str(), &about) == 0);
    return about.st_ino;
}

} // namespace

BOOST_AUTO_TEST_SUITE(listeners_test)

BOOST_AUTO_TEST_CASE(each_has_its_own_policy_on_one_family_of_processes) {
    Listeners service;
    service.block("submission",
                  "actions.infected = \"discard\", headers.add = \"no\", skip.authenticated = true, "
                  "actions.error_text = \"451 4.7.1 submission: later\"");
    service.block("tagging", "actions.infected = \"accept\"");
    service.block("texts", "actions.reject_text = \"554 5.7.0 no {virus} on this port\"");
    service.block("watching", "mode = \"observe\"");
    service.set("workers.session_max", "1");
    service.set("workers.session_min", "1");
    service.start();
    BOOST_TEST(service.pids("session").size() == 1U);

    BOOST_TEST(service.answer("").text() == kRejected);
    BOOST_TEST(service.answer("submission").text() == "discard");
    BOOST_TEST(service.answer("tagging").text() == "accept");
    BOOST_TEST(service.answer("tagging").status() == kInfected);
    BOOST_TEST(service.answer("texts").text() == std::string("554 5.7.0 no ") + kEicarName + " on this port");
    BOOST_TEST(service.answer("watching").text() == "accept");
    BOOST_TEST(service.answer("watching").status() == kInfected);
    service.wait_log({"message", "action=discard", "listener=submission"});
    service.wait_log({"message", "action=accept", "observed=reject", "listener=watching"});

    BOOST_TEST(service.answer("", clean_mail()).status() == "Clean");
    BOOST_TEST(service.answer("submission", clean_mail()).modifications.empty());
    Envelope alice;
    alice.user = "alice";
    for (const auto& [listener, exempt] : {std::pair("submission", true), {"", false}, {"tagging", false}}) {
        MilterClient client = service.open(listener);
        BOOST_TEST((client.message(eicar_in_body(), alice).text() == "accept") ==
                   (exempt || listener == std::string("tagging")));
        client.quit();
    }
    BOOST_TEST(service.status().at("messages").at("skipped_by").at("user") == 1);
    BOOST_TEST(service.pids("session").size() == 1U);
}

BOOST_AUTO_TEST_CASE(they_come_and_go_and_change_while_sessions_go_on) {
    Listeners service;
    service.block("old", "actions.infected = \"discard\"");
    service.start();
    const ino_t socket = inode(service.path("milter.sock"));
    MilterClient at_default = service.open("");
    MilterClient at_old = service.open("old");

    service.without("old");
    service.block("new", "actions.infected = \"accept\"");
    BOOST_TEST(service.take().at("changed") == true);
    BOOST_CHECK_THROW((void)service.open("old"), std::runtime_error);
    BOOST_TEST(service.answer("new").status() == kInfected);
    // Sessions that had begun end under the policy that they began with.
    BOOST_TEST(at_old.message(eicar_attached()).text() == "discard");
    BOOST_TEST(at_default.message(eicar_attached()).text() == kRejected);
    at_old.quit();

    MilterClient before_change = service.open("new");
    service.block("new", "actions.infected = \"reject\"");
    service.take();
    BOOST_TEST(service.answer("new").text() == kRejected);
    BOOST_TEST(before_change.message(eicar_attached()).status() == kInfected);
    BOOST_TEST(inode(service.path("milter.sock")) == socket);
    BOOST_TEST(at_default.message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.status().at("crashes").at("session") == 0);
}

BOOST_AUTO_TEST_CASE(a_socket_that_moves_between_policies_stays_open) {
    Listeners service;
    service.block("moved", "");
    const std::string address = service.address("moved");
    service.set("listener", "");
    service.set("milter.listen", "[\"" + service.milter_address() + "\", \"" + address + "\"]");
    service.start();
    const ino_t socket = inode(service.path("moved.sock"));
    BOOST_TEST(service.answer("moved").text() == kRejected);
    service.set("milter.listen", "[\"" + service.milter_address() + "\"]");
    service.block("moved", "actions.infected = \"discard\"");
    service.take();
    BOOST_TEST(inode(service.path("moved.sock")) == socket);
    BOOST_TEST(service.answer("moved").text() == "discard");
    BOOST_TEST(service.answer("").text() == kRejected);
}

BOOST_AUTO_TEST_CASE(one_whose_socket_cannot_be_had_is_refused_and_nothing_changes) {
    Listeners service;
    service.block("good", "actions.infected = \"discard\"");
    service.start();
    MilterClient held = service.open("good");
    service.set("listener", "[{name = \"bad\", address = [\"unix:" + service.path("absent").string() + "/m.sock\"]}]");
    json refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("absent") != std::string::npos, refused);
    service.set("listener", "[{name = \"bad\", address = [\"inet:7358@no.such.host.invalid\"]}]");
    refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("listener[bad].address") != std::string::npos, refused);
    service.set("listener", "[{name = \"bad\", address = [\"unix:/x\"], colour = 3}]");
    refused = ask(service, "reload-config");
    BOOST_TEST(refused.at("error").get<std::string>().find("listener[bad].colour: unknown key") != std::string::npos,
               refused);
    BOOST_TEST(service.answer("good").text() == "discard");
    BOOST_TEST(held.message(eicar_attached()).text() == "discard");
}

BOOST_AUTO_TEST_CASE(who_may_speak_is_said_by_each) {
    Service service;
    service.set("listener",
                "[{name = \"open\", address = [\"inet:0@127.0.0.1\"], allow = [\"127.0.0.1/32\"]}, "
                "{name = \"shut\", address = [\"inet:0@127.0.0.2\"], allow = [\"192.0.2.0/24\"]}]");
    service.start();
    std::string open;
    std::string shut;
    const json status = service.status();
    for (const json& one : status.at("listeners")) {
        const auto text = one.get<std::string>();
        if (text.ends_with("@127.0.0.1")) open = text;
        if (text.ends_with("@127.0.0.2")) shut = text;
    }
    BOOST_REQUIRE(!open.empty());
    BOOST_REQUIRE(!shut.empty());
    MilterClient allowed(open);
    allowed.open();
    BOOST_TEST(allowed.message(eicar_attached()).text() == kRejected);
    MilterClient refused(shut);
    refused.wait_closed();
    service.wait_status("it is counted",
                        [](const json& now) { return now.at("sessions").at("refused_total").at("not_allowed") == 1; });
}

BOOST_AUTO_TEST_CASE(without_milter_listen_the_listeners_serve_alone) {
    Listeners service;
    service.set("milter.listen", "[]");
    service.block("only", "");
    service.start();
    BOOST_TEST(service.answer("only").text() == kRejected);
    BOOST_TEST(service.ctl({"probe", "--milter", service.address("only")}).status == 0);
}

BOOST_AUTO_TEST_CASE(observing_changes_no_answer_whatever_is_found) {
    Service service(Keys{{"milter.mode", "\"observe\""},
                         {"actions.oversize", "\"reject\""},
                         {"actions.forged", "\"reject\""},
                         {"headers.max_forged", "1"},
                         {"message.max_size", "\"10KiB\""}});
    service.start();
    MilterClient client = service.session();
    const Verdict infected = client.message(eicar_attached());
    BOOST_TEST(infected.text() == "accept");
    BOOST_TEST(infected.status() == kInfected);
    BOOST_TEST(!infected.quarantined());
    const Verdict large = client.message(clean_mail(noise(20'000, 1)));
    BOOST_TEST(large.text() == "accept");
    BOOST_TEST(large.status() == "Not scanned (too large)");
    const Verdict forged = client.message("X-Virus-Status: Clean\r\nX-Virus-Status: Clean\r\n" + clean_mail());
    BOOST_TEST(forged.text() == "accept");
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    const json counted = service.wait_status("counted as what they are",
                                             [](const json& now) { return now.at("messages").at("infected") == 1; });
    BOOST_TEST(counted.at("messages").at("oversize") == 1);
    service.wait_log({"message", "action=accept", "observed=reject", "verdict=infected"});
    service.wait_log({"message", "action=accept", "observed=reject", "verdict=oversize"});
}

BOOST_AUTO_TEST_SUITE_END()
