// Whatever happens to loaders, standbys, scanners, session workers and orders, in whatever order: at most two engines,
// one answer a request, nothing left behind. Orders of events are generated; what they found is pinned in
// generations_test.
#include <rapidcheck.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/supervisor/generations/world.h"

using namespace evermilter::supervisor;
using evermilter::config::ReloadMode;
using test::World;
using namespace std::chrono_literals;

namespace {

enum class Event : std::uint8_t {
    asks,
    forces,
    asks_automatically,
    rolls_back,
    rolls_back_to_first,
    other_settings,
    hold,
    resume,
    new_content,
    old_content,
    loads,
    fails_data,
    fails_room,
    starves,
    load_killed,
    load_crashes,
    loader_dies,
    standby_dies,
    scanner_dies,
    ready_again,
    standby_forked,
    reap,
    loader_ends,
    worker_starts,
    worker_dies,
    worker_takes,
    worker_releases,
    cannot_fork,
    can_fork,
    standbys_die,
    second_passes,
    drain_time_passes,
    minute_passes,
    stops, // the last: generated rarely
};
constexpr const char* kNames[] = {"asks",
                                  "forces",
                                  "asks_automatically",
                                  "rolls_back",
                                  "rolls_back_to_first",
                                  "other_settings",
                                  "hold",
                                  "resume",
                                  "new_content",
                                  "old_content",
                                  "loads",
                                  "fails_data",
                                  "fails_room",
                                  "starves",
                                  "load_killed",
                                  "load_crashes",
                                  "loader_dies",
                                  "standby_dies",
                                  "scanner_dies",
                                  "ready_again",
                                  "standby_forked",
                                  "reap",
                                  "loader_ends",
                                  "worker_starts",
                                  "worker_dies",
                                  "worker_takes",
                                  "worker_releases",
                                  "cannot_fork",
                                  "can_fork",
                                  "standbys_die",
                                  "second_passes",
                                  "drain_time_passes",
                                  "minute_passes",
                                  "stops"};
static_assert(std::size(kNames) == static_cast<std::size_t>(Event::stops) + 1);

// `which`: of several workers or generations that it could happen to.
struct Happening {
    Event event = Event::asks;
    unsigned which = 0;
};

std::ostream& operator<<(std::ostream& out, const Happening& one) {
    return out << "Event::" << kNames[static_cast<std::size_t>(one.event)] << " " << one.which;
}

Generation* generation_at(World& world, unsigned which) {
    std::vector<Generation*> living;
    for (Generation& one : world.state.generations)
        if (one.loader.pid != 0) living.push_back(&one);
    return living.empty() ? nullptr : living[which % living.size()];
}

void happen(World& world, const Happening& one) {
    switch (one.event) {
        case Event::asks:
            world.order({}, "a reload");
            break;
        case Event::forces:
            world.order({.force = true}, "a forced reload");
            break;
        case Event::asks_automatically:
            world.order({.kind = ReloadKind::automatic}, "an automatic reload");
            break;
        case Event::rolls_back:
            world.order({.kind = ReloadKind::roll_back}, "a rollback");
            break;
        case Event::rolls_back_to_first:
            world.order({.kind = ReloadKind::roll_back, .rollback_to = 1}, "a rollback to the first");
            break;
        case Event::other_settings:
            world.order_with_other_settings();
            break;
        case Event::hold:
            world.hold();
            break;
        case Event::resume:
            world.resume();
            break;
        case Event::new_content:
            world.directory = "content " + std::to_string(one.which);
            break;
        case Event::old_content:
            world.directory = "A";
            break;
        case Event::loads:
            world.load_directory();
            break;
        case Event::fails_data:
            world.fail(65);
            break;
        case Event::fails_room:
            world.fail(71);
            break;
        case Event::starves:
            world.starve();
            break;
        case Event::load_killed:
            world.load_dies(test::kKilled);
            break;
        case Event::load_crashes:
            world.load_dies(test::kCrashed);
            break;
        case Event::loader_dies:
            world.loader_dies(generation_at(world, one.which), test::kCrashed);
            break;
        case Event::standby_dies:
            world.standby_dies(generation_at(world, one.which));
            break;
        case Event::scanner_dies:
            world.scanner_dies(generation_at(world, one.which));
            break;
        case Event::ready_again:
            if (Generation* generation = generation_at(world, one.which)) world.say_ready_again(*generation);
            break;
        case Event::standby_forked:
            world.fork_standby(generation_at(world, one.which));
            break;
        case Event::reap:
            world.reap_one();
            break;
        case Event::loader_ends:
            world.end_one_loader();
            break;
        case Event::worker_starts:
            if (world.state.session_workers.size() < 4) world.start_worker();
            break;
        case Event::worker_dies:
            world.worker_dies(one.which);
            break;
        case Event::worker_takes:
            world.worker_takes(one.which);
            break;
        case Event::worker_releases:
            world.worker_releases(one.which);
            break;
        case Event::cannot_fork:
            world.cannot_fork = true;
            break;
        case Event::can_fork:
            world.cannot_fork = false;
            break;
        case Event::standbys_die:
            world.standbys_die = one.which % 2 == 0;
            break;
        case Event::second_passes:
            world.pass(1s);
            break;
        case Event::drain_time_passes:
            world.pass(world.settings.config.reload.drain_timeout);
            break;
        case Event::minute_passes:
            world.pass(61s);
            break;
        case Event::stops:
            world.stop();
            break;
    }
    world.settle();
}

// "" or what is wrong after which of them.
std::string after(ReloadMode mode, const std::vector<Happening>& happenings) {
    World world(mode);
    world.start_worker();
    world.reloads.begin();
    world.settle();
    for (std::size_t i = 0; i < happenings.size(); ++i) {
        happen(world, happenings[i]);
        if (const std::string broken = world.broken_promise(); !broken.empty())
            return broken + " after " + std::to_string(i + 1) + " of them";
    }
    world.come_to_rest();
    if (const std::string broken = world.broken_promise(); !broken.empty()) return broken + " at rest";
    return world.left_behind();
}

rc::Gen<Happening> any_happening() {
    const auto event = rc::gen::map(rc::gen::inRange(0, 4 * static_cast<int>(Event::stops) + 1), [](int number) {
        return static_cast<Event>(number / 4); // a stop is rarer than all others
    });
    return rc::gen::construct<Happening>(event, rc::gen::inRange(0U, 4U));
}

bool holds_for_any_order(ReloadMode mode) {
    return rc::check([mode] {
        const auto happenings = *rc::gen::container<std::vector<Happening>>(any_happening());
        const std::string wrong = after(mode, happenings);
        RC_LOG() << wrong;
        RC_ASSERT(wrong.empty());
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(any_order_test)

BOOST_AUTO_TEST_CASE(any_order_of_events_leaves_two_engines_at_most_one_answer_a_request_and_nothing_behind) {
    BOOST_TEST(holds_for_any_order(ReloadMode::overlap));
}

BOOST_AUTO_TEST_CASE(so_it_does_where_a_load_replaces_what_serves) {
    BOOST_TEST(holds_for_any_order(ReloadMode::replace));
}

BOOST_AUTO_TEST_SUITE_END()
