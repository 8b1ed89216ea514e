// MessageStore: what scanners get is what the MTA passed, behind a field that makes libclamav see a mail; memory,
// spool and their ends.
#include "workers/scanning/message_store.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

using namespace evermilter;
using namespace evermilter::scanning;

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1024} * 1024;

struct Spool {
    Spool() {
        std::string pattern = "/tmp/evermilter-spool.XXXXXX";
        path = ::mkdtemp(pattern.data());
    }
    ~Spool() { std::filesystem::remove_all(path); }
    std::string path;
};

std::string content(const StoredMessage& message) {
    std::string text(message.size + 1, '\0');
    std::size_t got = 0;
    for (;;) {
        const ssize_t part = ::pread(message.fd.get(), text.data() + got, text.size() - got, static_cast<off_t>(got));
        BOOST_REQUIRE(part >= 0);
        if (part == 0) break;
        got += static_cast<std::size_t>(part);
    }
    text.resize(got);
    return text;
}

// The content behind the synthetic field, whose end is the first CRLF that no blank follows.
std::string behind_synthetic(const StoredMessage& message) {
    const std::string text = content(message);
    std::size_t end = text.find("\r\n");
    while (end != std::string::npos && text.substr(end + 2, 1) == "\t") end = text.find("\r\n", end + 2);
    BOOST_REQUIRE(end != std::string::npos);
    return text.substr(end + 2);
}

bool in_memory(const StoredMessage& message) {
    return ::fcntl(message.fd.get(), F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
}

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
    return count;
}

struct Fixture {
    Spool spool;
    MemoryBudget budget{64 * kMiB};
    StoreSettings settings{32 * kMiB, spool.path};
    MessageStore store{settings, budget};

    StoredMessage finish() {
        auto message = store.finish();
        BOOST_REQUIRE_MESSAGE(message.ok(), (message ? "" : message.error().what));
        return std::move(*message);
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(message_store_test, Fixture)

BOOST_AUTO_TEST_CASE(headers_and_body_stand_as_they_came_by_smtp) {
    store.begin({"<a@b.example>", "helo.example", "192.0.2.1", "mx.example", "4ABC", 0});
    store.add_header("Content-Type", " text/plain;\n\tcharset=utf-8", true);
    store.add_header("Empty", "", true);
    store.add_header("Tight", "value", true);
    store.add_header("Folded", " a\r\n\tb\n c\rd", true);
    store.end_of_headers();
    const std::string body("line\r\nbare\nNUL \0 here\r\nFrom there\r\n", 35);
    store.add_body(std::string_view(body).substr(0, 7));
    store.add_body(std::string_view(body).substr(7));
    const StoredMessage message = finish();
    BOOST_TEST(behind_synthetic(message) ==
               "Content-Type: text/plain;\r\n\tcharset=utf-8\r\nEmpty:\r\nTight:value\r\n"
               "Folded: a\r\n\tb\r\n c\rd\r\n\r\n" +
                   body);
    BOOST_TEST(content(message).substr(message.body_offset) == body);
    BOOST_TEST(content(message).size() == message.size);
}

BOOST_AUTO_TEST_CASE(without_leading_space_negotiated_one_blank_is_put_between) {
    store.begin({});
    store.add_header("Subject", "hello", false);
    BOOST_TEST(behind_synthetic(finish()) == "Subject: hello\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(a_message_begins_with_a_received_field_and_never_with_an_mbox_line) {
    store.begin({});
    store.add_header("Content-Type", " text/plain", true);
    const std::string text = content(finish());
    BOOST_TEST(text.starts_with("Received: "));
    BOOST_TEST(text.find("\nFrom ") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_message_without_headers_and_body_is_a_message) {
    store.begin({});
    const StoredMessage message = finish();
    BOOST_TEST(behind_synthetic(message) == "\r\n");
    BOOST_TEST(message.body_offset == message.size);
}

BOOST_AUTO_TEST_CASE(a_body_without_end_of_headers_still_begins_after_an_empty_line) {
    store.begin({});
    store.add_header("A", " b", true);
    store.add_body("body");
    store.end_of_headers();
    BOOST_TEST(behind_synthetic(finish()) == "A: b\r\n\r\nbody");
}

BOOST_AUTO_TEST_CASE(nothing_that_a_client_says_leaves_its_place_in_the_synthetic_field) {
    const std::string evil = "x\r\n\r\nFrom y\nContent-Type: z ;()\\\"\x80";
    store.begin({evil, evil, evil, evil, evil, 0});
    const std::string text = content(finish());
    BOOST_TEST(text.find("\r\n\r\n") == text.size() - 4);
    BOOST_TEST(text.find("\nFrom") == std::string::npos);
    BOOST_TEST(text.find("\nContent") == std::string::npos);
    std::size_t lines = 0;
    for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) ++lines;
    BOOST_TEST(lines == 5U);
    store.begin({std::string(1 << 20, 'a'), std::string(1 << 20, 'b'), {}, {}, {}, 0});
    BOOST_TEST(finish().size < 1500U);
}

BOOST_AUTO_TEST_CASE(what_is_small_stays_in_a_sealed_memfd) {
    store.begin({});
    store.add_body("small");
    const StoredMessage message = finish();
    BOOST_TEST(in_memory(message));
    BOOST_TEST(::pwrite(message.fd.get(), "x", 1, 0) == -1);
    BOOST_TEST(::ftruncate(message.fd.get(), 0) == -1);
    BOOST_TEST(budget.used() == message.size);
}

BOOST_AUTO_TEST_CASE(beyond_one_mebibyte_it_is_an_unlinked_file_that_cannot_be_written) {
    store.begin({});
    std::string body;
    for (int i = 0; i < 300; ++i) {
        const std::string chunk(7919, static_cast<char>('a' + i % 26));
        body += chunk;
        store.add_body(chunk);
    }
    const StoredMessage message = finish();
    BOOST_TEST((content(message).substr(message.body_offset) == body));
    struct stat status {};
    BOOST_REQUIRE(::fstat(message.fd.get(), &status) == 0);
    BOOST_TEST(status.st_nlink == 0U);
    BOOST_TEST((::fcntl(message.fd.get(), F_GETFL) & O_ACCMODE) == O_RDONLY);
    BOOST_TEST(budget.used() == 0U);
    BOOST_TEST(std::filesystem::is_empty(spool.path));
}

BOOST_AUTO_TEST_CASE(past_the_memory_budget_a_message_goes_to_the_spool_at_once) {
    MemoryBudget none(10);
    MessageStore poor(settings, none);
    poor.begin({});
    poor.add_body("small");
    auto message = poor.finish();
    BOOST_REQUIRE(message.ok());
    BOOST_TEST(!in_memory(*message));
    BOOST_TEST(behind_synthetic(*message) == "\r\nsmall");
    BOOST_TEST(none.used() == 0U);
}

BOOST_AUTO_TEST_CASE(past_the_budget_and_without_a_spool_it_fails_and_says_where) {
    MemoryBudget none(10);
    const StoreSettings lost{32 * kMiB, spool.path + "/missing"};
    MessageStore poor(lost, none);
    poor.begin({});
    poor.add_body("small");
    auto message = poor.finish();
    BOOST_REQUIRE(!message.ok());
    BOOST_TEST((poor.state() == StoreState::failed));
    BOOST_TEST(message.error().what.find(lost.spool_directory) != std::string::npos);
    BOOST_TEST(message.error().code == ENOENT);
    // It stays failed, and the next message is a new chance.
    poor.add_body("more");
    BOOST_TEST(!poor.finish().ok());
    BOOST_TEST(none.used() == 0U);
}

BOOST_AUTO_TEST_CASE(a_file_that_takes_no_more_is_a_failure_and_not_a_shorter_message) {
    struct rlimit before {};
    BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    // The first stops the spool, the second the memfd and then the spool.
    for (const rlim_t limit : {kMiB + kMiB / 2, kMiB / 2}) {
        struct rlimit small = before;
        small.rlim_cur = limit;
        store.begin({});
        BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
        for (int i = 0; i < 64; ++i) store.add_body(std::string(32768, 'x'));
        auto message = store.finish();
        BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
        BOOST_TEST(!message.ok());
        BOOST_TEST((store.state() == StoreState::failed));
    }
    ::signal(SIGXFSZ, handler);
}

BOOST_AUTO_TEST_CASE(memory_that_is_refused_half_way_loses_nothing) {
    // The budget ends inside the message: what is in memory moves to the file.
    MemoryBudget half(200000);
    MessageStore poor(settings, half);
    poor.begin({});
    std::string body;
    for (int i = 0; i < 100; ++i) {
        const std::string chunk(5003, static_cast<char>('a' + i % 26));
        body += chunk;
        poor.add_body(chunk);
    }
    auto message = poor.finish();
    BOOST_REQUIRE(message.ok());
    BOOST_TEST((content(*message).substr(message->body_offset) == body));
    BOOST_TEST(half.used() == 0U);
}

BOOST_AUTO_TEST_CASE(above_max_size_it_is_oversize_and_holds_nothing) {
    const StoreSettings small{1000, spool.path};
    MessageStore bounded(small, budget);
    const std::size_t descriptors = open_descriptors();
    bounded.begin({});
    bounded.add_header("A", " b", true); // 6 bytes
    bounded.add_body(std::string(994, 'x'));
    BOOST_TEST((bounded.state() == StoreState::collecting));
    bounded.add_body("x");
    BOOST_TEST((bounded.state() == StoreState::oversize));
    bounded.add_body(std::string(100000, 'x'));
    BOOST_TEST(bounded.seen() == 101001U);
    auto message = bounded.finish();
    BOOST_TEST(!message.ok());
    BOOST_TEST((bounded.state() == StoreState::oversize));
    BOOST_TEST(budget.used() == 0U);
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(the_size_limit_leaves_the_synthetic_field_out) {
    const StoreSettings small{5, spool.path};
    MessageStore bounded(small, budget);
    bounded.begin({"sender@example", "a-long-name.example", "192.0.2.1", "mx.example", "4ABC", 0});
    bounded.add_body("12345");
    BOOST_TEST(bounded.finish().ok());
}

BOOST_AUTO_TEST_CASE(messages_one_after_another_share_nothing) {
    const std::size_t descriptors = open_descriptors();
    for (int i = 0; i < 3; ++i) {
        store.begin({});
        store.add_header("N", " " + std::to_string(i), true);
        store.add_body(std::string(3 * kMiB, 'x'));
        if (i == 1) continue; // aborted: begin() or clear() forgets it
        const StoredMessage message = finish();
        BOOST_TEST(behind_synthetic(message).starts_with("N: " + std::to_string(i) + "\r\n\r\nxxx"));
    }
    store.begin({});
    store.add_body(std::string(500000, 'x'));
    BOOST_TEST(budget.used() > 0U);
    store.clear();
    BOOST_TEST(budget.used() == 0U);
    BOOST_TEST(open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_CASE(a_message_is_finished_once) {
    store.begin({});
    const StoredMessage message = finish();
    BOOST_TEST(!store.finish().ok());
    BOOST_TEST((store.state() == StoreState::finished));
}

BOOST_AUTO_TEST_CASE(a_parked_message_costs_no_descriptor_and_no_budget) {
    const std::size_t descriptors = open_descriptors();
    store.begin({"a@b.example", "helo", "client", "host", "id", 0});
    BOOST_TEST(open_descriptors() == descriptors);
    BOOST_TEST(budget.used() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
