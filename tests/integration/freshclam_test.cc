// Real freshclam beside the service, as contrib/freshclam says: what it has fetched is in force, and its log says so.
// It fetches a database of DatabaseCustomURL from a file, which needs no network; its own are fetched in the same way.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

const std::string kContrib = std::string(EVERMILTER_SOURCE_DIRECTORY) + "/contrib/freshclam";

// The database directory belongs to the user of the scanners, as whom freshclam runs too: it makes files of
// DatabaseCustomURL readable for that user alone.
struct Fetching : Service {
    explicit Fetching(Keys keys = {}) : Service(with(std::move(keys))) {
        for (const char* folder : {"db", "freshclam"}) {
            fs::create_directories(path(folder));
            BOOST_REQUIRE(!is_root() || ::chown(path(folder).c_str(), user().user, user().group) == 0);
        }
        publish("evermilter-of-the-old-days-text");
        start();
    }
    // What the publisher has.
    void publish(const std::string& text) const { write_signature(path("freshclam"), "Second", text); }
    // As its daemon does it at each check; `how` are lines of its configuration.
    [[nodiscard]] Outcome freshclam(const std::string& how) const {
        write_file(path("freshclam.conf"), "DatabaseDirectory " + database().string() +
                                               "\nDNSDatabaseInfo no\nDatabaseMirror http://127.0.0.1:1\n"
                                               "TestDatabases no\nDatabaseCustomURL file://" +
                                               path("freshclam/Second.ndb").string() + "\n" + how);
        return run({"freshclam", "--config-file=" + path("freshclam.conf").string(), "--update-db=custom"}, user());
    }
    // What evermilter-reload has said, and its exit status.
    [[nodiscard]] std::string freshclam_with_hook() const {
        const std::string result = path("freshclam/result");
        const Outcome fetched = freshclam(
            "OnUpdateExecute PATH=" + fs::path(program("evermilterctl")).parent_path().string() + ":$PATH " + kContrib +
            "/evermilter-reload " + status_path() + " >" + result + " 2>&1; echo status $? >>" + result + "\n");
        BOOST_REQUIRE_MESSAGE(fetched.status == 0, fetched.errors);
        return read_file(result);
    }

  private:
    static Keys with(Keys keys) {
        keys.insert({"status.socket_mode", "\"0666\""});
        return keys;
    }
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(freshclam_test)

BOOST_AUTO_TEST_CASE(what_freshclam_notifies_of_is_loaded) {
    Fetching service;
    write_file(service.path("clamd.conf"), "LocalSocket " + service.status_path() + "\n");
    service.publish(kSecondText);
    const Outcome fetched = service.freshclam("NotifyClamd " + service.path("clamd.conf").string() + "\n");
    BOOST_TEST(has(fetched.output, "Clamd successfully notified about the update"), fetched.output + fetched.errors);
    service.wait_status("it is loaded", [](const auto& status) { return status.at("current_generation") == 2; });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(the_hook_ends_when_it_is_in_force_and_says_so) {
    Fetching service;
    service.publish(kSecondText);
    const std::string said = service.freshclam_with_hook();
    BOOST_TEST(has(said, "generation 2 is in use"), said);
    BOOST_TEST(has(said, "status 0"), said);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(the_hook_says_why_it_is_not_in_force) {
    Fetching service(Keys{{"database.broken_file", "\"refuse\""}});
    write_file(service.path("freshclam/Second.ndb"), "no signature\n");
    const std::string refused = service.freshclam_with_hook();
    BOOST_TEST(has(refused, "refused: "), refused);
    BOOST_TEST(has(refused, "Second.ndb"), refused);
    BOOST_TEST(has(refused, "status 1"), refused);

    BOOST_REQUIRE(ask(service, "hold").at("ok") == true);
    service.publish(kSecondText);
    const std::string held = service.freshclam_with_hook();
    BOOST_TEST(has(held, "held"), held);
    BOOST_TEST(has(held, "status 1"), held);
    BOOST_TEST(current(service) == 1U);
    BOOST_TEST(service.status().at("hold") == true);

    BOOST_REQUIRE(service.stop() == 0);
    service.publish("evermilter-of-another-day-text");
    const std::string away = service.freshclam_with_hook();
    BOOST_TEST(has(away, "status 69"), away);
}

BOOST_AUTO_TEST_CASE(what_has_not_changed_is_not_loaded_and_no_failure) {
    Fetching service;
    const Outcome same = run({"sh", "-c",
                              "PATH=" + fs::path(program("evermilterctl")).parent_path().string() + ":$PATH " +
                                  kContrib + "/evermilter-reload " + service.status_path()});
    BOOST_TEST(same.status == 0);
    BOOST_TEST(has(same.output, "nothing has changed"), same.output);
    BOOST_TEST(run({kContrib + "/evermilter-reload", "one", "two"}).status == 64);
}

BOOST_AUTO_TEST_CASE(within_reload_splay_the_hook_waits_and_no_mail_does) {
    Fetching service(Keys{{"reload.splay", "\"1h\""}});
    service.publish(kSecondText);
    StatusClient hook(service.status_path());
    BOOST_REQUIRE(service.freshclam("").status == 0);
    hook.send("reload --automatic\n");
    service.wait_status("a reload waits", [](const auto& status) { return !status.at("reload_due").is_null(); });
    BOOST_TEST(service.session().message(second_mail()).status() == "Clean");
    service.set("reload.splay", "\"0s\"");
    BOOST_REQUIRE(ask(service, "reload-config").at("ok") == true);
    BOOST_TEST(nlohmann::json::parse(hook.receive_until('\n')).at("changed") == true);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(an_automatic_reload_is_not_forced) {
    Fetching service;
    BOOST_TEST(has(ask(service, "reload --force --automatic").at("error"), "--automatic"));
    BOOST_TEST(service.ctl({"reload", "--force", "--automatic"}).status == 64);
}

BOOST_AUTO_TEST_SUITE_END()
