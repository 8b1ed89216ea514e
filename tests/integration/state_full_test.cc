// A state directory that is full or read-only: a failure to write records stops nothing, existing snapshots serve, and
// what needs room is tried again.
#include <sched.h>
#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

// A service whose state directory is a small file system of its own, with two snapshots in it.
struct SmallState {
    SmallState() {
        if (!is_root()) not_possible("an own mount needs root");
        if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            not_possible("this machine allows no mount");
        fs::create_directory(state());
        if (mount("tmpfs", state().c_str(), "tmpfs", 0, options("").c_str()) != 0)
            not_possible("this machine allows no mount");
        service.start();
        first = current(service);
        add_second_signature(service);
        BOOST_TEST(ask(service).at("changed") == true);
        second = current(service);
    }
    ~SmallState() {
        service.stop();
        umount2(state().c_str(), MNT_DETACH);
    }
    SmallState(const SmallState&) = delete;
    SmallState& operator=(const SmallState&) = delete;

    [[nodiscard]] fs::path state() const { return service.state_directory(); }
    [[nodiscard]] std::string options(const std::string& more) const {
        return more + "size=1m,mode=0750,uid=" + std::to_string(service.user().user);
    }
    void fill() const {
        std::ofstream file(state() / "filler");
        const std::string block(4096, 'x');
        while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    void make_room() const { fs::remove(state() / "filler"); }
    void write_protect(bool wanted) const {
        const auto protection = static_cast<unsigned long>(wanted ? MS_RDONLY : 0);
        BOOST_REQUIRE(mount("tmpfs", state().c_str(), "tmpfs", MS_REMOUNT | protection, options("").c_str()) == 0);
    }
    void restart() {
        BOOST_TEST(service.stop() == 0);
        service.launch();
        (void)wait_serving(service);
    }
    [[nodiscard]] std::string reason() const { return service.status().at("reason").get<std::string>(); }

    Service service;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(state_full_test)

BOOST_AUTO_TEST_CASE(a_full_state_directory_stops_no_rollback_and_is_told) {
    SmallState one;
    one.fill();
    const json back = ask(one.service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    BOOST_TEST(back.at("content_of") == one.first, back);
    BOOST_TEST(one.service.session().message(second_mail()).status() == "Clean");
    one.service.wait_status("it is told", [](const json& status) {
        return status.at("state") == "degraded" && has(status.at("reason"), "books are not kept: ");
    });
    one.make_room();
    BOOST_TEST(ask(one.service, "hold").at("ok") == true); // it is recorded now
    const json done = ask(one.service, "reload --force");
    BOOST_TEST(done.at("ok") == true, done);
    one.service.wait_status("all is well", [](const json& status) { return status.at("state") == "ready"; });
}

BOOST_AUTO_TEST_CASE(a_hold_that_could_not_be_recorded_is_recorded_when_there_is_room_and_survives_a_restart) {
    SmallState one;
    one.fill();
    BOOST_TEST(ask(one.service, "rollback").at("ok") == true);
    one.service.wait_log({"event=decisions-not-recorded"});
    one.make_room();
    one.service.wait_status("it is recorded",
                            [](const json& status) { return !has(status.at("reason"), "decisions"); });
    one.restart();
    BOOST_TEST(one.service.status().at("hold") == true);
    BOOST_TEST(one.service.session().message(second_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_start_without_room_serves_from_the_newest_snapshot_and_loads_when_there_is_room) {
    SmallState one;
    write_signature(one.service.database(), "Third", "evermilter-third-signature-text");
    one.fill();
    one.restart();
    const auto served = current(one.service);
    BOOST_TEST(generation(one.service.status(), served).at("content_of") == one.second);
    BOOST_TEST(one.service.session().message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(one.service.status().at("state") == "degraded");
    BOOST_TEST(has(one.reason(), "signatures are stale since "), one.reason());
    BOOST_TEST(has(one.reason(), "No space left on device"), one.reason());
    one.make_room();
    const json status = one.service.wait_status("it is loaded", [&](const json& now) {
        return now.at("current_generation") > served && now.at("state") == "ready";
    });
    BOOST_TEST(generation(status, status.at("current_generation")).at("signatures") == 3U);
}

BOOST_AUTO_TEST_CASE(a_read_only_state_directory_serves_from_the_newest_snapshot) {
    SmallState one;
    BOOST_TEST(one.service.stop() == 0);
    one.write_protect(true);
    one.service.launch();
    (void)wait_serving(one.service);
    BOOST_TEST(one.service.session().message(second_mail()).text() == kSecondRejected);
    BOOST_TEST(has(one.reason(), "Read-only file system"), one.reason());
    // Whatever is requested, the serving engine is not replaced and mail flows.
    BOOST_TEST(ask(one.service, "reload --force").at("ok") == false);
    BOOST_TEST(one.service.session().message(eicar_in_body()).text().starts_with("550 "));
    const json back = ask(one.service, "rollback");
    BOOST_TEST(back.at("ok") == true, back);
    one.write_protect(false);
    const json done = ask(one.service, "reload");
    BOOST_TEST(done.at("ok") == true, done);
    BOOST_TEST(one.service.session().message(second_mail()).text() == kSecondRejected);
}

BOOST_AUTO_TEST_CASE(an_id_that_is_none_or_near_the_end_of_numbers_stops_nothing) {
    Service service;
    service.start();
    const auto first = current(service);
    for (const char* text : {"9223372036854775807\n", "18446744073709551615\n", "nonsense\n", "", "-1\n"}) {
        BOOST_TEST(service.stop() == 0);
        std::ofstream(service.state_directory() / "generation") << text;
        service.launch();
        (void)wait_serving(service);
        const auto now = current(service);
        BOOST_TEST(now > first);
        BOOST_TEST(now < 1'000'000U);
        service.wait_log({"event=generation-id", "error"});
    }
}

BOOST_AUTO_TEST_CASE(an_id_that_was_lost_is_found_at_the_snapshots_and_none_is_used_twice) {
    Service service;
    service.start();
    add_second_signature(service);
    BOOST_TEST(ask(service).at("changed") == true);
    const auto last = current(service);
    for (const bool removed : {true, false}) {
        BOOST_TEST(service.stop() == 0);
        if (removed)
            fs::remove(service.state_directory() / "generation");
        else
            std::ofstream(service.state_directory() / "generation") << "0\n";
        service.start(); // and it is ready, which it would not be if its first load had been refused
        BOOST_TEST(current(service) > last);
    }
}

BOOST_AUTO_TEST_SUITE_END()
