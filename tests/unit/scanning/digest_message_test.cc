// By what a message is known again: not by the lines that we put before it, and not by a body that says nothing.
#include "workers/scanning/digest_message.h"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/support/service.h"
#include "workers/scanning/message_store.h"

namespace evermilter::scanning {
namespace {

struct Collected {
    Collected() : budget(std::uint64_t{64} << 20U, make_board(), 0) {}
    static MemoryBoard make_board() {
        auto board = MemoryBoard::create("test", 1);
        BOOST_REQUIRE(board.ok());
        return std::move(*board);
    }
    MessageDigests operator()(const std::string& subject, const std::string& body, const std::string& queue_id = "4A") {
        MessageStore store(settings, budget);
        store.begin({"sender@example.org", "client", "192.0.2.1", "mx", queue_id, 1'700'000'000});
        store.add_header("Subject", subject, false);
        store.add_body(body);
        const auto message = store.finish();
        BOOST_REQUIRE(message.ok());
        const auto digests = digest_message(*message);
        BOOST_REQUIRE(digests.ok());
        return *digests;
    }
    test::Folder folder;
    StoreSettings settings{std::uint64_t{64} << 20U, folder.path()};
    MemoryBudget budget;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(digest_message_test, Collected)

BOOST_AUTO_TEST_CASE(copies_of_a_message_have_the_same_digests_whatever_their_envelopes) {
    BOOST_TEST(((*this)("one", "text\r\n", "4A") == (*this)("one", "text\r\n", "another id")));
}

BOOST_AUTO_TEST_CASE(another_header_leaves_the_body_the_same_and_another_body_neither) {
    const auto first = (*this)("one", "text\r\n");
    const auto header = (*this)("two", "text\r\n");
    BOOST_TEST((header.whole != first.whole));
    BOOST_TEST((header.body == first.body));
    const auto body = (*this)("one", "other\r\n");
    BOOST_TEST((body.whole != first.whole));
    BOOST_TEST((body.body != first.body));
}

BOOST_AUTO_TEST_CASE(the_digest_of_the_body_is_that_of_sha256sum) {
    // printf 'text\r\n' | sha256sum
    BOOST_TEST((*this)("one", "text\r\n").body.text() ==
               "7830b26b0ee6f35d118457f44e61961a44d8893ff51b02f8fcf08e188af77b0e");
}

BOOST_AUTO_TEST_CASE(a_body_of_white_space_is_no_mark_of_a_message) {
    for (const char* blank : {"", "\r\n", " \t\r\n\r\n"}) {
        const auto digests = (*this)("one", blank);
        BOOST_TEST(static_cast<bool>(digests.whole));
        BOOST_TEST(!digests.body);
    }
}

BOOST_AUTO_TEST_CASE(all_of_a_large_message_counts) {
    std::string text(3 << 20, 'x'); // in the spool, and more than one chunk
    const auto first = (*this)("one", text);
    BOOST_TEST((first == (*this)("one", text)));
    text.back() = 'y';
    BOOST_TEST(((*this)("one", text).body != first.body));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanning
