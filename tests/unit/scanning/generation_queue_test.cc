// Queue ends: released exactly once and at the right moment, and jobs in the order in which they were asked for.
#include "workers/scanning/generation_queue.h"

#include <sys/socket.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <filesystem>
#include <thread>
#include <vector>

#include "workers/common/ipc/channel.h"
#include "workers/common/ipc/scan_job.h"

using namespace evermilter;
using namespace evermilter::scanning;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using Turn = GenerationQueue::Place::Turn;
using Sent = GenerationQueue::Place::Sent;

namespace {

// Long enough to never come in a test that passes.
SteadyTime far() {
    return steady_clock::now() + 60s;
}
SteadyTime now() {
    return steady_clock::now();
}

struct Ends {
    unique_fd receiving;
    unique_fd sending;
};
Ends make_queue() {
    auto pair = seqpacket_pair(Blocking::no, Blocking::yes);
    BOOST_REQUIRE(pair.ok());
    return {std::move(pair->first), std::move(pair->second)};
}

codec::Packet packet(std::uint64_t job) {
    messages::ScanJob message;
    message.job = job;
    auto made = codec::encode<messages::ToScanner>(std::move(message));
    BOOST_REQUIRE(made.ok());
    return std::move(*made);
}

// True when no sending end is open any more.
bool at_eof(const unique_fd& receiving) {
    auto received = receive_message<messages::ToScanner>(receiving.get());
    return received.ok() && received->kind == ReceivedKind::end;
}

std::uint64_t next_job(const unique_fd& receiving) {
    auto received = receive_message<messages::ToScanner>(receiving.get());
    if (!received || received->kind != ReceivedKind::message) return 0;
    return std::get<messages::ScanJob>(received->message).job;
}

struct Fixture {
    std::vector<std::uint64_t> released;
    GenerationQueues queues{[this](std::uint64_t generation) { released.push_back(generation); }};
    using Generations = std::vector<std::uint64_t>;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(generation_queue_test, Fixture)

BOOST_AUTO_TEST_CASE(a_generation_is_released_when_its_last_holder_lets_go) {
    Ends one = make_queue();
    Ends two = make_queue();
    queues.take(1, std::move(one.sending));
    Pin first = queues.pin(1);
    Pin second = queues.pin(1);
    queues.take(2, std::move(two.sending));
    BOOST_TEST(queues.current() == 2U);
    BOOST_TEST(queues.pin(1)->generation() == 1U);
    first.reset();
    BOOST_TEST(released.empty());
    BOOST_TEST(!at_eof(one.receiving));
    second.reset();
    BOOST_TEST(released == Generations{1}, boost::test_tools::per_element());
    BOOST_TEST(at_eof(one.receiving));
    BOOST_TEST(!queues.let_go(1)); // told already
    BOOST_TEST(released.size() == 1U);
}

BOOST_AUTO_TEST_CASE(without_a_pin_the_successor_releases_it) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    queues.take(2, make_queue().sending);
    BOOST_TEST(released == Generations{1}, boost::test_tools::per_element());
    BOOST_TEST(at_eof(one.receiving));
}

BOOST_AUTO_TEST_CASE(let_go_closes_at_once_and_the_pinned_use_the_current_one) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin pinned = queues.pin(1);
    Ends two = make_queue();
    queues.take(2, std::move(two.sending));
    BOOST_TEST(queues.let_go(1));
    BOOST_TEST(released == Generations{1}, boost::test_tools::per_element());
    BOOST_TEST(at_eof(one.receiving));
    BOOST_TEST(!pinned->usable());
    BOOST_TEST(queues.pin(1)->generation() == 2U);
    BOOST_TEST(!queues.let_go(1));
    BOOST_TEST(released.size() == 1U);
}

BOOST_AUTO_TEST_CASE(let_go_of_the_current_one_leaves_none_until_the_next_comes) {
    queues.take(1, make_queue().sending);
    BOOST_TEST(queues.let_go(1));
    BOOST_TEST(queues.current() == 0U);
    BOOST_TEST(!queues.pin(1));
    const auto waited = queues.wait_for_current(now() + 10ms);
    BOOST_TEST(!waited.queue);
    BOOST_TEST(!waited.refused.has_value());
}

BOOST_AUTO_TEST_CASE(a_generation_that_the_worker_does_not_hold_is_the_current_one) {
    BOOST_TEST(!queues.pin(0));
    BOOST_TEST(!queues.pin(5));
    const Ends two = [&] {
        Ends ends = make_queue();
        queues.take(2, std::move(ends.sending));
        return ends;
    }();
    BOOST_TEST(queues.pin(0)->generation() == 2U);
    BOOST_TEST(queues.pin(5)->generation() == 2U);
}

BOOST_AUTO_TEST_CASE(no_generation_is_told_at_once_and_ends_with_the_next_take) {
    std::thread waiting([&] {
        const auto waited = queues.wait_for_current(far());
        BOOST_TEST(!waited.queue);
        BOOST_TEST(waited.refused.value_or("") == "broken database");
    });
    queues.no_generation("broken database");
    waiting.join();
    BOOST_TEST(queues.wait_for_current(far()).refused.value_or("") == "broken database");
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    BOOST_TEST(queues.wait_for_current(far()).queue->generation() == 1U);
}

BOOST_AUTO_TEST_CASE(who_waits_for_a_generation_gets_the_first_that_comes) {
    Ends one = make_queue();
    std::thread waiting([&] { BOOST_TEST(queues.wait_for_current(far()).queue->generation() == 1U); });
    queues.take(1, std::move(one.sending));
    waiting.join();
}

BOOST_AUTO_TEST_CASE(close_lets_go_of_everything_pinned_or_not) {
    Ends one = make_queue();
    Ends two = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin pinned = queues.pin(1);
    queues.take(2, std::move(two.sending));
    queues.close("the supervisor is gone");
    BOOST_TEST(released == (Generations{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(at_eof(one.receiving));
    BOOST_TEST(at_eof(two.receiving));
    BOOST_TEST(queues.wait_for_current(far()).refused.value_or("") == "the supervisor is gone");
}

BOOST_AUTO_TEST_CASE(the_same_generation_taken_twice_is_released_once) {
    Ends one = make_queue();
    unique_fd copy(::dup(one.sending.get()));
    queues.take(1, std::move(one.sending));
    const Pin pinned = queues.pin(1);
    queues.take(1, std::move(copy));
    BOOST_TEST(queues.pin(1) == pinned);
    BOOST_TEST(queues.let_go(1));
    BOOST_TEST(released == Generations{1}, boost::test_tools::per_element());
    BOOST_TEST(at_eof(one.receiving));
}

BOOST_AUTO_TEST_CASE(four_jobs_are_let_in_and_the_next_ones_in_the_order_of_asking) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin queue = queues.pin(1);
    std::vector<std::unique_ptr<GenerationQueue::Place>> places;
    places.reserve(8);
    for (int i = 0; i < 8; ++i) places.push_back(std::make_unique<GenerationQueue::Place>(queue));
    for (std::size_t i = 0; i < GenerationQueue::kWindow; ++i) {
        BOOST_REQUIRE((places[i]->wait(far()) == Turn::come));
        BOOST_TEST((places[i]->send(packet(i + 1)) == Sent::yes));
    }
    for (std::size_t i = 4; i < 8; ++i) BOOST_TEST((places[i]->wait(now()) == Turn::not_yet));
    places[2].reset(); // taken
    for (const std::size_t i : {5U, 6U, 7U}) BOOST_TEST((places[i]->wait(now()) == Turn::not_yet));
    BOOST_TEST((places[4]->wait(far()) == Turn::come));
    places[5].reset(); // given up before its turn
    places[0].reset();
    BOOST_TEST((places[7]->wait(now()) == Turn::not_yet));
    BOOST_TEST((places[6]->wait(far()) == Turn::come));
    for (std::uint64_t job = 1; job <= 4; ++job) BOOST_TEST(next_job(one.receiving) == job);
}

BOOST_AUTO_TEST_CASE(a_turn_that_comes_wakes_who_waits) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin queue = queues.pin(1);
    std::vector<std::unique_ptr<GenerationQueue::Place>> places;
    for (int i = 0; i < 4; ++i) {
        places.push_back(std::make_unique<GenerationQueue::Place>(queue));
        BOOST_REQUIRE((places.back()->wait(far()) == Turn::come));
    }
    std::thread fifth([&] {
        GenerationQueue::Place place(queue);
        BOOST_TEST((place.wait(far()) == Turn::come));
    });
    places.clear();
    fifth.join();
}

BOOST_AUTO_TEST_CASE(let_go_wakes_who_waits_for_a_turn) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin queue = queues.pin(1);
    std::vector<std::unique_ptr<GenerationQueue::Place>> places;
    for (int i = 0; i < 4; ++i) {
        places.push_back(std::make_unique<GenerationQueue::Place>(queue));
        BOOST_REQUIRE((places.back()->wait(far()) == Turn::come));
    }
    std::thread fifth([&] {
        GenerationQueue::Place place(queue);
        BOOST_TEST((place.wait(far()) == Turn::ended));
    });
    queues.let_go(1);
    fifth.join();
    BOOST_TEST((places[0]->send(packet(1)) == Sent::ended));
}

BOOST_AUTO_TEST_CASE(a_full_socket_never_blocks) {
    Ends one = make_queue(); // the sending end is blocking when it comes
    queues.take(1, std::move(one.sending));
    GenerationQueue::Place place(queues.pin(1));
    BOOST_REQUIRE((place.wait(far()) == Turn::come));
    int sent = 0;
    while (place.send(packet(1)) == Sent::yes && sent < 100000) ++sent;
    BOOST_TEST(sent > 0);
    BOOST_TEST((place.send(packet(1)) == Sent::full));
    while (next_job(one.receiving) != 0) {
    }
    BOOST_TEST((place.send(packet(1)) == Sent::yes));
}

BOOST_AUTO_TEST_CASE(a_queue_that_nobody_receives_from_is_not_used_again) {
    Ends one = make_queue();
    queues.take(1, std::move(one.sending));
    const Pin queue = queues.pin(1);
    one.receiving.reset();
    GenerationQueue::Place place(queue);
    BOOST_REQUIRE((place.wait(far()) == Turn::come));
    BOOST_TEST((place.send(packet(1)) == Sent::ended));
    BOOST_TEST(!queue->usable());
    BOOST_TEST(!queues.pin(1));
    BOOST_TEST(!queues.wait_for_current(now() + 10ms).queue);
    // It is still held, so that its release is told when the supervisor asks.
    BOOST_TEST(released.empty());
    BOOST_TEST(queues.let_go(1));
    BOOST_TEST(released == Generations{1}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(threads_that_pin_while_generations_change_release_each_once) {
    constexpr std::uint64_t last = 200;
    std::array<std::atomic<int>, last + 1> counts{};
    {
        GenerationQueues many([&](std::uint64_t generation) { ++counts[generation]; });
        std::atomic<bool> stop{false};
        std::vector<std::thread> threads;
        threads.reserve(3);
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                while (!stop) {
                    const Pin pin = many.pin(0);
                    if (pin) {
                        GenerationQueue::Place place(pin);
                        (void)place.wait(now());
                    }
                }
            });
        for (std::uint64_t generation = 1; generation <= last; ++generation) {
            many.take(generation, make_queue().sending);
            if (generation % 3 == 0) many.let_go(generation);
            if (generation % 5 == 0) many.let_go(generation - 1);
        }
        stop = true;
        for (auto& thread : threads) thread.join();
    }
    for (std::uint64_t generation = 1; generation <= last; ++generation)
        BOOST_TEST(counts[generation] == 1, "generation " << generation);
}

BOOST_AUTO_TEST_SUITE_END()
