// Every message arrives as it was sent, and nothing else is taken for a message.
#include "workers/common/ipc/codec.h"

#include <fcntl.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <random>

#include "tests/support/peers.h"
#include "tests/unit/common/sample_messages.h"

namespace codec = evermilter::codec;
namespace messages = evermilter::messages;
namespace test = evermilter::test;
using evermilter::unique_fd;

namespace {

unique_fd open_null() {
    return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}
std::vector<unique_fd> open_nulls(std::size_t count) {
    std::vector<unique_fd> descriptors;
    for (std::size_t i = 0; i < count; ++i) descriptors.push_back(open_null());
    return descriptors;
}

template <class Messages>
codec::Packet encoded(std::type_identity_t<Messages> message) {
    auto packet = codec::encode<Messages>(std::move(message));
    BOOST_REQUIRE_MESSAGE(packet.ok(), "not encoded");
    return std::move(*packet);
}

} // namespace

BOOST_AUTO_TEST_SUITE(codec_)

BOOST_AUTO_TEST_CASE(every_message_arrives_as_it_was_sent) {
    test::each_direction([]<class Messages>(std::vector<Messages> samples) {
        for (Messages& message : samples) {
            BOOST_TEST_CONTEXT(messages::message_name(message)) {
                const std::size_t kind = message.index();
                const auto sent = test::shown_fields(message);
                auto packet = encoded<Messages>(std::move(message));
                auto received = codec::decode<Messages>(packet.bytes, std::move(packet.descriptors));
                BOOST_TEST_REQUIRE(received.ok());
                BOOST_TEST(received->index() == kind);
                BOOST_TEST(test::shown_fields(*received) == sent, boost::test_tools::per_element());
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(a_peer_of_each_kind_arrives_as_it_is) {
    const auto arrived = [](const evermilter::PeerAddress& peer) {
        messages::HandOver message;
        message.peer = peer;
        auto packet = encoded<messages::ToSession>(std::move(message));
        for (std::size_t length = 0; length < packet.bytes.size(); ++length)
            BOOST_TEST(!codec::decode<messages::ToSession>(std::span(packet.bytes).first(length), {}).ok());
        auto received = codec::decode<messages::ToSession>(packet.bytes, {});
        BOOST_REQUIRE(received.ok());
        return test::shown(std::get<messages::HandOver>(*received).peer);
    };
    BOOST_TEST(arrived(test::ipv4_peer("192.0.2.1", 65535)) == "192.0.2.1:65535");
    BOOST_TEST(arrived(test::ipv6_peer("2001:db8::ff", 25)) == "[2001:db8::ff]:25");
    BOOST_TEST(arrived(evermilter::UnixPeer{77, 4294967294U, 5}) == "unix pid=77 uid=4294967294 gid=5");
}

// What any child says or hears is a message of its own direction too.
BOOST_AUTO_TEST_CASE(a_message_of_another_direction_is_refused) {
    std::size_t pairs = 0;
    std::apply(
        [&](auto... receives) {
            const auto with = [&]<class Receives>(std::type_identity<Receives>) {
                test::each_direction([&]<class Sends>(std::vector<Sends> samples) {
                    for (Sends& sample : samples) {
                        ++pairs;
                        const bool shared = std::visit(
                            []<class Message>(const Message&) {
                                return messages::is_one_of<Message, Receives> &&
                                       (messages::is_one_of<Message, messages::FromAnyChild> ||
                                        messages::is_one_of<Message, messages::ToAnyChild>);
                            },
                            sample);
                        const bool due = std::is_same_v<Receives, Sends> || shared;
                        BOOST_TEST_CONTEXT(messages::message_name(sample)) {
                            auto packet = encoded<Sends>(std::move(sample));
                            auto received = codec::decode<Receives>(packet.bytes, std::move(packet.descriptors));
                            BOOST_TEST(received.ok() == due);
                            if (!received) BOOST_TEST(received.error().code == EBADMSG);
                        }
                    }
                });
            };
            (with(receives), ...);
        },
        test::directions());
    BOOST_TEST(pairs > 300U);
}

BOOST_AUTO_TEST_CASE(an_absent_descriptor_stays_absent_and_the_others_keep_their_places) {
    messages::ScanJob job;
    job.reply = open_null();
    const auto reply = test::inode(job.reply);
    auto packet = encoded<messages::ToScanner>(std::move(job));
    BOOST_TEST(packet.descriptors.size() == 1U);
    auto received = codec::decode<messages::ToScanner>(packet.bytes, std::move(packet.descriptors));
    BOOST_TEST_REQUIRE(received.ok());
    const auto& arrived = std::get<messages::ScanJob>(*received);
    BOOST_TEST(!arrived.message);
    BOOST_TEST(test::inode(arrived.reply) == reply);
}

BOOST_AUTO_TEST_CASE(every_truncation_of_every_message_is_refused) {
    test::each_direction([]<class Messages>(std::vector<Messages> samples) {
        for (Messages& message : samples) {
            BOOST_TEST_CONTEXT(messages::message_name(message)) {
                const auto packet = encoded<Messages>(std::move(message));
                for (std::size_t length = 0; length < packet.bytes.size(); ++length) {
                    const auto received = codec::decode<Messages>(std::span(packet.bytes).first(length),
                                                                  open_nulls(packet.descriptors.size()));
                    BOOST_TEST(!received.ok(), "taken with " << length << " bytes");
                    if (!received) BOOST_TEST(received.error().code == EBADMSG);
                }
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(bytes_beyond_a_message_are_refused) {
    test::each_direction([]<class Messages>(std::vector<Messages> samples) {
        for (Messages& message : samples) {
            auto packet = encoded<Messages>(std::move(message));
            packet.bytes.push_back(std::byte{0});
            BOOST_TEST(!codec::decode<Messages>(packet.bytes, std::move(packet.descriptors)).ok());
        }
    });
}

BOOST_AUTO_TEST_CASE(one_descriptor_too_many_or_too_few_is_refused_and_none_is_leaked) {
    test::each_direction([]<class Messages>(std::vector<Messages> samples) {
        for (Messages& message : samples) {
            const auto packet = encoded<Messages>(std::move(message));
            const std::size_t right = packet.descriptors.size();
            auto more = open_nulls(right + 1);
            const int last = more.back().get();
            BOOST_TEST(!codec::decode<Messages>(packet.bytes, std::move(more)).ok());
            BOOST_TEST(::fcntl(last, F_GETFD) < 0); // closed
            if (right > 0) BOOST_TEST(!codec::decode<Messages>(packet.bytes, open_nulls(right - 1)).ok());
        }
    });
}

BOOST_AUTO_TEST_CASE(a_number_that_is_no_value_of_its_type_is_refused) {
    const auto with_last_byte = []<class Messages>(Messages message, std::size_t at, unsigned char byte) {
        auto packet = encoded<Messages>(std::move(message));
        packet.bytes.at(at) = std::byte{byte};
        return codec::decode<Messages>(packet.bytes, std::move(packet.descriptors)).ok();
    };
    // type (2), protocol (4), role
    BOOST_TEST(with_last_byte(messages::FromAnyChild(messages::Hello{}), 6, 3));
    BOOST_TEST(!with_last_byte(messages::FromAnyChild(messages::Hello{}), 6, 4));
    // type (2), refuse_mail
    BOOST_TEST(with_last_byte(messages::ToSession(messages::DrainSessions{}), 2, 1));
    BOOST_TEST(!with_last_byte(messages::ToSession(messages::DrainSessions{}), 2, 2));
    // type (2), job (8), outcome
    BOOST_TEST(with_last_byte(messages::FromScanner(messages::ScanResult{}), 10, 4));
    BOOST_TEST(!with_last_byte(messages::FromScanner(messages::ScanResult{}), 10, 5));
    // type (2), session (8), slot (4), generation (8), kind of the peer
    BOOST_TEST(!with_last_byte(messages::ToSession(messages::HandOver{}), 22, 3));
    // the type itself
    BOOST_TEST(
        !with_last_byte(messages::ToAnyChild(messages::ReopenLog{}), 0, std::variant_size_v<messages::ToAnyChild>));
    BOOST_TEST(!with_last_byte(messages::ToAnyChild(messages::ReopenLog{}), 1, 8));
}

BOOST_AUTO_TEST_CASE(a_count_larger_than_the_packet_costs_no_memory) {
    auto packet = encoded<messages::FromLoader>(messages::LoadProgress{"step"});
    for (std::size_t i = 2; i < 6; ++i) packet.bytes[i] = std::byte{0xff};
    BOOST_TEST(!codec::decode<messages::FromLoader>(packet.bytes, {}).ok());
}

BOOST_AUTO_TEST_CASE(a_message_too_large_for_a_packet_is_not_encoded) {
    messages::StartLoad message;
    message.config.assign(messages::kLongestConfig, 'x');
    message.active_databases.assign(100, std::string(messages::kLongestName, 'x'));
    BOOST_TEST(codec::encode<messages::ToLoader>(std::move(message)).ok());
    message.config.assign(messages::kLongestConfig, 'x');
    message.active_databases.assign(200, std::string(messages::kLongestName, 'x'));
    const auto packet = codec::encode<messages::ToLoader>(std::move(message));
    BOOST_TEST_REQUIRE(!packet.ok());
    BOOST_TEST(packet.error().code == EMSGSIZE);
    BOOST_TEST(packet.error().what.find("StartLoad") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_text_for_people_is_cut_by_its_sender_at_a_whole_character) {
    const auto arrived = [](std::string virus) {
        auto packet = encoded<messages::FromSession>(messages::Detection{std::move(virus), 1});
        auto received = codec::decode<messages::FromSession>(packet.bytes, {});
        BOOST_REQUIRE(received.ok());
        return std::get<messages::Detection>(*received).virus;
    };
    const std::string longest(messages::kLongestName, 'x');
    BOOST_TEST(arrived(longest) == longest);
    BOOST_TEST(arrived(longest + "x") == longest);
    BOOST_TEST(arrived(std::string(100'000, 'x')) == longest);
    BOOST_TEST(arrived(longest.substr(1) + "\u00e4") == longest.substr(1));
}

BOOST_AUTO_TEST_CASE(a_text_or_list_beyond_its_bound_is_refused_both_ways) {
    messages::LoaderReady ready;
    ready.databases.assign(4097, "d");
    BOOST_TEST(!codec::encode<messages::FromLoader>(ready).ok());
    ready.databases.assign(4096, "d");
    BOOST_TEST(codec::encode<messages::FromLoader>(ready).ok());
    ready.databases.assign(1, std::string(messages::kLongestName + 1, 'd'));
    BOOST_TEST(!codec::encode<messages::FromLoader>(ready).ok());
    ready.databases.clear();
    ready.digest.assign(129, 'd');
    BOOST_TEST(!codec::encode<messages::FromLoader>(ready).ok());

    // What a sender who cuts nothing sends: a count of bytes, then so many.
    const auto taken = []<class Messages>(Messages kind, std::uint32_t bytes) {
        auto packet = encoded<Messages>(std::move(kind)); // an empty text at its beginning
        const auto* count = reinterpret_cast<const std::byte*>(&bytes);
        std::copy_n(count, sizeof bytes, packet.bytes.begin() + 2);
        packet.bytes.insert(packet.bytes.begin() + 6, bytes, std::byte{'x'});
        return codec::decode<Messages>(packet.bytes, {}).ok();
    };
    BOOST_TEST(taken(messages::FromSession(messages::Detection{}), messages::kLongestName));
    BOOST_TEST(!taken(messages::FromSession(messages::Detection{}), messages::kLongestName + 1));
    BOOST_TEST(!taken(messages::FromSession(messages::Detection{}), 100'000));
    BOOST_TEST(taken(messages::FromSession(messages::SessionWorkerUnfit{}), 1024));
    BOOST_TEST(!taken(messages::FromSession(messages::SessionWorkerUnfit{}), 1025));
    BOOST_TEST(!taken(messages::FromLoader(messages::LoadProgress{}), 65));
}

BOOST_AUTO_TEST_CASE(whatever_arrives_is_a_message_that_encodes_to_the_same_bytes_or_refused) {
    std::mt19937 random(2005); // NOLINT(cert-msc51-cpp): the same bytes each time
    test::each_direction([&]<class Messages>(std::vector<Messages> samples) {
        std::vector<codec::Packet> packets;
        packets.reserve(samples.size());
        for (Messages& message : samples) packets.push_back(encoded<Messages>(std::move(message)));
        for (int round = 0; round < 3'000; ++round) {
            const auto& original = packets[random() % packets.size()];
            std::vector<std::byte> bytes = original.bytes;
            for (unsigned change = random() % 4; change-- > 0;)
                bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            if (random() % 4 == 0) bytes.resize(random() % (bytes.size() + 4));
            auto received = codec::decode<Messages>(bytes, open_nulls(original.descriptors.size()));
            if (!received) continue;
            const auto again = encoded<Messages>(std::move(*received));
            BOOST_TEST((again.bytes == bytes));
        }
    });
}

BOOST_AUTO_TEST_SUITE_END()
