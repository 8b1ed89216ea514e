// Orders to reload, from the request to the answer, with processes of a test and a clock that it turns.
#include "supervisor/generations/reloads.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

#include "tests/unit/supervisor/generations/world.h"

using namespace evermilter::supervisor;
using test::World;
using namespace std::chrono_literals;

namespace {

// Generation 1 with content A is active.
struct Serving : World {
    Serving() {
        reloads.begin();
        settle();
        BOOST_REQUIRE(load("A"));
    }
    const ReloadOutcome& answer(std::size_t number) {
        BOOST_REQUIRE_MESSAGE(asked[number].answers.size() == 1U,
                              asked[number].what << " has " << asked[number].answers.size() << " answers");
        return asked[number].answers[0];
    }
    // The directory holds this, and it is loaded.
    void take(const std::string& content) {
        directory = content;
        const std::size_t number = order({}, content);
        settle();
        BOOST_REQUIRE(load_directory());
        clear_up();
        BOOST_REQUIRE(answer(number).ok);
        BOOST_REQUIRE(active()->digest == content);
    }
    void clear_up() {
        while (end_one_loader() || reap_one()) {
        }
    }
    // Its loader and its standby are dead; the scanners are not.
    void lose_loader() {
        BOOST_REQUIRE(standby_dies(active()));
        BOOST_REQUIRE(loader_dies(active(), test::kCrashed));
        clear_up();
        BOOST_REQUIRE(lost > 0U);
    }
    // Its turn comes when the loader is dead and what served is not loaded again yet.
    std::size_t order_while_the_loader_dies(const ReloadRequest& request) {
        order({.force = true}, "the one before");
        settle();
        lose_loader();
        const std::size_t number = order(request, "the order");
        settle();
        BOOST_REQUIRE(fail(65));
        clear_up();
        return number;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(reloads_test)

BOOST_FIXTURE_TEST_CASE(each_order_gets_the_answer_of_its_own_load, Serving) {
    directory = "B";
    const std::size_t first = order({}, "first");
    settle();
    const std::size_t second = order({}, "second"); // during the first: of what the directory holds now
    const std::size_t third = order({}, "third");
    const std::size_t forced = order({.force = true}, "forced");
    settle();
    BOOST_REQUIRE(load("B"));
    BOOST_TEST(answer(first).changed);
    BOOST_TEST(answer(first).generation == 2U);
    clear_up();
    BOOST_REQUIRE(load_directory());
    clear_up();
    BOOST_TEST(answer(second).ok);
    BOOST_TEST(!answer(second).changed);
    BOOST_TEST(!answer(third).changed);
    BOOST_REQUIRE(fail(65));
    BOOST_TEST(!answer(forced).ok);
    BOOST_TEST(answer(forced).error == "of a test");
    BOOST_TEST(answer(forced).generation == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_load_that_cannot_be_started_is_refused_and_tried_again, Serving) {
    cannot_fork = true;
    const std::size_t number = order({}, "a reload");
    settle();
    BOOST_TEST(!answer(number).ok);
    BOOST_TEST(answer(number).error == "cannot fork");
    cannot_fork = false;
    pass(2s);
    BOOST_TEST(loading() != nullptr);
}

BOOST_FIXTURE_TEST_CASE(a_starved_load_begins_again_and_its_order_is_answered_once, Serving) {
    directory = "B";
    const std::size_t number = order({}, "a reload");
    settle();
    BOOST_TEST(loads.back().low_priority);
    BOOST_REQUIRE(starve());
    clear_up();
    BOOST_TEST(!loads.back().low_priority);
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(answer(number).changed);
}

BOOST_FIXTURE_TEST_CASE(a_load_that_crashed_begins_again_with_files_tried_alone_and_not_a_third_time, Serving) {
    directory = "B";
    const std::size_t number = order({}, "a reload");
    settle();
    BOOST_REQUIRE(load_dies(test::kCrashed));
    clear_up();
    BOOST_TEST(asked[number].answers.empty());
    BOOST_TEST(loads.back().check_files);
    BOOST_REQUIRE(load_dies(test::kCrashed));
    clear_up();
    BOOST_TEST(!answer(number).ok);
}

BOOST_FIXTURE_TEST_CASE(while_reloading_is_held_only_what_a_person_asks_for_is_loaded, Serving) {
    hold();
    BOOST_TEST(state.decisions.hold.has_value());
    directory = "B";
    const std::size_t automatic = order({.kind = ReloadKind::automatic}, "automatic");
    settle();
    BOOST_TEST(!answer(automatic).ok);
    BOOST_TEST(answer(automatic).held);
    BOOST_TEST(loading() == nullptr);
    const std::size_t other = order_with_other_settings();
    settle();
    BOOST_TEST(loads.back().reuse_snapshot == active()->snapshot);
    BOOST_REQUIRE(load_directory());
    clear_up();
    BOOST_TEST(answer(other).held);
    take("B");
    BOOST_TEST(!state.decisions.hold.has_value());
}

BOOST_FIXTURE_TEST_CASE(a_hold_is_not_ended_by_an_order_that_was_given_before_it, Serving) {
    directory = "B";
    order({}, "before");
    settle();
    hold();
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(state.decisions.hold.has_value());
    clear_up();
    resume(); // what the directory holds is loaded, which is nothing new
    settle();
    BOOST_TEST(!state.decisions.hold.has_value());
    BOOST_TEST(load_directory());
}

BOOST_FIXTURE_TEST_CASE(a_rollback_goes_to_the_newest_that_differs_holds_it_and_rejects_what_it_left, Serving) {
    take("B");
    take("C");
    const std::size_t number = order({.kind = ReloadKind::roll_back}, "a rollback");
    settle();
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(answer(number).content_of == 2U);
    BOOST_TEST(active()->digest == "B");
    BOOST_TEST(state.decisions.hold.has_value());
    BOOST_TEST(state.decisions.rejects("C"));
    BOOST_TEST(written.find("\"hold\"") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_rollback_that_names_nothing_goes_on_where_a_snapshot_cannot_be_loaded, Serving) {
    take("B");
    take("C");
    const std::size_t number = order({.kind = ReloadKind::roll_back}, "a rollback");
    settle();
    BOOST_REQUIRE(fail(65));
    clear_up();
    BOOST_TEST(asked[number].answers.empty());
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(answer(number).content_of == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_rollback_to_what_is_served_loads_nothing, Serving) {
    const std::size_t loads_before = loads.size();
    const std::size_t number = order({.kind = ReloadKind::roll_back, .rollback_to = 1}, "a rollback");
    settle();
    BOOST_TEST(answer(number).ok);
    BOOST_TEST(!answer(number).changed);
    BOOST_TEST(loads.size() == loads_before);
    const std::size_t none = order({.kind = ReloadKind::roll_back, .rollback_to = 99}, "a rollback to nothing");
    settle();
    BOOST_TEST(!answer(none).ok);
}

// It did: an older content that lacked a database was refused, although somebody had chosen it.
BOOST_FIXTURE_TEST_CASE(a_rollback_is_not_compared_with_what_is_served_not_even_while_that_has_no_loader, Serving) {
    take("B");
    const std::size_t number = order_while_the_loader_dies({.kind = ReloadKind::roll_back});
    BOOST_REQUIRE(loads.back().reuse_snapshot == "/nowhere/of/a/test/snapshots/1");
    BOOST_TEST(loads.back().active_databases.empty());
    BOOST_TEST(loads.back().active_signatures == 0U);
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(answer(number).changed);
}

BOOST_FIXTURE_TEST_CASE(an_order_while_the_loader_is_dead_loads_even_what_has_not_changed, Serving) {
    const std::size_t number = order_while_the_loader_dies({});
    BOOST_TEST(loads.back().active_digest == "");
    BOOST_TEST(!loads.back().active_databases.empty());
    BOOST_REQUIRE(load_directory());
    BOOST_TEST(answer(number).changed);
    come_to_rest();
    BOOST_TEST(left_behind() == "");
}

BOOST_AUTO_TEST_CASE(a_refused_first_load_is_tried_again_until_it_succeeds_and_both_are_reported) {
    World world;
    world.reloads.begin();
    world.settle();
    BOOST_REQUIRE(world.fail(66, "no database"));
    BOOST_TEST(world.unserved == std::vector<std::string>{"no database"}, boost::test_tools::per_element());
    BOOST_TEST(world.state.no_signatures.find("no database") != std::string::npos);
    while (world.reap_one()) {
    }
    world.pass(2s);
    BOOST_REQUIRE(world.fail(66, "no database"));
    BOOST_TEST(world.unserved.size() == 1U); // the same reason
    world.come_to_rest();
    BOOST_TEST(world.served == 1U);
    BOOST_TEST(world.left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(a_refusal_that_time_can_heal_makes_signatures_stale_until_it_is_healed, Serving) {
    directory = "B";
    order({}, "a reload");
    settle();
    BOOST_REQUIRE(fail(71));
    BOOST_TEST(state.stale.has_value());
    come_to_rest();
    BOOST_TEST(!state.stale.has_value());
    BOOST_TEST(active()->digest == "B");
}

BOOST_FIXTURE_TEST_CASE(a_stop_answers_whoever_waits, Serving) {
    directory = "B";
    order({}, "loading");
    settle();
    order({.force = true}, "waiting");
    stop();
    order({}, "too late");
    come_to_rest();
    for (const Asked& one : asked) {
        BOOST_REQUIRE_MESSAGE(one.answers.size() == 1U, one.what);
        BOOST_TEST(!one.answers[0].ok, one.what);
    }
    BOOST_TEST(left_behind() == "");
}

BOOST_FIXTURE_TEST_CASE(a_stop_answers_an_order_whose_starved_load_was_to_begin_again, Serving) {
    directory = "B";
    const std::size_t before = order({}, "starved before the stop");
    settle();
    BOOST_REQUIRE(starve());
    stop();
    BOOST_TEST(!answer(before).ok);
}

BOOST_FIXTURE_TEST_CASE(a_load_that_is_starved_during_a_stop_is_refused, Serving) {
    start_worker(); // it has sessions: the loader is not killed yet
    directory = "B";
    const std::size_t number = order({}, "a reload");
    settle();
    stop();
    BOOST_REQUIRE(starve());
    BOOST_TEST(!answer(number).ok);
}

BOOST_AUTO_TEST_SUITE_END()
