// How long a reload that nobody waits for is put off, and when it is not.
#include "supervisor/generations/reload_splay.h"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/supervisor/time_by_hand.h"

using namespace evermilter::supervisor;
using namespace std::chrono_literals;

namespace {

struct Splayed {
    test::TimeByHand time;
    State state;
    Settings settings;
    std::vector<std::string> reloads; // by whom
    ReloadSplay splay{time, state, settings, [this](const ReloadRequest& request, const ReloadCallback& done) {
                          BOOST_TEST((request.kind == ReloadKind::automatic));
                          reloads.push_back(request.by);
                          if (done) done({});
                      }};

    Splayed() {
        settings.config.reload.splay = 10min;
        state.generations.emplace_back().id = 1;
        state.current_generation = 1;
    }
    void ask(const std::string& by) { splay.ask({.kind = ReloadKind::automatic, .by = by}, {}); }
    void ask_and_wait(const std::string& by) {
        splay.ask({.kind = ReloadKind::automatic, .by = by}, [this](const ReloadOutcome&) { ++answers; });
    }
    unsigned answers = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(reload_splay_test)

BOOST_FIXTURE_TEST_CASE(a_reload_waits_for_the_part_that_chance_chooses_and_says_until_when, Splayed) {
    time.next_chance = 0.25;
    ask("first");
    BOOST_TEST(state.reload_due == time.unix_time() + 150);
    time.pass(149s);
    BOOST_TEST(reloads.empty());
    time.pass(1s);
    BOOST_TEST(reloads == std::vector<std::string>{"first"});
    BOOST_TEST(state.reload_due == 0);
}

BOOST_FIXTURE_TEST_CASE(those_that_come_while_one_waits_are_the_same_one_and_do_not_put_it_off, Splayed) {
    ask("first");
    time.pass(4min);
    time.next_chance = 0.9;
    ask("second");
    time.pass(1min);
    BOOST_TEST(reloads == std::vector<std::string>{"first"});
    time.pass(1h);
    BOOST_TEST(reloads.size() == 1U);
    ask("third");
    time.pass(9min);
    BOOST_TEST(reloads.size() == 2U);
}

BOOST_FIXTURE_TEST_CASE(none_waits_by_default, Splayed) {
    settings.config.reload.splay = 0s;
    ask("first");
    BOOST_TEST(reloads.size() == 1U);
    BOOST_TEST(state.reload_due == 0);
}

BOOST_FIXTURE_TEST_CASE(none_waits_where_signatures_are_missing_or_stale, Splayed) {
    ask("waits");
    state.current_generation = 0;
    ask("missing");
    BOOST_TEST(reloads == std::vector<std::string>{"waits"});
    BOOST_TEST(state.reload_due == 0);
    state.current_generation = 1;
    state.stale = Stale{1, "broken"};
    ask("stale");
    time.pass(1h);
    BOOST_TEST((reloads == std::vector<std::string>{"waits", "stale"}));
}

BOOST_FIXTURE_TEST_CASE(a_shorter_splay_holds_for_what_waits_already_and_a_longer_one_does_not, Splayed) {
    ask("first"); // in 5 min
    settings.config.reload.splay = 1h;
    splay.apply();
    settings.config.reload.splay = 6min;
    splay.apply();
    BOOST_TEST(state.reload_due == time.unix_time() + 300);
    settings.config.reload.splay = 1min;
    splay.apply();
    BOOST_TEST(state.reload_due == time.unix_time() + 60);
    time.pass(1min);
    BOOST_TEST(reloads.size() == 1U);
    splay.apply(); // nothing waits
    time.pass(1h);
    BOOST_TEST(reloads.size() == 1U);
}

BOOST_FIXTURE_TEST_CASE(each_caller_that_waits_has_an_answer_of_its_own, Splayed) {
    ask_and_wait("first");
    ask("watch");
    time.pass(4min);
    ask_and_wait("second");
    BOOST_TEST(answers == 0U);
    time.pass(1min);
    BOOST_TEST(answers == 2U);
    BOOST_TEST((reloads == std::vector<std::string>{"first", "second"}));
}

BOOST_FIXTURE_TEST_CASE(at_a_stop_whoever_waits_is_handed_on_for_an_answer, Splayed) {
    ask_and_wait("first");
    splay.stop();
    BOOST_TEST(answers == 1U);
    BOOST_TEST(state.reload_due == 0);
    time.pass(1h);
    BOOST_TEST(reloads.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
