// Answers that are used again: for how long, for which sizes, and how many.
#include "workers/session/policy/server/answer_cache.h"

#include <boost/test/unit_test.hpp>

using namespace evermilter;
using namespace evermilter::session;
using namespace std::chrono_literals;

namespace {

PolicyAnswer of(PolicyAnswer::Kind kind) {
    PolicyAnswer answer;
    answer.kind = kind;
    return answer;
}
const PolicyAnswer kOn = of(PolicyAnswer::Kind::go_on);
const PolicyAnswer kFull = of(PolicyAnswer::Kind::refuse);

} // namespace

BOOST_AUTO_TEST_SUITE(answer_cache)

BOOST_AUTO_TEST_CASE(an_answer_is_known_until_its_time_is_over) {
    AnswerCache cache(5s);
    const SteadyTime now{};
    cache.keep("a", 0, kOn, now);
    BOOST_TEST(cache.find("a", 0, now + 4s).has_value());
    BOOST_TEST(!cache.find("b", 0, now).has_value());
    BOOST_TEST(!cache.find("a", 0, now + 5s).has_value());
    BOOST_TEST(cache.size() == 0U);
}

BOOST_AUTO_TEST_CASE(no_larger_message_may_pass_and_no_smaller_one_is_refused_by_it) {
    AnswerCache cache(5s);
    const SteadyTime now{};
    cache.keep("on", 1000, kOn, now);
    BOOST_TEST(cache.find("on", 1000, now).has_value());
    BOOST_TEST(cache.find("on", 0, now).has_value());
    BOOST_TEST(!cache.find("on", 1001, now).has_value());
    cache.keep("full", 1000, kFull, now);
    BOOST_TEST(cache.find("full", 1000, now).has_value());
    BOOST_TEST(cache.find("full", 5000, now).has_value());
    BOOST_TEST(!cache.find("full", 999, now).has_value());
}

BOOST_AUTO_TEST_CASE(a_later_answer_takes_the_place_of_the_first) {
    AnswerCache cache(5s);
    const SteadyTime now{};
    cache.keep("a", 0, kOn, now);
    cache.keep("a", 0, kFull, now + 1s);
    BOOST_TEST(cache.size() == 1U);
    BOOST_TEST((cache.find("a", 0, now + 5s) == kFull));
}

BOOST_AUTO_TEST_CASE(it_has_a_bound_and_the_oldest_goes) {
    AnswerCache cache(5s, 3);
    const SteadyTime now{};
    for (const char* key : {"a", "b", "c", "d"}) cache.keep(key, 0, kOn, now);
    BOOST_TEST(cache.size() == 3U);
    BOOST_TEST(!cache.find("a", 0, now).has_value());
    BOOST_TEST(cache.find("d", 0, now).has_value());
}

BOOST_AUTO_TEST_CASE(without_a_time_nothing_is_kept) {
    AnswerCache cache(0s);
    cache.keep("a", 0, kOn, SteadyTime{});
    BOOST_TEST(cache.size() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
