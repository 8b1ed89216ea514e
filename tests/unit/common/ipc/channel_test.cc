// What goes in at one end comes out at the other: messages in order, descriptors, the end; and nothing half.
#include "workers/common/ipc/channel.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstring>

#include "tests/unit/common/sample_messages.h"

namespace codec = evermilter::codec;
namespace messages = evermilter::messages;
namespace test = evermilter::test;
using evermilter::Blocking;
using evermilter::Channel;
using evermilter::ReceivedKind;
using evermilter::unique_fd;

namespace {

// A supervisor and its loader.
struct Ends {
    Ends() {
        auto pair = evermilter::seqpacket_pair(Blocking::no, Blocking::no);
        BOOST_TEST_REQUIRE(pair.ok());
        ours = Channel<messages::FromLoader, messages::ToLoader>(std::move(pair->first));
        theirs = Channel<messages::ToLoader, messages::FromLoader>(std::move(pair->second));
    }
    Channel<messages::FromLoader, messages::ToLoader> ours;
    Channel<messages::ToLoader, messages::FromLoader> theirs;
};

template <class Receives, class Sends>
evermilter::Received<Receives> received(Channel<Receives, Sends>& channel) {
    auto result = channel.receive();
    BOOST_TEST_REQUIRE(result.ok());
    return std::move(*result);
}

std::uint64_t serial(const evermilter::Received<messages::ToLoader>& packet) {
    return std::get<messages::Ping>(packet.message).serial;
}

// Sends until the socket is full, so that further messages are kept.
std::uint64_t fill(Channel<messages::FromLoader, messages::ToLoader>& channel) {
    std::uint64_t sent = 0;
    while (!channel.wants_write()) BOOST_TEST_REQUIRE(channel.send(messages::Ping{sent++}).ok());
    return sent;
}

} // namespace

BOOST_AUTO_TEST_SUITE(channel)

BOOST_AUTO_TEST_CASE(both_ends_close_at_exec_and_block_only_as_asked) {
    auto pair = evermilter::seqpacket_pair(Blocking::yes, Blocking::no);
    BOOST_TEST_REQUIRE(pair.ok());
    BOOST_TEST((::fcntl(pair->first.get(), F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((::fcntl(pair->second.get(), F_GETFD) & FD_CLOEXEC) != 0);
    BOOST_TEST((::fcntl(pair->first.get(), F_GETFL) & O_NONBLOCK) == 0);
    BOOST_TEST((::fcntl(pair->second.get(), F_GETFL) & O_NONBLOCK) != 0);
}

BOOST_AUTO_TEST_CASE(every_message_crosses_with_its_descriptors) {
    test::each_direction([]<class Messages>(std::vector<Messages> samples) {
        auto pair = evermilter::seqpacket_pair(Blocking::no, Blocking::no);
        BOOST_TEST_REQUIRE(pair.ok());
        Channel<Messages, Messages> ours(std::move(pair->first));
        Channel<Messages, Messages> theirs(std::move(pair->second));
        for (Messages& message : samples) {
            BOOST_TEST_CONTEXT(messages::message_name(message)) {
                const auto sent = test::shown_fields(message);
                BOOST_TEST_REQUIRE(ours.send(std::move(message)).ok());
                const auto packet = received(theirs);
                BOOST_TEST_REQUIRE((packet.kind == ReceivedKind::message));
                BOOST_TEST(test::shown_fields(packet.message) == sent, boost::test_tools::per_element());
            }
        }
    });
}

// Of a struct and a direction: it can be sent that way.
template <class Message, class Messages>
concept Sendable = requires(Channel<messages::FromAnyChild, Messages>& channel, Message message) {
    channel.send(std::move(message));
};
template <class Message, class Messages>
concept SendableOnce = requires(Message message) {
    evermilter::send_message<Messages>(0, std::move(message));
};
template <class Messages, class Message>
constexpr bool only_its_own_way =
    Sendable<Message, Messages> == messages::is_one_of<Message, Messages>&& SendableOnce<Message, Messages> ==
    messages::is_one_of<Message, Messages>;

// Every struct of `Messages` with each direction.
template <class Messages, class Directions>
constexpr bool only_their_own_way = false;
template <class... All, class... Directions>
constexpr bool only_their_own_way<std::variant<All...>, std::tuple<Directions...>> =
    ([]<class Direction>(std::type_identity<Direction>) {
        return (only_its_own_way<Direction, All> && ...);
    }(std::type_identity<Directions>{}) &&
     ...);
template <class... Directions>
constexpr bool all_only_their_own_way(std::type_identity<std::tuple<Directions...>>) {
    return (only_their_own_way<Directions, std::tuple<Directions...>> && ...);
}

BOOST_AUTO_TEST_CASE(a_message_sent_in_the_wrong_direction_does_not_compile) {
    static_assert(all_only_their_own_way(std::type_identity<messages::Directions>{}));
    static_assert(Sendable<messages::HandOver, messages::ToSession>);
    static_assert(!Sendable<messages::HandOver, messages::FromSession>);
    static_assert(Sendable<messages::ScannerOverdue, messages::FromSession>);
    static_assert(Sendable<messages::ScannerOverdue, messages::ToLoader>);
}

BOOST_FIXTURE_TEST_CASE(a_received_descriptor_closes_at_exec, Ends) {
    BOOST_TEST_REQUIRE(ours.send(messages::StartStandby{unique_fd(::open("/dev/null", O_RDONLY))}).ok());
    const auto packet = received(theirs);
    const auto& standby = std::get<messages::StartStandby>(packet.message).channel;
    BOOST_TEST((::fcntl(standby.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

BOOST_FIXTURE_TEST_CASE(nothing_there_is_told_from_the_end, Ends) {
    BOOST_TEST((received(theirs).kind == ReceivedKind::would_block));
    BOOST_TEST_REQUIRE(ours.send(messages::Ping{7}).ok());
    ours.close();
    BOOST_TEST(!ours.open());
    BOOST_TEST(serial(received(theirs)) == 7U);
    BOOST_TEST((received(theirs).kind == ReceivedKind::end));
    BOOST_TEST((received(theirs).kind == ReceivedKind::end));
}

BOOST_FIXTURE_TEST_CASE(the_last_words_of_a_peer_that_had_not_read_ours_are_heard, Ends) {
    // The peer closes with our message unread: the kernel reports ECONNRESET before what the peer had sent.
    BOOST_TEST_REQUIRE(ours.send(messages::Ping{1}).ok());
    BOOST_TEST_REQUIRE(theirs.send(messages::LoadFailed{65, "broken line"}).ok());
    theirs.close();
    const auto packet = received(ours);
    BOOST_TEST_REQUIRE((packet.kind == ReceivedKind::message));
    BOOST_TEST(std::get<messages::LoadFailed>(packet.message).error == "broken line");
    BOOST_TEST((received(ours).kind == ReceivedKind::end));
}

BOOST_FIXTURE_TEST_CASE(sending_to_a_peer_that_is_gone_is_an_error_and_no_signal, Ends) {
    theirs.close();
    const auto sent = ours.send(messages::Ping{1});
    BOOST_TEST_REQUIRE(!sent.ok());
    BOOST_TEST((sent.error().code == EPIPE || sent.error().code == ECONNRESET));
}

BOOST_FIXTURE_TEST_CASE(what_a_slow_reader_leaves_is_kept_in_order, Ends) {
    std::uint64_t sent = fill(ours);
    for (int i = 0; i < 100; ++i) BOOST_TEST_REQUIRE(ours.send(messages::Ping{sent++}).ok());
    std::uint64_t expected = 0;
    while (expected < sent) {
        const auto packet = received(theirs);
        if (packet.kind == ReceivedKind::would_block) {
            BOOST_TEST_REQUIRE(ours.wants_write());
            BOOST_TEST_REQUIRE(ours.flush().ok());
            continue;
        }
        BOOST_TEST_REQUIRE(serial(packet) == expected);
        ++expected;
    }
    BOOST_TEST_REQUIRE(ours.flush().ok());
    BOOST_TEST(!ours.wants_write());
}

BOOST_FIXTURE_TEST_CASE(a_reader_hopelessly_behind_is_an_error_not_endless_memory, Ends) {
    std::uint64_t sent = fill(ours);
    for (std::size_t kept = 1; kept < evermilter::PacketChannel::kMaxQueued; ++kept)
        BOOST_TEST_REQUIRE(ours.send(messages::Ping{sent++}).ok());
    const auto refused = ours.send(messages::Ping{sent});
    BOOST_TEST_REQUIRE(!refused.ok());
    BOOST_TEST(refused.error().code == ENOBUFS);
}

BOOST_FIXTURE_TEST_CASE(a_kept_descriptor_is_closed_with_the_channel, Ends) {
    fill(ours);
    unique_fd queue(::memfd_create("queue", MFD_CLOEXEC));
    const int number = queue.get();
    BOOST_TEST_REQUIRE(ours.send(messages::StartStandby{std::move(queue)}).ok());
    BOOST_TEST(::fcntl(number, F_GETFD) >= 0);
    ours.close();
    BOOST_TEST(::fcntl(number, F_GETFD) < 0);
}

BOOST_FIXTURE_TEST_CASE(a_packet_that_is_no_message_is_an_error, Ends) {
    const std::array<char, 3> garbage = {'\x7f', '\x7f', 'x'};
    BOOST_TEST_REQUIRE(::send(ours.fd(), garbage.data(), garbage.size(), 0) == 3);
    const auto packet = theirs.receive();
    BOOST_TEST_REQUIRE(!packet.ok());
    BOOST_TEST(packet.error().code == EBADMSG);
}

BOOST_FIXTURE_TEST_CASE(a_packet_larger_than_any_message_is_an_error, Ends) {
    const std::vector<char> large(codec::kMaxPacket + 1);
    BOOST_TEST_REQUIRE(::send(ours.fd(), large.data(), large.size(), 0) == static_cast<ssize_t>(large.size()));
    const auto packet = theirs.receive();
    BOOST_TEST_REQUIRE(!packet.ok());
    BOOST_TEST(packet.error().code == EBADMSG);
}

BOOST_FIXTURE_TEST_CASE(descriptors_that_were_cut_off_make_the_packet_an_error_and_leak_none, Ends) {
    // Out of descriptors is how it happens in life: one of the two fits.
    messages::StartLoad order;
    order.queue = unique_fd(::memfd_create("queue", MFD_CLOEXEC));
    order.board = unique_fd(::memfd_create("board", MFD_CLOEXEC));
    BOOST_TEST_REQUIRE(ours.send(std::move(order)).ok());
    const unique_fd probe(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    rlimit before{};
    BOOST_TEST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    // The lowest free number is the only one below the limit.
    const unique_fd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int free_number = next.get() + 1;
    BOOST_TEST_REQUIRE(::fcntl(free_number, F_GETFD) < 0);
    rlimit tight = before;
    tight.rlim_cur = static_cast<rlim_t>(free_number) + 1;
    BOOST_TEST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const auto packet = theirs.receive();
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST_REQUIRE(!packet.ok());
    BOOST_TEST(packet.error().code == EBADMSG);
    BOOST_TEST(::fcntl(free_number, F_GETFD) < 0);
}

BOOST_FIXTURE_TEST_CASE(a_hand_made_packet_with_too_many_descriptors_is_not_sent, Ends) {
    codec::Packet packet;
    packet.bytes.resize(1);
    for (std::size_t i = 0; i <= codec::kMaxDescriptors; ++i)
        packet.descriptors.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const auto sent = evermilter::send_packet(ours.fd(), packet);
    BOOST_TEST_REQUIRE(!sent.ok());
    BOOST_TEST(sent.error().code == EMSGSIZE);
}

BOOST_FIXTURE_TEST_CASE(the_senders_pid_comes_from_the_kernel_where_asked_for, Ends) {
    BOOST_TEST_REQUIRE(ours.send(messages::Ping{1}).ok());
    BOOST_TEST(received(theirs).sender == 0);
    const int on = 1;
    BOOST_TEST_REQUIRE(::setsockopt(theirs.fd(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
    // With credentials there is still room for the most descriptors.
    codec::Packet packet;
    messages::StartLoad load;
    load.queue = unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    load.board = unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    BOOST_TEST_REQUIRE(ours.send(std::move(load)).ok());
    const auto arrived = received(theirs);
    BOOST_TEST(arrived.sender == ::getpid());
    BOOST_TEST(static_cast<bool>(std::get<messages::StartLoad>(arrived.message).board));
}

BOOST_AUTO_TEST_SUITE_END()
