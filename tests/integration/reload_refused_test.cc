// A refused reload leaves everything as it was, and the reply, the status and the log say why.
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A service with one active generation, whose directory is then damaged.
struct Serving {
    explicit Serving(const Keys& keys = {}) : service(with_refusal(keys)) {
        add_second_signature(service);
        write_bulk_database(service.database(), 20);
    }
    void start() {
        service.start();
        now = current(service);
        processes = processes_of(service, now);
        snapshots = entries_below(service.state_directory() / "snapshots");
        held.emplace(service.session());
        BOOST_REQUIRE(held->message(second_mail()).text() == kSecondRejected);
        // A load that was refused for a reason that may pass is tried again, but not during a hold.
        BOOST_TEST(ask(service, "hold").at("ok") == true);
    }
    static Keys with_refusal(Keys keys) {
        keys.emplace("database.broken_file", "\"refuse\"");
        return keys;
    }
    // Checks that the reload is refused with all of `words` in its reason.
    void refused(const std::vector<std::string>& words, const std::string& command = "reload") {
        const json answer = ask(service, command);
        BOOST_TEST(answer.at("ok") == false, answer);
        if (answer.at("ok") == true) return;
        const auto error = answer.at("error").get<std::string>();
        for (const std::string& word : words)
            BOOST_TEST(error.find(word) != std::string::npos, "\"" << error << "\" lacks \"" << word << "\"");
        BOOST_TEST(answer.at("generation") == now, answer);
        const json status = service.status();
        BOOST_TEST(status.at("last_reload").at("ok") == false);
        BOOST_TEST(status.at("last_reload").at("error") == error);
        BOOST_TEST(status.at("current_generation") == now);
        BOOST_TEST(state_of(status, now) == "active");
        std::size_t failed = 0;
        for (const auto& one : status.at("generations"))
            if (one.at("state") == "failed" && one.at("error") == error) ++failed;
        BOOST_TEST(failed >= 1U);
        BOOST_TEST(!service.wait_log({"load-refused", "role=supervisor", words.front()}).empty());
        as_it_was();
    }
    void as_it_was() {
        service.wait_status("nothing of the attempt is left", [&](const json& status) {
            return status.at("state") == "degraded" && status.at("workers").size() == 2 + processes.size();
        });
        const json status = service.status();
        BOOST_TEST(status.at("reason").get<std::string>().starts_with("signatures are stale since "),
                   status.at("reason"));
        BOOST_TEST(status.at("stale").at("since").get<std::int64_t>() >= stale_since);
        stale_since = status.at("stale").at("since").get<std::int64_t>();
        BOOST_TEST(processes_of(service, now) == processes, boost::test_tools::per_element());
        BOOST_TEST(entries_below(service.state_directory() / "snapshots") == snapshots,
                   boost::test_tools::per_element());
        BOOST_TEST(held->message(second_mail()).text() == kSecondRejected);
        BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(service.session().message(clean_mail("as before")).status() == "Clean");
    }

    Service service;
    std::uint64_t now = 0;
    std::int64_t stale_since = 1; // Unix time
    std::vector<pid_t> processes;
    std::vector<std::string> snapshots;
    std::optional<MilterClient> held;
};

// Changes a file of the directory while this object lives, then restores it.
class Spoiled {
  public:
    Spoiled(const Service& service, const std::string& name, const std::string& content)
        : path_(service.database() / name), existed_(fs::exists(path_)), before_(existed_ ? read_file(path_) : "") {
        write_file(path_, content);
    }
    ~Spoiled() {
        if (existed_)
            write_file(path_, before_);
        else
            fs::remove(path_);
    }
    Spoiled(const Spoiled&) = delete;
    Spoiled& operator=(const Spoiled&) = delete;
    [[nodiscard]] std::string path() const { return path_; }

  private:
    fs::path path_;
    bool existed_;
    std::string before_;
};

std::string without_last(const std::string& text, std::size_t bytes) {
    return text.substr(0, text.size() - bytes);
}

} // namespace

BOOST_AUTO_TEST_SUITE(reload_refused_test)

BOOST_AUTO_TEST_CASE(broken_databases_are_refused_with_file_and_line) {
    Serving one;
    one.start();
    const Service& service = one.service;
    {
        const Spoiled file(service, "bulk.hdb", without_last(read_file(service.database() / "bulk.hdb"), 14));
        one.refused({file.path(), "line 20"});
    }
    {
        const Spoiled file(service, "broken.hdb", "00112233445566778899aabbccddeeff:10:Good\n0011\n");
        one.refused({file.path(), "line 2"});
    }
    {
        const Spoiled file(service, "broken.ndb", "Good:0:*:00112233445566\nBad:0:*:zz\n");
        one.refused({file.path(), "line 2"});
    }
    {
        const Spoiled file(service, "broken.ldb", "Bad;Engine:81-255,Target:0;0&1;00112233445566\n");
        one.refused({file.path(), "line 1"});
    }
    {
        const Spoiled file(service, "broken.cvd", std::string(2000, 'x'));
        one.refused({file.path()});
    }
    {
        // A header of the right form, followed by data without a valid signature.
        std::string header = "ClamAV-VDB:20 Nov 2026 09-36 +0000:27800:100:90:" + std::string(32, '0') + ":x:builder:1";
        header.resize(512, ' ');
        const Spoiled file(service, "daily.cvd", header + "garbage");
        one.refused({file.path()});
    }
    // And the fault is forgotten once the file is repaired.
    write_signature(service.database(), "Third", "evermilter-third-signature-text");
    const json done = ask(service);
    BOOST_TEST(done.at("ok") == true, done);
    BOOST_TEST(service.status().at("last_reload").at("error") == "");
    BOOST_TEST(service.status().at("state") == "ready");
    BOOST_TEST(service.status().at("stale").is_null());
}

BOOST_AUTO_TEST_CASE(an_empty_or_missing_directory_is_refused) {
    Serving one;
    one.start();
    const Service& service = one.service;
    fs::rename(service.database(), service.path("away"));
    one.refused({service.database().string()});
    fs::create_directory(service.database());
    one.refused({"no database in " + service.database().string()});
    one.refused({"no database in " + service.database().string()}, "reload --force");
    fs::remove(service.database());
    fs::rename(service.path("away"), service.database());
    BOOST_TEST(ask(service).at("changed") == false);
}

BOOST_AUTO_TEST_CASE(an_unreadable_file_is_refused) {
    Serving one;
    one.start();
    const std::string path = one.service.database() / "Second.ndb";
    BOOST_REQUIRE(chmod(path.c_str(), 0) == 0);
    one.refused({path, "Permission denied"});
    BOOST_REQUIRE(chmod(path.c_str(), 0644) == 0);
    BOOST_TEST(ask(one.service).at("changed") == false);
}

BOOST_AUTO_TEST_CASE(shrunken_and_vanished_databases_are_refused_unless_forced) {
    Serving one;
    one.start();
    const Service& service = one.service;
    {
        const std::string all = read_file(service.database() / "bulk.hdb");
        const Spoiled file(service, "bulk.hdb", all.substr(0, all.find("Bulk.3") + 7));
        one.refused({"signatures", "database.min_ratio"});
    }
    fs::rename(service.database() / "bulk.hdb", service.path("bulk.hdb"));
    one.refused({"database bulk.hdb has vanished"});
    const json forced = ask(service, "reload --force");
    BOOST_TEST(forced.at("ok") == true, forced);
    BOOST_TEST(generation(service.status(), current(service)).at("signatures") == 2);
}

// freshclam changes from one to the other. Files other than .cud are signed by ClamAV's makers, which a test cannot do:
// they are refused for that, and not because the other file has vanished.
BOOST_AUTO_TEST_CASE(a_database_is_the_same_one_as_cvd_as_cld_and_as_cud) {
    Serving one;
    const Service& service = one.service;
    const std::string built = service.path("site.cud");
    const auto build = [&](const std::string& signatures) {
        const fs::path folder = service.path("site");
        fs::create_directories(folder);
        write_file(folder / "COPYING", "A test's.\n");
        write_file(folder / "site.ndb", signatures);
        const Outcome made = run({"sh", "-c",
                                  "cd " + folder.string() +
                                      " && SIGNDUSER=tests sigtool --unsigned --build=site.cud --cvd-version=1"
                                      " --max-bad-sigs=0 </dev/null && mv -f site.cud .."});
        BOOST_REQUIRE_MESSAGE(made.status == 0, made.errors);
        // A header of 512 bytes and an archive, which only in a .cld is not compressed.
        const std::string container = read_file(built);
        write_file(folder / "tar.gz", container.substr(512));
        BOOST_REQUIRE(run({"gunzip", "-f", (folder / "tar.gz").string()}).status == 0);
        write_file(service.path("site.cld"), container.substr(0, 512) + read_file(folder / "tar"));
    };
    build("Site.One:0:*:6162636465666768\n");
    fs::copy_file(built, service.database() / "site.cud");
    one.start();
    fs::remove(service.database() / "site.cud");
    fs::copy_file(built, service.database() / "site.cvd");
    one.refused({"site.cvd", "verify database integrity"});
    fs::remove(service.database() / "site.cvd");
    fs::copy_file(service.path("site.cld"), service.database() / "site.cld");
    one.refused({"site.info", "Digital signature not found"});
    fs::remove(service.database() / "site.cld");
    fs::copy_file(built, service.database() / "other.cud");
    one.refused({"database site has vanished"});
    fs::remove(service.database() / "other.cud");
    build("Site.One:0:*:6162636465666768\nSite.Two:0:*:6162636465666769\n");
    fs::copy_file(built, service.database() / "site.cud");
    BOOST_TEST(ask(service).at("ok") == true);
}

BOOST_AUTO_TEST_CASE(samples_of_the_site_that_are_judged_wrongly_refuse_the_generation) {
    Serving one;
    const fs::path proof = one.service.path("proof");
    fs::create_directories(proof / "infected");
    fs::create_directories(proof / "clean");
    write_file(proof / "infected" / "second.eml", second_mail());
    write_file(proof / "clean" / "invoice.eml", clean_mail("evermilter-invoice-text"));
    one.service.set("database.proof_directory", "\"" + proof.string() + "\"");
    one.start();
    const Service& service = one.service;
    {
        write_signature(service.database(), "FalsePositive", "evermilter-invoice-text");
        one.refused({(proof / "clean" / "invoice.eml").string(), "FalsePositive"});
        one.refused({(proof / "clean" / "invoice.eml").string(), "FalsePositive"}, "reload --force");
        fs::remove(service.database() / "FalsePositive.ndb");
    }
    {
        const Spoiled file(service, "Second.ndb", "Other:0:*:0011223344556677\n");
        one.refused({(proof / "infected" / "second.eml").string()});
    }
    BOOST_TEST(ask(service).at("changed") == false);
}

BOOST_AUTO_TEST_CASE(a_full_disk_while_the_snapshot_is_taken_is_refused) {
    if (!is_root()) not_possible("an own mount needs root");
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        not_possible("this machine allows no mount");
    Serving one;
    const fs::path state = one.service.state_directory();
    fs::create_directory(state);
    const std::string options = "size=1m,mode=0750,uid=" + std::to_string(one.service.user().user);
    if (mount("tmpfs", state.c_str(), "tmpfs", 0, options.c_str()) != 0) not_possible("this machine allows no mount");
    one.start();
    write_bulk_database(one.service.database(), 100000);
    one.refused({"cannot write the snapshot", "No space left on device"});
    write_bulk_database(one.service.database(), 40);
    const json done = ask(one.service);
    BOOST_TEST(done.at("ok") == true, done);
    one.held.reset();
    BOOST_TEST(one.service.stop() == 0);
    umount2(state.c_str(), MNT_DETACH);
}

BOOST_AUTO_TEST_CASE(the_id_of_a_refused_load_is_not_used_again_after_a_restart) {
    Service service;
    service.start();
    write_file(service.database() / "daily.cvd", "broken\n");
    const json refused = ask(service);
    BOOST_TEST(refused.at("ok") == false, refused);
    const json last = service.status().at("generations").back();
    BOOST_REQUIRE(last.at("state") == "failed");
    BOOST_TEST(service.stop() == 0);
    fs::remove(service.database() / "daily.cvd");
    service.start();
    BOOST_TEST(current(service) > last.at("id").get<std::uint64_t>());
}

// ---------------------------------------------------------------- what does not refuse a load

BOOST_AUTO_TEST_CASE(one_broken_third_party_file_keeps_its_last_good_version_and_everything_else_is_loaded) {
    Service service;
    add_second_signature(service);
    service.start();
    write_signature(service.database(), "Third", "evermilter-third-signature-text");
    write_file(service.database() / "Second.ndb", "broken\n");
    write_file(service.database() / "rules.yar", "rule x { condition: undefined_name }\n");
    const Outcome reload = service.ctl({"reload"});
    BOOST_TEST(reload.status == 0, reload.errors);
    for (const char* word : {"WARNING", "Second.ndb", "rules.yar", "left out", "is used instead"})
        BOOST_TEST(reload.output.find(word) != std::string::npos, word << " is not in " << reload.output);
    json status = service.status();
    BOOST_TEST(status.at("state") == "degraded");
    BOOST_TEST(status.at("reason").get<std::string>().starts_with("broken database: "), status.at("reason"));
    BOOST_TEST(generation(status, current(service)).at("signatures") == 3U);
    BOOST_TEST(generation(status, current(service)).at("broken").size() == 2U);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    service.wait_log({"event=database-broken", "Second.ndb"});
    // The same directory does not count as another database.
    BOOST_TEST(ask(service).at("changed") == false);
    // The same holds for a start.
    BOOST_TEST(service.stop() == 0);
    service.launch();
    status = wait_serving(service);
    BOOST_TEST(generation(status, status.at("current_generation")).at("signatures") == 3U);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
    add_second_signature(service);
    fs::remove(service.database() / "rules.yar");
    BOOST_TEST(ask(service).at("ok") == true);
    BOOST_TEST(service.status().at("state") == "ready");
}

BOOST_AUTO_TEST_CASE(a_first_start_leaves_out_a_broken_third_party_file) {
    Service service;
    write_file(service.database() / "rules.yar", "rule x { condition: undefined_name }\n");
    service.launch();
    const json status = wait_serving(service);
    BOOST_TEST(status.at("state") == "degraded");
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
}

BOOST_AUTO_TEST_CASE(a_vanished_database_is_given_up_after_its_time_and_its_loss_is_told) {
    Service service(Keys{{"database.vanished_after", "\"1s\""}});
    write_bulk_database(service.database(), 20);
    service.start();
    const auto first = current(service);
    fs::remove(service.database() / "bulk.hdb");
    add_second_signature(service);
    const json refused = ask(service);
    BOOST_TEST(refused.at("ok") == false, refused);
    BOOST_TEST(refused.at("error").get<std::string>().find("database bulk.hdb has vanished") != std::string::npos);
    const json status = service.wait_status("it goes on without", [&](const json& now) {
        return now.at("current_generation") > first && now.at("state") == "ready";
    });
    BOOST_TEST(generation(status, current(service)).at("signatures") == 2U);
    BOOST_TEST(generation(status, current(service)).at("notes").dump().find("19 signatures fewer") != std::string::npos,
               status);
    service.wait_log({"event=databases-vanished", "bulk.hdb", "signatures_lost=19"});
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(other_settings_do_not_go_on_without_a_vanished_database_and_tell_of_a_broken_one) {
    Service service(Keys{{"database.watch", "false"}});
    add_second_signature(service);
    service.start();
    const auto first = current(service);
    fs::remove(service.database() / "Second.ndb");
    service.set("scanner.max_recursion", "12");
    service.write_config();
    const Outcome refused = service.ctl({"reload-config"});
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.errors.find("Second.ndb has vanished") != std::string::npos, refused.errors);
    BOOST_TEST(current(service) == first);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);

    write_file(service.database() / "Second.ndb", "broken\n");
    const Outcome taken = service.ctl({"reload-config"});
    BOOST_TEST(taken.status == 0, taken.errors);
    BOOST_TEST(taken.output.find("WARNING") != std::string::npos, taken.output);
    BOOST_TEST(taken.output.find("Second.ndb") != std::string::npos, taken.output);
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(what_has_vanished_while_the_service_was_stopped_is_told) {
    Service service;
    write_bulk_database(service.database(), 20);
    service.start();
    BOOST_TEST(service.stop() == 0);
    fs::remove(service.database() / "bulk.hdb");
    service.start();
    const json now = generation(service.status(), current(service));
    BOOST_TEST(now.at("signatures") == 1U);
    BOOST_TEST(now.at("notes").dump().find("bulk.hdb; 20 signatures fewer") != std::string::npos, now);
    service.wait_log({"event=databases-vanished", "bulk.hdb", "signatures_lost=20"});
}

BOOST_AUTO_TEST_CASE(a_loader_that_crashes_is_followed_by_one_that_looks_for_the_cause) {
    Service service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    HeldLoad held(service);
    kill(held.loader(), SIGSEGV);
    held.go_on();
    service.wait_log({"event=load-crashed"});
    service.wait_status("the load was done after all", [&](const json& status) {
        return status.at("current_generation") > held.generation() && status.at("state") == "ready";
    });
}

BOOST_AUTO_TEST_CASE(a_refusal_that_may_pass_is_tried_again) {
    Service service;
    write_bulk_database(service.database(), kBulk);
    service.start();
    const auto first = current(service);
    add_second_signature(service);
    HeldLoad held(service);
    kill(held.loader(), SIGKILL);
    service.wait_log({"load-refused", "signal 9"});
    service.wait_log({"event=signatures-stale"});
    service.wait_status("nobody has asked again", [&](const json& status) {
        return status.at("current_generation") > first && status.at("state") == "ready";
    });
    BOOST_TEST(service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_SUITE_END()
