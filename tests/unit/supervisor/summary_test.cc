// The summary now and then: what came since the last one.
#include "supervisor/summary.h"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/supervisor/time_by_hand.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace std::chrono_literals;

namespace {

struct Summed {
    test::TimeByHand time;
    CounterBoard<kSessionWorker> board;
    std::map<std::string, std::uint64_t> viruses;
    Summary summary{time,
                    [this] {
                        Counters total;
                        total.add_all(board);
                        total.viruses = viruses;
                        return total;
                    },
                    [this](const WhatCame& came) { said.push_back(came); }};
    std::vector<WhatCame> said;

    [[nodiscard]] std::uint64_t last(Disposition verdict) const {
        return said.back().by.at(static_cast<std::size_t>(verdict));
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(summary_test)

BOOST_AUTO_TEST_CASE(names_stand_from_the_most_frequent_and_only_with_what_is_new) {
    Counters before;
    before.viruses = {{"Old", 7}, {"Known", 2}};
    Counters now;
    now.viruses = {{"Old", 7}, {"Known", 5}, {"A", 1}, {"B", 12}, {"C", 1}};
    BOOST_TEST(new_viruses(before, now) == "B 12, Known 3, A 1, C 1");
    BOOST_TEST(new_viruses(now, now).empty());
    for (int i = 10; i < 40; ++i) now.viruses["V" + std::to_string(i)] = 2;
    BOOST_TEST(new_viruses(before, now).ends_with("V27 2, others 26"));
}

BOOST_FIXTURE_TEST_CASE(each_says_what_came_since_the_last_and_nothing_of_nothing, Summed) {
    summary.apply(5min);
    time.pass(5min);
    BOOST_TEST(said.empty());
    board.add("messages", Disposition::clean);
    board.add("messages", Disposition::infected);
    board.add("messages.incomplete_by", Unseen::limit);
    viruses["Eicar"] = 1;
    time.pass(5min);
    BOOST_REQUIRE(said.size() == 1U);
    BOOST_TEST(said[0].seconds == 300);
    BOOST_TEST(said[0].messages == 3U);
    BOOST_TEST(last(Disposition::clean) == 1U);
    BOOST_TEST(last(Disposition::infected) == 1U);
    BOOST_TEST(last(Disposition::incomplete) == 1U);
    BOOST_TEST(said[0].viruses == "Eicar 1");
    board.add("messages", Disposition::clean);
    time.pass(1min);
    summary.stop();
    BOOST_REQUIRE(said.size() == 2U);
    BOOST_TEST(said[1].seconds == 60);
    BOOST_TEST(said[1].messages == 1U);
    BOOST_TEST(said[1].viruses.empty());
}

BOOST_FIXTURE_TEST_CASE(a_new_period_holds_at_once_and_zero_ends_them, Summed) {
    summary.apply(1h);
    summary.apply(1min);
    board.add("messages", Disposition::clean);
    time.pass(1min);
    BOOST_TEST(said.size() == 1U);
    summary.apply(0s);
    board.add("messages", Disposition::error);
    time.pass(24h);
    summary.stop();
    BOOST_TEST(said.size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
