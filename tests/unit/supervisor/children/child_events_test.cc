// The order in which what children do is worked off, and when their records may be freed.
#include "supervisor/children/child_events.h"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <vector>

#include "workers/common/ipc/from_loader.h"

using namespace evermilter;
using namespace evermilter::supervisor;

namespace {

// A line for each event: what it was, and of which child.
std::string text(const ChildEvent& event) {
    if (const auto* said = std::get_if<ChildSaid>(&event))
        return std::string(said->message.name()) + " " + std::to_string(said->child);
    if (const auto* silent = std::get_if<ChildSilent>(&event))
        return "silent " + std::to_string(silent->child) + silent->fault;
    if (const auto* died = std::get_if<ChildDied>(&event)) return "died " + std::to_string(died->child);
    return "ended " + std::to_string(std::get<ChildEnded>(event).child);
}

} // namespace

BOOST_AUTO_TEST_SUITE(child_events)

BOOST_AUTO_TEST_CASE(what_a_child_said_comes_before_its_death) {
    ChildEvents events;
    BOOST_TEST(events.empty());
    events.add(ChildSaid{1, messages::FromLoader(messages::LoadProgress{"load"})});
    events.add(ChildSaid{2, messages::FromLoader(messages::Pong{7})});
    events.add(ChildSaid{1, messages::FromLoader(messages::LoadUnchanged{})});
    events.add(ChildSilent{1, ": nonsense"});
    events.add(ChildDied{1, 4711});
    std::vector<std::string> seen;
    events.work_off([&](ChildEvent&& event) { seen.push_back(text(event)); }, [] {});
    const std::vector<std::string> expected = {"LoadProgress 1", "Pong 2", "LoadUnchanged 1", "silent 1: nonsense",
                                               "died 1"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
    BOOST_TEST(events.empty());
}

BOOST_AUTO_TEST_CASE(what_follows_from_an_event_comes_before_what_was_learnt_later) {
    ChildEvents events;
    events.add(ChildSaid{1, messages::FromLoader(messages::StandbyEnded{})});
    events.add(ChildDied{1, 4711});
    std::vector<std::string> seen;
    events.work_off(
        [&](ChildEvent&& event) {
            seen.push_back(text(event));
            if (!std::holds_alternative<ChildSaid>(event)) return;
            // A standby's last words and its end, which its loader has told.
            events.add(ChildSilent{2, {}});
            events.add(ChildEnded{2, 4712, 0});
        },
        [] {});
    const std::vector<std::string> expected = {"StandbyEnded 1", "silent 2", "ended 2", "died 1"};
    BOOST_TEST(seen == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(records_are_freed_between_events_only) {
    ChildEvents events;
    auto record = std::make_unique<std::string>("of child 1");
    bool over = false;
    int sweeps = 0;
    bool handling = false;
    events.add(ChildSaid{1, messages::FromLoader(messages::StandbyEnded{})});
    events.add(ChildDied{1, 4711});
    events.work_off(
        [&](ChildEvent&&) {
            handling = true;
            over = true; // by what was said already
            BOOST_TEST(*record == "of child 1");
            handling = false;
        },
        [&] {
            BOOST_TEST(!handling);
            if (over && ++sweeps == 2) record.reset();
        });
    BOOST_TEST(sweeps == 2);
    BOOST_TEST(record == nullptr);
}

BOOST_AUTO_TEST_CASE(nothing_is_worked_off_from_within) {
    ChildEvents events;
    events.add(ChildDied{1, 4711});
    events.add(ChildDied{2, 4712});
    int depth = 0;
    int deepest = 0;
    int count = 0;
    const std::function<void(ChildEvent &&)> handle = [&](ChildEvent&&) {
        deepest = std::max(deepest, ++depth);
        ++count;
        events.work_off(handle, [] {});
        --depth;
    };
    events.work_off(handle, [&] { events.work_off(handle, [] {}); });
    BOOST_TEST(deepest == 1);
    BOOST_TEST(count == 2);
}

BOOST_AUTO_TEST_SUITE_END()
