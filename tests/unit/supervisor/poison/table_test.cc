// What makes a message poison, for how long, and how many are remembered.
#include "supervisor/poison/table.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "supervisor/poison/watch.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;
using Rank = PoisonTable::Rank;

MessageDigest digest(std::uint64_t number) {
    return number == 0 ? MessageDigest{} : MessageDigest{{number, number * 7, 3, 4}};
}
MessageDigests message(std::uint64_t whole, std::uint64_t body) {
    return {digest(whole), digest(body)};
}

constexpr std::int64_t kSecond = 1'000'000'000;

struct Fixture {
    Fixture() {
        table.set_keep(1h, 0);
        auto fd = table.share();
        BOOST_REQUIRE(fd.ok());
        auto mapped = PoisonBoard::map(std::move(*fd));
        BOOST_REQUIRE(mapped.ok());
        board.emplace(std::move(*mapped));
    }
    Rank cost(const MessageDigests& digests, pid_t scanner) { return table.cost(digests, {7, scanner}, now); }
    bool refused(const MessageDigests& digests) const { return board->holds(digests, now.monotonic_ns); }
    void pass(std::int64_t seconds) {
        now.monotonic_ns += seconds * kSecond;
        now.unix_time += seconds;
    }

    PoisonTable table;
    std::optional<PoisonBoard> board; // as a session worker sees it
    Now now{100 * kSecond, 1'700'000'000};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(poison_table, Fixture)

BOOST_AUTO_TEST_CASE(one_scanner_is_no_proof_and_neither_is_the_same_one_twice) {
    BOOST_TEST((cost(message(1, 2), 10) == Rank::suspect));
    BOOST_TEST((cost(message(1, 2), 10) == Rank::suspect));
    BOOST_TEST(!refused(message(1, 2)));
    BOOST_TEST(table.list(now.monotonic_ns).empty());
}

BOOST_AUTO_TEST_CASE(a_second_scanner_makes_it_poison_at_once_and_by_either_digest) {
    (void)cost(message(1, 2), 10);
    BOOST_TEST((cost(message(1, 2), 11) == Rank::poison));
    BOOST_TEST(refused(message(1, 2)));
    BOOST_TEST(refused(message(3, 2))); // another header
    BOOST_TEST(!refused(message(3, 4)));
    BOOST_TEST((cost(message(1, 2), 12) == Rank::still_poison));
}

BOOST_AUTO_TEST_CASE(the_same_pid_in_another_generation_is_another_scanner) {
    (void)table.cost(message(1, 2), {7, 10}, now);
    BOOST_TEST((table.cost(message(1, 2), {8, 10}, now) == Rank::poison));
}

BOOST_AUTO_TEST_CASE(copies_with_other_headers_prove_it_together) {
    (void)cost(message(1, 2), 10);
    BOOST_TEST((cost(message(3, 2), 11) == Rank::poison));
    BOOST_TEST(refused(message(5, 2)));
    BOOST_TEST(table.list(now.monotonic_ns).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_message_without_a_body_to_know_it_by_never_stands_for_others) {
    (void)cost(message(1, 0), 10);
    BOOST_TEST((cost(message(3, 0), 11) == Rank::suspect));
    BOOST_TEST((cost(message(1, 0), 11) == Rank::poison));
    BOOST_TEST(refused(message(1, 0)));
    BOOST_TEST(!refused(message(3, 0)));
    BOOST_TEST(!refused(message(0, 0)));
}

BOOST_AUTO_TEST_CASE(a_message_that_could_not_be_read_is_not_remembered) {
    BOOST_TEST((cost(message(0, 0), 10) == Rank::ignored));
    BOOST_TEST((cost(message(0, 0), 11) == Rank::ignored));
}

BOOST_AUTO_TEST_CASE(it_is_forgotten_after_keep_which_only_a_further_cost_renews) {
    (void)cost(message(1, 2), 10);
    pass(1800);
    (void)cost(message(1, 2), 11);
    pass(3599);
    table.met(message(1, 2), now);
    BOOST_TEST(refused(message(1, 2)));
    BOOST_TEST(table.count(now.monotonic_ns) == 1U);
    pass(1);
    BOOST_TEST(!refused(message(1, 2)));
    BOOST_TEST(table.count(now.monotonic_ns) == 0U);
    BOOST_TEST(table.list(now.monotonic_ns).empty());
    BOOST_TEST((cost(message(1, 2), 12) == Rank::suspect)); // from the beginning
}

BOOST_AUTO_TEST_CASE(another_keep_holds_for_what_is_remembered_and_zero_remembers_nothing) {
    (void)cost(message(1, 2), 10);
    (void)cost(message(1, 2), 11);
    pass(60);
    table.set_keep(2h, now.monotonic_ns);
    pass(7000);
    BOOST_TEST(refused(message(1, 2)));
    table.set_keep(0s, now.monotonic_ns);
    BOOST_TEST(!refused(message(1, 2)));
    BOOST_TEST((cost(message(1, 2), 12) == Rank::ignored));
    BOOST_TEST((cost(message(1, 2), 13) == Rank::ignored));
}

BOOST_AUTO_TEST_CASE(the_list_says_since_when_how_often_and_when_last) {
    (void)cost(message(1, 2), 10);
    pass(10);
    (void)cost(message(3, 2), 11);
    pass(10);
    table.met(message(4, 2), now);
    table.met(message(1, 2), now);
    table.met(message(9, 9), now); // forgotten meanwhile: nobody's
    const auto list = table.list(now.monotonic_ns);
    BOOST_REQUIRE(list.size() == 1U);
    BOOST_TEST((list[0].digests == message(1, 2)));
    BOOST_TEST(list[0].since == 1'700'000'010);
    BOOST_TEST(list[0].last == 1'700'000'020);
    BOOST_TEST(list[0].costs == 2U);
    BOOST_TEST(list[0].met == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_by_the_beginning_of_a_digest_is_scanned_again) {
    for (const std::uint64_t number : {1U, 2U}) {
        (void)cost(message(number, number + 100), 10);
        (void)cost(message(number, number + 100), 11);
    }
    const std::string whole = digest(1).text();
    BOOST_TEST(whole.size() == 64U);
    BOOST_TEST(!table.forget(whole.substr(0, 7), now.monotonic_ns).ok()); // too short
    BOOST_TEST(!table.forget("ffffffff", now.monotonic_ns).ok());         // none
    BOOST_TEST(refused(message(1, 101)));
    BOOST_TEST(table.forget(whole.substr(0, 8), now.monotonic_ns).ok());
    BOOST_TEST(!refused(message(1, 101)));
    BOOST_TEST(refused(message(2, 102)));
    BOOST_TEST(table.forget(digest(102).text(), now.monotonic_ns).ok()); // by its body
    BOOST_TEST(!refused(message(2, 102)));
}

BOOST_AUTO_TEST_CASE(a_beginning_that_two_have_in_common_names_none) {
    const MessageDigests one{{{5, 1, 1, 1}}, {}};
    const MessageDigests other{{{5, 2, 2, 2}}, {}};
    for (const auto& digests : {one, other})
        for (const pid_t scanner : {10, 11}) (void)cost(digests, scanner);
    const auto forgotten = table.forget(one.whole.text().substr(0, 16), now.monotonic_ns);
    BOOST_TEST(!forgotten.ok());
    BOOST_TEST(forgotten.error().what.find("more than one") != std::string::npos);
    BOOST_TEST(table.forget(one.whole.text().substr(0, 18), now.monotonic_ns).ok());
}

BOOST_AUTO_TEST_CASE(all_are_forgotten_with_the_suspects) {
    (void)cost(message(1, 2), 10);
    (void)cost(message(1, 2), 11);
    (void)cost(message(3, 4), 12);
    BOOST_TEST(table.forget_all() == 1U);
    BOOST_TEST(!refused(message(1, 2)));
    BOOST_TEST((cost(message(3, 4), 13) == Rank::suspect));
}

BOOST_AUTO_TEST_CASE(the_table_is_bounded_suspects_make_room_before_poison_and_the_oldest_first) {
    const auto number = [](std::size_t index) { return static_cast<std::uint64_t>(1000 + index); };
    (void)cost(message(1, 0), 10);
    for (std::size_t i = 0; i < PoisonTable::kEntries - 1; ++i) {
        pass(1);
        (void)cost(message(number(i), 0), 10);
        (void)cost(message(number(i), 0), 11);
    }
    BOOST_TEST(table.count(now.monotonic_ns) == PoisonTable::kEntries - 1);
    (void)cost(message(2, 0), 20); // the suspect 1 goes
    BOOST_TEST((cost(message(2, 0), 21) == Rank::poison));
    BOOST_TEST(refused(message(number(0), 0)));
    (void)cost(message(3, 0), 30); // the oldest poison goes
    BOOST_TEST(!refused(message(number(0), 0)));
    BOOST_TEST(refused(message(number(1), 0)));
    BOOST_TEST((cost(message(3, 0), 31) == Rank::poison));
    BOOST_TEST(refused(message(3, 0)));
    BOOST_TEST(table.count(now.monotonic_ns) == PoisonTable::kEntries);
}

BOOST_AUTO_TEST_CASE(a_board_that_is_made_later_shows_what_is_known) {
    PoisonTable late;
    late.set_keep(1h, 0);
    (void)late.cost(message(1, 2), {7, 10}, now);
    (void)late.cost(message(1, 2), {7, 11}, now);
    const auto mapped = PoisonBoard::map(std::move(*late.share()));
    BOOST_REQUIRE(mapped.ok());
    BOOST_TEST(mapped->holds(message(1, 2), now.monotonic_ns));
}

// Whose death says something about its message.
BOOST_AUTO_TEST_CASE(scanners_that_we_may_have_ended_ourselves_make_nothing_poison) {
    struct Row {
        const char* what;
        GenerationState state;
        bool held;
        bool stopping;
        bool counts;
    };
    constexpr Row rows[] = {
        {"active", GenerationState::active, true, false, true},
        {"being given", GenerationState::loading, true, false, true},
        {"draining and held", GenerationState::draining, true, false, true},
        {"draining and left", GenerationState::draining, false, false, false},
        {"failed", GenerationState::failed, true, false, false},
        {"gone", GenerationState::gone, true, false, false},
        {"the service stops", GenerationState::active, true, true, false},
    };
    for (const Row& row : rows) {
        Settings settings;
        settings.config.poison.keep = 1h;
        State state;
        state.service = row.stopping ? ServiceState::stopping : ServiceState::ready;
        Generation& generation = state.generations.emplace_back();
        generation.id = 7;
        generation.state = row.state;
        if (row.held) state.queue_holders.given(1, 7, Moment{});
        PoisonWatch watch(state, settings);
        watch.apply();
        for (const std::int64_t scanner : {10, 11})
            watch.on_suspicion({7, scanner, messages::Suspected::died, message(1, 2)});
        BOOST_TEST(state.poison.count(monotonic_ns()) == (row.counts ? 1U : 0U), row.what);
        // CPU time is of its own making whoever ended it.
        for (const std::int64_t scanner : {10, 11})
            watch.on_suspicion({7, scanner, messages::Suspected::cpu_time, message(3, 4)});
        BOOST_TEST(state.poison.count(monotonic_ns()) == (row.counts ? 2U : 1U), row.what);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::supervisor
