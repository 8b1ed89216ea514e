// The account of a message: it counts what the store keeps, byte for byte, and any failure, without memory.
#include "workers/session/intake.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/session/no_memory.h"
#include "workers/session/session.h"

using namespace evermilter;
using namespace evermilter::session;
using namespace std::string_view_literals;
using test::NoMemory;

namespace {

struct Header {
    std::string_view name;
    std::string_view value;
};

struct Fixture {
    scanning::StoreSettings settings{std::uint64_t{64} * 1024 * 1024, std::filesystem::temp_directory_path()};
    scanning::MemoryBudget budget{std::uint64_t{64} * 1024 * 1024};
    Session session{1, 0, "peer", {}, settings, budget};

    void begin() {
        session.forget_message();
        session.store.begin({});
        session.intake.begin();
    }
    // As the callbacks do.
    void header(const Header& one, bool leadspc) noexcept {
        session.intake.header(one.name, one.value, leadspc);
        session.store.add_header(one.name, one.value, leadspc);
    }
    void body(std::string_view chunk) noexcept {
        session.intake.body(chunk.size());
        session.store.add_body(chunk);
    }
};

const std::string kLong(100'000, 'x');
const std::vector<Header> kHeaders = {
    {"Subject", " plain"},      {"X-Empty", ""},     {"X-Folded", " one\n\ttwo\n three"},
    {"X-Crlf", " one\r\n two"}, {"X-Cr", " a\rb\r"}, {"X-Odd", "\n\n\r\n"},
    {"X-Both", "a\r\r\nb\n"},   {"X-Long", kLong},   {"", "no name"},
    {"X-8bit", "\xff\xfe"}};
const std::vector<std::string_view> kBodies = {""sv, "x"sv, "bare\nlines\n"sv, "nul\0in\0it"sv, "\r\n.\r\n"sv};

} // namespace

BOOST_FIXTURE_TEST_SUITE(intake_test, Fixture)

BOOST_AUTO_TEST_CASE(it_counts_what_the_store_keeps) {
    for (const bool leadspc : {false, true})
        for (std::size_t headers = 0; headers <= kHeaders.size(); ++headers)
            for (const std::string_view chunk : kBodies) {
                begin();
                for (std::size_t i = 0; i < headers; ++i) header(kHeaders[i], leadspc);
                session.store.end_of_headers();
                body(chunk);
                body(kLong);
                const auto message = session.store.finish();
                BOOST_REQUIRE(message.ok());
                BOOST_TEST(session.intake.bytes() == message->size - message->header_offset);
                BOOST_TEST((session.intake.failure() == nullptr));
            }
}

BOOST_AUTO_TEST_CASE(a_part_that_the_store_did_not_get_is_a_difference) {
    begin();
    header(kHeaders[0], true);
    session.intake.body(1);
    body("rest");
    const auto message = session.store.finish();
    BOOST_REQUIRE(message.ok());
    BOOST_TEST(session.intake.bytes() == message->size - message->header_offset + 1);
}

BOOST_AUTO_TEST_CASE(without_a_mail_that_was_accepted_there_is_no_message) {
    BOOST_TEST((session.intake.failure() != nullptr));
    session.intake.header("Subject", "x", true);
    session.intake.body(5);
    BOOST_TEST((session.intake.failure() != nullptr));
    session.intake.begin();
    BOOST_TEST((session.intake.failure() == nullptr));
    BOOST_TEST(session.intake.bytes() == 2U);
    session.forget_message();
    BOOST_TEST((session.intake.failure() != nullptr));
}

BOOST_AUTO_TEST_CASE(a_failure_is_kept_without_memory_until_the_next_message) {
    begin();
    body("one");
    {
        const NoMemory none(0);
        session.fail_message("first");
        session.fail_message("second");
        body("two");
    }
    BOOST_TEST(NoMemory::failed() == 0);
    BOOST_TEST(session.intake.failure() == "first"sv);
    BOOST_TEST((session.store.state() == scanning::StoreState::failed));
    BOOST_TEST(budget.used() == 0U);
    BOOST_TEST(!session.store.finish().ok());
    begin();
    BOOST_TEST((session.intake.failure() == nullptr));
    BOOST_TEST((session.store.state() == scanning::StoreState::collecting));
}

BOOST_AUTO_TEST_CASE(a_store_without_memory_fails_or_has_all_of_it) {
    settings.max_size = 1U << 30U;
    for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{1} << 30U}) // the spool; memory
        for (const int count : {1, 1'000'000}) {
            scanning::MemoryBudget own(limit);
            Session other{2, 0, "peer", {}, settings, own};
            for (int pass = 0;; ++pass) {
                other.forget_message();
                other.store.begin({});
                other.intake.begin();
                bool finished = false;
                std::uint64_t stored = 0;
                {
                    const NoMemory none(pass, count);
                    for (const Header& one : kHeaders) {
                        other.intake.header(one.name, one.value, true);
                        other.store.add_header(one.name, one.value, true);
                    }
                    for (int i = 0; i < 3; ++i) {
                        other.intake.body(kLong.size());
                        other.store.add_body(kLong);
                    }
                    try {
                        const auto message = other.store.finish();
                        finished = message.ok();
                        if (finished) stored = message->size - message->header_offset;
                    } catch (const std::bad_alloc&) { // the end of the message fails
                    }
                }
                if (finished) BOOST_TEST(stored == other.intake.bytes());
                if (NoMemory::failed() == 0) {
                    BOOST_TEST(finished);
                    BOOST_TEST(pass > 0);
                    break;
                }
            }
        }
}

BOOST_AUTO_TEST_SUITE_END()
