// [[senders]] with real session workers: refused at MAIL or RCPT, decided at the end by From, tagged; files that change
// are followed without a reload.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Listed : Service {
    explicit Listed(const std::string& more = {}, const Keys& keys = {}) : Service(keys) {
        set("workers.session_min", "1"); // each follows the files for itself
        set("workers.session_max", "1");
        write("list", "spammer@example.org\n@spam.example\n");
        write("opt-in", "wants@example.com\n");
        set("senders", "[{name = \"spammers\", file = \"" + path("list").string() + "\"" + more + "}]");
    }
    // Replaced at once, as an editor does.
    void write(const std::string& name, const std::string& text) const {
        write_file(path(name + ".new"), text);
        fs::permissions(path(name + ".new"), fs::perms(0644));
        fs::rename(path(name + ".new"), path(name));
    }
    [[nodiscard]] std::string opt_in() const { return ", opt_in = \"" + path("opt-in").string() + "\""; }
    [[nodiscard]] Verdict answer(const std::string& mail, const std::string& sender,
                                 const std::vector<std::string>& recipients = {"<r@example.com>"}) const {
        MilterClient client = session();
        Envelope envelope;
        envelope.sender = sender;
        envelope.recipients = recipients;
        Verdict verdict = client.message(mail, envelope);
        client.quit();
        return verdict;
    }
};

constexpr const char* kRefused = "550 5.7.1 sender not accepted here";
constexpr const char* kSpammer = "<spammer@example.org>";

std::string mail_from(const std::string& from) {
    return "From: " + from + "\r\nSubject: test\r\n\r\nHello.\r\n";
}

} // namespace

BOOST_AUTO_TEST_SUITE(senders_test)

BOOST_AUTO_TEST_CASE(a_listed_sender_is_refused_at_mail_and_the_session_goes_on) {
    Listed service;
    service.start();
    MilterClient client = service.session();
    Envelope envelope;
    for (const char* sender : {kSpammer, "<anybody@spam.example>"}) {
        envelope.sender = sender;
        BOOST_TEST(client.mail(envelope).text() == kRefused);
    }
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    service.wait_log({"sender-refused", "list=spammers", "reply=550", "from=<spammer@example.org>"});
    BOOST_TEST(service.status().at("senders").at("refused") == 2);
}

BOOST_AUTO_TEST_CASE(recipients_who_opt_in_are_spared_and_the_others_get_it) {
    Listed service;
    service.set("senders",
                "[{name = \"spammers\", file = \"" + service.path("list").string() + "\"" + service.opt_in() + "}]");
    service.start();
    MilterClient client = service.session();
    Envelope envelope;
    envelope.sender = kSpammer;
    BOOST_TEST(client.mail(envelope).command == 'c');
    BOOST_TEST(client.rcpt("<wants@example.com>").text() == kRefused);
    BOOST_TEST(client.rcpt("<r@example.com>").command == 'c');
    client.data();
    client.content(clean_mail());
    BOOST_TEST(client.end_of_message().status() == "Clean");
    service.wait_log({"event=message ", "recipients=1", "list=spammers"});
}

BOOST_AUTO_TEST_CASE(an_address_in_from_is_refused_at_the_end_or_tagged) {
    Listed service(", match = [\"from\"], header = \"X-Listed: {virus}\"");
    service.start();
    BOOST_TEST(service.answer(mail_from("\"Dear Friend\" <spammer@example.org>"), "<x@example.net>").text() ==
               kRefused);
    BOOST_TEST(service.answer(mail_from("\"spammer@example.org\" <x@example.net>"), kSpammer).status() == "Clean");
    service.set("senders",
                "[{name = \"spammers\", file = \"" + service.path("list").string() +
                    "\", match = [\"from\", \"envelope\"], action = \"accept\", header = \"X-Listed: {virus}\"}]");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    for (const Verdict& tagged : {service.answer(mail_from("spammer@example.org"), "<x@example.net>"),
                                  service.answer(clean_mail(), kSpammer)}) {
        BOOST_TEST(tagged.status() == "Clean");
        BOOST_TEST(tagged.added("X-Listed").value_or("") == "spammers");
    }
    BOOST_TEST(!service.answer(clean_mail(), "<x@example.net>").added("X-Listed").has_value());
    BOOST_TEST(service.answer(eicar_attached(), kSpammer).text() ==
               std::string("550 5.7.1 virus found: ") + kEicarName);
}

BOOST_AUTO_TEST_CASE(quarantine_and_discard_are_done_at_the_end) {
    Listed service(", action = \"quarantine\"");
    service.start();
    BOOST_TEST(service.answer(clean_mail(), kSpammer).quarantined());
    service.set("senders",
                "[{name = \"spammers\", file = \"" + service.path("list").string() + "\", action = \"discard\"}]");
    BOOST_TEST(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(service.answer(clean_mail(), kSpammer).text() == "discard");
}

BOOST_AUTO_TEST_CASE(where_the_mail_server_cannot_hold_a_message_it_is_told_to_come_again) {
    Listed service(", action = \"quarantine\"");
    service.start();
    Offer offer;
    offer.actions = 0x1ff & ~0x20U; // SMFIF_QUARANTINE
    MilterClient client = service.session(offer);
    Envelope envelope;
    envelope.sender = kSpammer;
    const Verdict verdict = client.message(clean_mail(), envelope);
    BOOST_TEST(verdict.text().starts_with("451 "), verdict.text());
    BOOST_TEST(!verdict.quarantined());
}

BOOST_AUTO_TEST_CASE(a_changed_file_is_followed_and_a_broken_one_changes_nothing) {
    Listed service;
    service.start();
    const auto refused = [&](const std::string& sender) {
        return service.answer(clean_mail(), sender).text() == kRefused;
    };
    BOOST_TEST(refused(kSpammer));
    service.write("list", "other@example.org\n");
    wait_until("the other is refused", [&] { return refused("<other@example.org>"); });
    BOOST_TEST(!refused(kSpammer));
    service.wait_log({"list-read", "key=senders[spammers].file"});
    service.write("list", "third@example.org\n/(/\n");
    service.wait_log({"list-failed", "key=senders[spammers].file", "list:2:"});
    BOOST_TEST(refused("<other@example.org>"));
    BOOST_TEST(!refused("<third@example.org>"));
    // A reload of the configuration refuses it, with the place.
    const json answer = ask(service, "reload-config");
    BOOST_TEST(answer.at("ok") == false);
    BOOST_TEST(answer.dump().find("list:2:") != std::string::npos, answer);
}

BOOST_AUTO_TEST_CASE(an_observing_listener_refuses_nobody_and_says_what_it_would_do) {
    Listed service("", Keys{{"milter.mode", "\"observe\""}});
    service.start();
    BOOST_TEST(service.answer(clean_mail(), kSpammer).status() == "Clean");
    service.wait_log({"event=message ", "observed=reject", "list=spammers"});
}

BOOST_AUTO_TEST_SUITE_END()
