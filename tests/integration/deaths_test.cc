// Children die while their last messages are unread and old generation records are due to be freed. Nothing is read
// after it was freed (the address sanitizer would see it), and no event reaches a generation that is over.
#include <signal.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

// More generations than the status keeps.
constexpr int kFullHistory = 9;

void refuse_loads(const Service& service, int count) {
    write_file(service.database() / "daily.cvd", "0011\n");
    for (int i = 0; i < count; ++i) BOOST_REQUIRE(ask(service, "reload --force").at("ok") == false);
    std::filesystem::remove(service.database() / "daily.cvd");
}

void check_serves(Service& service) {
    BOOST_TEST(count_log(service, "event=generation-event") == 0U);
    BOOST_TEST(count_log(service, "refused=") == 0U);
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    BOOST_TEST(service.session().message(clean_mail("after it")).status() == "Clean");
    BOOST_TEST(service.stop() == 0);
    for (const std::string& left : service.leftovers()) BOOST_ERROR("left: " + left);
}

} // namespace

BOOST_AUTO_TEST_SUITE(deaths_test)

// The supervisor is stopped until the loader is a zombie.
BOOST_AUTO_TEST_CASE(a_whole_generation_dies_unread_while_the_history_is_full) {
    Service service(Keys{{"database.watch", "false"}});
    service.start();
    refuse_loads(service, kFullHistory);
    for (int round = 0; round < 3; ++round) {
        const std::uint64_t before = current(service);
        const pid_t loader = loader_and_standby(service, before).loader;
        std::optional<MilterClient> held = service.session();
        BOOST_REQUIRE(held->message(clean_mail("held")).status() == "Clean");
        BOOST_REQUIRE(ask(service, "reload --force").at("ok") == true);
        stop_process(service.pid());
        held.reset();
        wait_until("the loader has died", [loader] { return !alive(loader); });
        continue_process(service.pid());
        service.wait_status("its record is free or it is gone", [&](const json& status) {
            const std::string state = state_of(status, before);
            return state.empty() || state == "gone";
        });
        refuse_loads(service, kFullHistory);
    }
    check_serves(service);
}

BOOST_AUTO_TEST_CASE(storm_of_reloads_and_kills) {
    Service service(Keys{{"database.watch", "false"}, {"scanner.processes", "2"}});
    service.start();
    std::minstd_rand random(4711);
    for (int round = 0; round < 40; ++round) {
        if (round % 4 == 0) refuse_loads(service, 1);
        static_cast<void>(ask(service, "reload --force --no-wait"));
        // The processes that the status names at that moment; several at once, so that deaths meet the last messages of
        // others.
        std::vector<pid_t> all;
        for (const char* role : {"loader", "standby", "scanner", "session"})
            for (const pid_t pid : service.pids(role)) all.push_back(pid);
        std::shuffle(all.begin(), all.end(), random);
        const std::size_t victims = std::min<std::size_t>(all.size(), 1 + random() % 4);
        const bool unread = round % 2 == 0;
        if (unread) stop_process(service.pid());
        for (std::size_t i = 0; i < victims; ++i) kill(all[i], SIGKILL);
        if (unread) {
            wait_until("the victims are dead", [&] {
                return std::none_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(victims), alive);
            });
            continue_process(service.pid());
        }
    }
    // As operators and mail would do next; without that, delays end only after minutes.
    wait_until("a session ends well", [&] {
        try {
            return service.session().message(clean_mail("after the storm")).status() == "Clean";
        } catch (const std::exception&) {
            return false;
        }
    });
    BOOST_TEST(ask(service, "reload").at("ok") == true);
    service.wait_ready();
    service.wait_status("one generation serves and has all it needs", [](const json& status) {
        std::size_t living = 0;
        bool whole = false;
        for (const auto& one : status.at("generations")) {
            const auto state = one.at("state").get<std::string>();
            if (state != "failed" && state != "gone") ++living;
            if (state == "active") whole = one.at("standby") != 0 && one.at("scanners").size() == 2;
        }
        return living == 1 && whole && status.at("state") == "ready";
    });
    check_serves(service);
}

BOOST_AUTO_TEST_SUITE_END()
