// The switch of generations, with processes of a test and a clock that it turns.
#include "supervisor/generations/generations.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <string>

#include "tests/unit/supervisor/generations/world.h"

using namespace evermilter::supervisor;
using evermilter::config::ReloadMode;
using test::World;
using namespace std::chrono_literals;

namespace {

// One worker, and a first generation that is active.
struct Serving : World {
    explicit Serving(ReloadMode mode = ReloadMode::overlap) : World(mode) {
        start_worker();
        reloads.begin();
        settle();
        if (mode == ReloadMode::replace) BOOST_REQUIRE(load("A")); // it waits for room, and has it
        BOOST_REQUIRE(load("A"));
        BOOST_REQUIRE(worker_takes(0));
        BOOST_REQUIRE(active() != nullptr);
    }
    GenerationState state_of(std::uint64_t id) {
        const Generation* generation = state.find_generation(id);
        BOOST_REQUIRE(generation != nullptr);
        return generation->state;
    }
    void reap_all() {
        while (reap_one()) {
        }
    }
};

struct Replacing : Serving {
    Replacing() : Serving(ReloadMode::replace) {}
};

} // namespace

BOOST_AUTO_TEST_SUITE(generations_test)

BOOST_AUTO_TEST_CASE(a_generation_is_active_when_every_session_worker_has_taken_its_queue) {
    World world;
    for (int i = 0; i < 3; ++i) world.start_worker();
    world.reloads.begin();
    world.settle();
    BOOST_REQUIRE(world.load("A"));
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(world.active() == nullptr);
        BOOST_REQUIRE(world.worker_takes(i));
    }
    BOOST_REQUIRE(world.active() != nullptr);
    BOOST_TEST(world.active()->id == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_session_worker_it_is_active_at_once_and_one_that_starts_later_gets_its_queue) {
    World world;
    world.reloads.begin();
    world.settle();
    BOOST_REQUIRE(world.load("A"));
    BOOST_TEST(world.active() != nullptr);
    world.start_worker();
    BOOST_TEST(world.worker_takes(0));
}

BOOST_FIXTURE_TEST_CASE(a_switch_does_not_wait_for_a_worker_that_has_died, Serving) {
    start_worker();
    BOOST_REQUIRE(worker_takes(1));
    order({.force = true}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_takes(0));
    BOOST_TEST(active()->id == 1U);
    BOOST_REQUIRE(worker_dies(1));
    BOOST_TEST(active()->id == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_worker_that_does_not_acknowledge_within_5_s_is_killed, Serving) {
    order({.force = true}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    pass(4999ms);
    BOOST_TEST(state.session_workers.front().child.kill_reason.empty());
    pass(1ms);
    BOOST_TEST(!state.session_workers.front().child.kill_reason.empty());
}

BOOST_FIXTURE_TEST_CASE(the_former_drains_is_asked_back_at_drain_timeout_and_is_gone_when_nobody_holds_it, Serving) {
    order({.force = true}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_takes(0));
    BOOST_TEST((state_of(1) == GenerationState::draining));
    pass(settings.config.reload.drain_timeout - 1ms);
    BOOST_TEST(!state.find_generation(1)->let_go.has_value());
    pass(1ms);
    BOOST_TEST(state.find_generation(1)->let_go.has_value());
    BOOST_REQUIRE(worker_releases(0));
    while (end_one_loader() || reap_one()) {
    }
    BOOST_TEST((state_of(1) == GenerationState::gone));
    BOOST_TEST(active()->id == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_former_loader_that_does_not_end_is_killed_after_the_longest_scan, Serving) {
    order({.force = true}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_takes(0));
    BOOST_REQUIRE(worker_releases(0));
    const auto bound = settings.config.scanner.max_scan_time + 6s;
    pass(bound - 1ms);
    BOOST_TEST(state.find_generation(1)->loader.kill_reason.empty());
    pass(1ms);
    BOOST_TEST(!state.find_generation(1)->loader.kill_reason.empty());
    reap_all();
    BOOST_TEST((state_of(1) == GenerationState::gone));
}

BOOST_FIXTURE_TEST_CASE(a_third_engine_waits_until_the_draining_one_is_reaped, Serving) {
    for (const char* content : {"B", "C"}) {
        order({.force = true}, content);
        settle();
        if (content[0] == 'B') {
            BOOST_REQUIRE(load(content));
            BOOST_REQUIRE(worker_takes(0));
        }
    }
    BOOST_TEST(loading() == nullptr);
    BOOST_TEST(state.find_generation(1)->let_go.has_value()); // retired without waiting for drain_timeout
    BOOST_REQUIRE(worker_releases(0));
    BOOST_TEST(loading() == nullptr);
    while (end_one_loader() || reap_one()) {
    }
    BOOST_TEST(loading() != nullptr);
    BOOST_TEST(engines() == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_load_that_comes_to_nothing_changes_nothing_that_runs, Serving) {
    struct Row {
        const char* what;
        std::function<bool()> end;
        bool ok;
    };
    const Row rows[] = {
        {"broken", [this] { return fail(65); }, false},
        {"no memory", [this] { return fail(71); }, false},
        {"killed", [this] { return load_dies(test::kKilled); }, false},
        {"late",
         [this] {
             pass(settings.config.reload.load_timeout);
             return true;
         },
         false},
        {"unchanged", [this] { return load_directory(); }, true},
    };
    for (const Row& row : rows) {
        const std::size_t number = order({}, row.what);
        settle();
        BOOST_REQUIRE_MESSAGE(row.end(), row.what);
        reap_all();
        settle();
        BOOST_TEST_CONTEXT(row.what) {
            BOOST_REQUIRE(asked[number].answers.size() == 1U);
            BOOST_TEST(asked[number].answers[0].ok == row.ok);
            BOOST_TEST(asked[number].answers[0].generation == 1U);
            BOOST_TEST(active()->id == 1U);
            BOOST_TEST(engines() == 1U);
            BOOST_TEST(broken_promise() == "");
        }
        pass(10min); // what is tried again has been
        while (load_directory() || reap_one()) {
        }
    }
}

BOOST_AUTO_TEST_CASE(a_loader_that_says_what_it_was_not_asked_for_is_killed) {
    struct Row {
        const char* what;
        std::function<void(Generations&, Generation&)> say;
    };
    const Row rows[] = {
        {"ready again", [](Generations& all, Generation& one) { all.on_ready(one, {}); }},
        {"a scanner that it has not forked",
         [](Generations& all, Generation& one) {
             all.on_scanner_started(one, {one.loader.pid, 0});
         }},
        {"a scanner twice",
         [](Generations& all, Generation& one) {
             all.on_scanner_started(one, {one.scanners.front().pid, 0});
         }},
        {"a scanner in a slot that it has not",
         [](Generations& all, Generation& one) {
             all.on_scanner_started(one, {one.scanners.front().pid, 7});
         }},
        {"a standby beside the one it has",
         [](Generations& all, Generation& one) { all.on_standby_started(one, {one.scanners.front().pid}); }},
    };
    for (const Row& row : rows) {
        Serving world;
        row.say(world.generations, *world.active());
        BOOST_TEST(!world.active()->loader.kill_reason.empty(), row.what);
    }
}

BOOST_FIXTURE_TEST_CASE(a_loader_that_dies_is_followed_by_its_standby_and_nothing_is_loaded, Serving) {
    const pid_t standby = active()->standby.pid;
    BOOST_REQUIRE(standby != 0);
    BOOST_REQUIRE(loader_dies(active(), test::kCrashed));
    reap_all();
    BOOST_TEST(active()->loader.pid == standby);
    BOOST_TEST(active()->scanners.size() == 1U);
    BOOST_TEST(lost == 0U);
    BOOST_TEST(loads.size() == 1U);
    BOOST_TEST(fork_standby(active()));
}

BOOST_FIXTURE_TEST_CASE(loaders_that_die_at_once_four_times_are_loaded_again, Serving) {
    pass(2s);
    for (int i = 0; i < 5; ++i) {
        BOOST_REQUIRE(loader_dies(active(), test::kCrashed));
        reap_all();
        fork_standby(active());
    }
    BOOST_TEST(lost == 1U);
}

BOOST_FIXTURE_TEST_CASE(without_loader_and_standby_scanners_serve_on_and_the_same_is_loaded_again, Serving) {
    BOOST_REQUIRE(standby_dies(active()));
    BOOST_REQUIRE(loader_dies(active(), test::kCrashed));
    reap_all();
    BOOST_TEST(lost == 1U);
    BOOST_TEST(active()->id == 1U);
    BOOST_TEST(active()->scanners.size() == 1U);
    BOOST_TEST(!state.degraded_reason.empty());
    come_to_rest();
    BOOST_TEST(active()->id == 2U);
    BOOST_TEST(loads.back().reuse_snapshot == "/nowhere/of/a/test/snapshots/1");
    BOOST_TEST(left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(a_standby_that_dies_is_asked_for_again_later_and_later, Serving) {
    standbys_die = true;
    BOOST_REQUIRE(standby_dies(active()));
    reap_all();
    BOOST_REQUIRE(fork_standby(active())); // at once: the first had served
    for (int i = 0; i < 6; ++i) {
        reap_all();
        BOOST_REQUIRE(active()->standby_history.due.has_value());
        BOOST_TEST(!fork_standby(active())); // not asked for yet
        pass(*active()->standby_history.due - time.now());
        BOOST_REQUIRE(fork_standby(active()));
    }
    reap_all();
    BOOST_TEST(!active()->standby_history.error.empty());
    BOOST_TEST((*active()->standby_history.due - time.now() > 1s));
}

// A loader forks its standby and says "ready" right after that.
BOOST_AUTO_TEST_CASE(a_standby_that_is_lost_before_its_loader_is_ready_is_asked_for_again) {
    struct Row {
        const char* what;
        std::function<void(World&)> lose;
    };
    const auto die = [](World& world) {
        BOOST_REQUIRE(world.fork_standby(world.loading()));
        BOOST_REQUIRE(world.standby_dies(world.loading()));
    };
    const auto not_forked = [](World& world) { world.cannot_fork_standby(*world.loading()); };
    const Row rows[] = {
        {"it dies", die},
        {"it dies and is reaped",
         [&](World& world) {
             die(world);
             while (world.reap_one()) {
             }
         }},
        {"it could not be forked", not_forked},
        {"nor could it when it was said twice",
         [&](World& world) {
             not_forked(world);
             not_forked(world);
         }},
        {"a scanner dies too",
         [&](World& world) {
             die(world);
             world.scanner_dies(world.loading());
         }},
    };
    for (const ReloadMode mode : {ReloadMode::overlap, ReloadMode::replace}) {
        for (const Row& row : rows) {
            BOOST_TEST_CONTEXT(row.what << (mode == ReloadMode::replace ? ", replacing" : "")) {
                World world(mode);
                world.start_worker();
                world.reloads.begin();
                world.settle();
                row.lose(world);
                world.come_to_rest();
                BOOST_REQUIRE(world.active() != nullptr);
                BOOST_TEST(world.active()->standby.pid != 0);
                BOOST_TEST(world.loads.size() == 1U);
                BOOST_TEST(world.left_behind() == "");
            }
        }
    }
}

BOOST_FIXTURE_TEST_CASE(who_drains_is_let_go_of_and_lives_past_drain_timeout_wakes_nobody_again_and_again, Serving) {
    order({.force = true}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_takes(0));
    BOOST_REQUIRE(worker_releases(0));
    BOOST_REQUIRE((state_of(1) == GenerationState::draining));
    pass(settings.config.reload.drain_timeout); // settle() within fails if a timer is due for ever
    pass(settings.config.reload.drain_timeout);
    come_to_rest();
    BOOST_TEST(left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(a_stop_that_lasts_past_drain_timeout_wakes_nobody_again_and_again, Serving) {
    stop();
    BOOST_REQUIRE(worker_dies(0));
    pass(settings.config.reload.drain_timeout);
    come_to_rest();
    BOOST_TEST(left_behind() == "");
}

BOOST_AUTO_TEST_CASE(what_becomes_active_as_the_last_worker_ends_in_a_stop_is_not_the_current_generation) {
    World world;
    world.start_worker();
    world.reloads.begin();
    world.settle();
    world.stop();
    world.load("A");
    BOOST_REQUIRE(world.worker_dies(0));
    BOOST_TEST(world.broken_promise() == "");
    BOOST_TEST(world.state.current_generation == 0U);
    world.come_to_rest();
    BOOST_TEST(world.left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(where_a_load_replaces_what_serves_there_is_one_engine_at_a_time, Replacing) {
    order({.force = true}, "a reload");
    settle();
    BOOST_TEST(engines() == 2U); // the loader, which has not loaded
    BOOST_REQUIRE(load("B"));    // has its snapshot, and waits
    BOOST_TEST(active() == nullptr);
    BOOST_TEST(!load("B")); // no room yet
    BOOST_REQUIRE(worker_releases(0));
    while (end_one_loader() || reap_one()) {
    }
    BOOST_TEST(engines() == 1U);
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_takes(0));
    BOOST_REQUIRE(active() != nullptr);
    BOOST_TEST(active()->id == 2U);
}

BOOST_FIXTURE_TEST_CASE(where_the_replacement_is_refused_the_former_is_loaded_again, Replacing) {
    directory = "B";
    const std::size_t number = order({}, "a reload");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_REQUIRE(worker_dies(0));
    while (end_one_loader() || reap_one()) {
    }
    BOOST_REQUIRE(fail(70));
    settle();
    BOOST_REQUIRE(asked[number].answers.size() == 1U);
    BOOST_TEST(!asked[number].answers[0].ok);
    come_to_rest();
    BOOST_TEST(loads.back().reuse_snapshot == "/nowhere/of/a/test/snapshots/1");
    BOOST_TEST(active()->digest == "A");
    BOOST_TEST(left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(records_of_generations_that_are_over_are_bounded, Serving) {
    for (int i = 0; i < 20; ++i) {
        order({.force = true}, "a reload");
        settle();
        BOOST_REQUIRE(fail(65));
        reap_all();
    }
    generations.sweep();
    BOOST_TEST(state.generations.size() == 9U);
    BOOST_TEST(active()->id == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
