// A configuration that is read again: taken over as a whole, or refused with nothing changed; each request is answered
// once, whatever happens meanwhile.
#include "supervisor/generations/config_reload.h"

#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "config/schema.h"
#include "tests/unit/supervisor/generations/world.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using test::World;
using namespace std::chrono_literals;

namespace {

struct Configured : World {
    ConfigReload config_reload{
        time,
        settings,
        state,
        reloads,
        {[this](std::function<void(Result<ReadConfig>)> done) { reading.push_back(std::move(done)); },
         [this](const std::vector<SocketGroup>&) {
             ++prepared;
             return can_bind ? Result<void>() : Result<void>(Error{98, "cannot bind"});
         },
         [this] { ++abandoned; },
         [this](const Settings& taken, bool workers) {
             settings = taken;
             commits.push_back(workers ? "new workers" : "live");
         }}};
    std::deque<std::function<void(Result<ReadConfig>)>> reading;
    bool can_bind = true;
    std::string lists; // the state of the files that the configuration names
    unsigned prepared = 0;
    unsigned abandoned = 0;
    std::vector<std::string> commits;

    Configured() {
        settings = make_settings(settings.config, "a test's file", {}, {}, true);
        reloads.begin();
        settle();
        BOOST_REQUIRE(load("A"));
    }
    std::size_t request(bool then_reload = false) {
        const std::size_t number = asked.size();
        asked.push_back({"the configuration", {}});
        config_reload.request(
            then_reload, [this, number](const ReloadOutcome& outcome) { asked[number].answers.push_back(outcome); });
        return number;
    }
    // The file was read.
    bool read(const config::Config& config) {
        if (reading.empty()) return false;
        auto done = std::move(reading.front());
        reading.pop_front();
        done(ReadConfig{config, sockets_of(config), lists});
        settle();
        return true;
    }
    bool read_fails() {
        if (reading.empty()) return false;
        auto done = std::move(reading.front());
        reading.pop_front();
        done(Error{0, "line 7: no"});
        settle();
        return true;
    }
    const ReloadOutcome& answer(std::size_t number) {
        BOOST_REQUIRE(asked[number].answers.size() == 1U);
        return asked[number].answers[0];
    }
    // The configuration with one key that takes effect so.
    config::Config changed(config::AppliesBy by) const {
        config::Config config = settings.config;
        switch (by) {
            case config::AppliesBy::live:
                config.reload.drain_timeout += 1s;
                break;
            case config::AppliesBy::new_session_workers:
                config.timeouts.helo += 1s;
                break;
            case config::AppliesBy::new_generation:
                config.scanner.max_scan_time += 1s;
                break;
            case config::AppliesBy::restart:
                config.database.state_directory += "/other";
                break;
        }
        return config;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(config_reload_test)

BOOST_AUTO_TEST_CASE(a_change_takes_what_the_schema_says_and_no_more) {
    using By = config::AppliesBy;
    struct Row {
        const char* what;
        By by;
        bool ok;
        bool loads;
        std::vector<std::string> commits;
    };
    const Row rows[] = {
        {"live", By::live, true, false, {"live"}},
        {"workers", By::new_session_workers, true, false, {"new workers"}},
        {"generation", By::new_generation, true, true, {"new workers"}},
        {"restart", By::restart, false, false, {}},
    };
    for (const Row& row : rows) {
        Configured world;
        const std::size_t number = world.request();
        BOOST_REQUIRE(world.read(world.changed(row.by)));
        BOOST_TEST_CONTEXT(row.what) {
            BOOST_TEST((world.loading() != nullptr) == row.loads);
            if (row.loads) {
                BOOST_TEST(world.commits.empty()); // not before an engine is loaded with it
                BOOST_REQUIRE(world.load("A"));
            }
            BOOST_TEST(world.answer(number).ok == row.ok);
            BOOST_TEST(world.answer(number).changes.size() == (row.ok ? 1U : 0U));
            BOOST_TEST(world.commits == row.commits, boost::test_tools::per_element());
            BOOST_TEST((world.abandoned > 0) == !row.ok);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(nothing_new_changes_nothing, Configured) {
    const std::size_t number = request();
    BOOST_REQUIRE(read(settings.config));
    BOOST_TEST(answer(number).ok);
    BOOST_TEST(!answer(number).changed);
    BOOST_TEST(commits.empty());
    BOOST_TEST(prepared == 0U);
}

BOOST_FIXTURE_TEST_CASE(files_of_lists_that_have_changed_take_new_session_workers, Configured) {
    lists = "changed";
    const std::size_t number = request();
    BOOST_REQUIRE(read(settings.config));
    BOOST_TEST(answer(number).ok);
    BOOST_TEST(answer(number).changed);
    BOOST_TEST(commits == std::vector<std::string>{"new workers"}, boost::test_tools::per_element());
    const std::size_t again = request();
    BOOST_REQUIRE(read(settings.config));
    BOOST_TEST(!answer(again).changed);
}

BOOST_FIXTURE_TEST_CASE(a_refusal_leaves_all_as_it_was_whichever_step_refuses, Configured) {
    const std::size_t unread = request();
    BOOST_REQUIRE(read_fails());
    BOOST_TEST(answer(unread).error == "line 7: no");

    can_bind = false;
    const std::size_t unbound = request();
    BOOST_REQUIRE(read(changed(config::AppliesBy::live)));
    BOOST_TEST(answer(unbound).error == "cannot bind");
    can_bind = true;

    const std::size_t unloaded = request();
    BOOST_REQUIRE(read(changed(config::AppliesBy::new_generation)));
    BOOST_REQUIRE(fail(65, "broken"));
    BOOST_TEST(answer(unloaded).error == "broken");
    BOOST_TEST(commits.empty());
    BOOST_TEST(abandoned == 3U);
}

BOOST_FIXTURE_TEST_CASE(requests_during_one_are_answered_by_one_that_follows, Configured) {
    const std::size_t first = request();
    const std::size_t second = request();
    const std::size_t third = request();
    BOOST_TEST(reading.size() == 1U);
    BOOST_REQUIRE(read(changed(config::AppliesBy::live)));
    BOOST_TEST(answer(first).changed);
    BOOST_TEST(asked[second].answers.empty());
    BOOST_TEST(reading.size() == 1U);
    BOOST_REQUIRE(read_fails());
    BOOST_TEST(!answer(second).ok);
    BOOST_TEST(!answer(third).ok);
    BOOST_TEST(reading.empty());
}

BOOST_FIXTURE_TEST_CASE(a_hangup_reloads_the_database_unless_the_configuration_has_done_so, Configured) {
    struct Row {
        const char* what;
        std::function<void()> read;
        bool reloads;
    };
    const Row rows[] = {
        {"nothing new", [this] { BOOST_REQUIRE(read(settings.config)); }, true},
        {"refused", [this] { BOOST_REQUIRE(read_fails()); }, true},
        {"live", [this] { BOOST_REQUIRE(read(changed(config::AppliesBy::live))); }, true},
        {"a generation",
         [this] {
             BOOST_REQUIRE(read(changed(config::AppliesBy::new_generation)));
             BOOST_REQUIRE(load("A"));
             while (end_one_loader() || reap_one()) {
             }
         },
         false},
    };
    for (const Row& row : rows) {
        request(true);
        row.read();
        BOOST_TEST((loading() != nullptr) == row.reloads, row.what);
        while (load_directory() || end_one_loader() || reap_one()) {
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_stop_refuses_what_is_still_being_read, Configured) {
    const std::size_t number = request();
    stop();
    BOOST_REQUIRE(read(changed(config::AppliesBy::live)));
    BOOST_TEST(!answer(number).ok);
    BOOST_TEST(commits.empty());
}

BOOST_AUTO_TEST_CASE(for_any_order_of_events_each_request_is_answered_once_and_nothing_prepared_stays) {
    BOOST_TEST(rc::check([] {
        const auto events = *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0U, 12U));
        Configured world;
        for (const unsigned event : events) {
            if (event == 0 || event == 1) world.request(event == 1);
            if (event >= 2 && event <= 5) world.read(world.changed(static_cast<config::AppliesBy>(event - 2)));
            if (event == 6) world.read(world.settings.config);
            if (event == 7) world.read_fails();
            if (event == 8) world.fail(65);
            if (event == 9) world.load_directory();
            if (event == 10) world.order({}, "a reload");
            if (event == 11) world.can_bind = !world.can_bind;
            while (world.end_one_loader() || world.reap_one()) {
            }
            RC_ASSERT(world.broken_promise() == "");
        }
        for (int round = 0; round < 3; ++round) {
            while (world.read(world.settings.config)) {
            }
            world.come_to_rest();
        }
        RC_ASSERT(world.left_behind() == "");
        RC_ASSERT(world.prepared <= world.abandoned + world.commits.size());
    }));
}

BOOST_AUTO_TEST_SUITE_END()
