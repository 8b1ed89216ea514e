// A channel on a loop: in order, kept while there is no room, and its end told once.
#include "workers/common/ipc/loop_channel.h"

#include <sys/socket.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/to_loader.h"

using namespace evermilter;

namespace {

struct Line {
    Line() { channel.start(); }
    static std::pair<unique_fd, unique_fd> ends() {
        auto pair = seqpacket_pair(Blocking::no, Blocking::no);
        BOOST_REQUIRE(pair.ok());
        return std::move(*pair);
    }
    void turn() {
        for (int i = 0; i < 20; ++i) ev_run(loop.get(), EVRUN_NOWAIT);
    }
    // All that the loader has said and can be read.
    std::vector<std::string> read() {
        std::vector<std::string> steps;
        for (;;) {
            auto received = theirs.receive();
            if (!received || received->kind != ReceivedKind::message) return steps;
            steps.push_back(std::get<messages::LoadProgress>(received->message).step);
        }
    }

    LoopHandle loop = make_loop();
    std::pair<unique_fd, unique_fd> pair = ends();
    Channel<messages::FromLoader, messages::ToLoader> theirs{std::move(pair.second)};
    std::vector<std::string> events;
    bool goes_on = true;
    LoopChannel<messages::ToLoader, messages::FromLoader> channel{
        loop.get(),
        PacketChannel(std::move(pair.first)),
        {[this](messages::ToLoader message) { events.emplace_back(messages::message_name(message)); },
         [this](const Error&) {
             events.emplace_back("unreadable");
             return goes_on;
         },
         [this](const Error* error) { events.emplace_back(error == nullptr ? "end" : "broken"); },
         [this] { events.emplace_back("flushed"); }}};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(loop_channel_test, Line)

BOOST_AUTO_TEST_CASE(what_comes_is_handed_on_in_order_and_the_end_is_told_once) {
    BOOST_TEST_REQUIRE(theirs.send(messages::Ping{1}).ok());
    BOOST_TEST_REQUIRE(theirs.send(messages::LockEngine{}).ok());
    theirs.close();
    turn();
    const std::vector<std::string> expected = {"Ping", "LockEngine", "end"};
    BOOST_TEST(events == expected, boost::test_tools::per_element());
    BOOST_TEST(!channel.open());
    channel.send(messages::LoadUnchanged{}); // to nobody
    turn();
    BOOST_TEST(events.size() == 3U);
}

BOOST_AUTO_TEST_CASE(what_finds_no_room_is_kept_and_sent_in_order) {
    std::vector<std::string> sent;
    while (!channel.wants_write()) channel.send(messages::LoadProgress{sent.emplace_back(std::to_string(sent.size()))});
    for (int i = 0; i < 100; ++i) channel.send(messages::LoadProgress{sent.emplace_back(std::to_string(sent.size()))});
    std::vector<std::string> read_back;
    while (read_back.size() < sent.size()) {
        for (std::string& step : read()) read_back.push_back(std::move(step));
        turn();
    }
    BOOST_TEST(read_back == sent, boost::test_tools::per_element());
    BOOST_TEST(!channel.wants_write());
    BOOST_TEST(!events.empty());
    BOOST_TEST(events.back() == "flushed");
}

BOOST_AUTO_TEST_CASE(a_packet_that_is_no_message_ends_the_channel_only_where_it_is_to) {
    BOOST_TEST_REQUIRE(::send(theirs.fd(), "garbage", 7, 0) == 7);
    BOOST_TEST_REQUIRE(theirs.send(messages::Ping{1}).ok());
    turn();
    const std::vector<std::string> expected = {"unreadable", "Ping"};
    BOOST_TEST(events == expected, boost::test_tools::per_element());
    goes_on = false;
    BOOST_TEST_REQUIRE(::send(theirs.fd(), "garbage", 7, 0) == 7);
    BOOST_TEST_REQUIRE(theirs.send(messages::Ping{2}).ok());
    turn();
    BOOST_TEST_REQUIRE(events.size() == 4U);
    BOOST_TEST(events[2] == "unreadable");
    BOOST_TEST(events[3] == "end");
    BOOST_TEST(!channel.open());
}

BOOST_AUTO_TEST_CASE(a_channel_that_cannot_be_sent_to_is_at_its_end) {
    theirs.close();
    channel.send(messages::LoadUnchanged{});
    BOOST_TEST(events == std::vector<std::string>{"broken"}, boost::test_tools::per_element());
    turn();
    BOOST_TEST(events.size() == 1U);
}

BOOST_AUTO_TEST_CASE(after_finish_nothing_is_read_and_the_end_is_not_told) {
    channel.send(messages::LoadProgress{"last"});
    channel.finish();
    BOOST_TEST(!channel.open());
    BOOST_TEST(read() == std::vector<std::string>{"last"}, boost::test_tools::per_element());
    turn();
    BOOST_TEST(events.empty());
}

BOOST_AUTO_TEST_SUITE_END()
