// A log line is one line, and its fields are ours, whatever a client sends.
#include "workers/common/base/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <ostream>

#include "workers/common/ipc/channel.h"

namespace data = boost::unit_test::data;
namespace logging = evermilter::log;
using LogLevel = evermilter::log::Level;
using LogTarget = evermilter::log::Target;

namespace {

// What `speak` writes to standard error; each write(2) is one packet.
template <class Speak>
std::vector<std::string> said(LogLevel level, Speak speak) {
    auto pair = evermilter::seqpacket_pair(evermilter::Blocking::no, evermilter::Blocking::no);
    BOOST_TEST_REQUIRE(pair.ok());
    const evermilter::unique_fd saved(::dup(STDERR_FILENO));
    ::dup2(pair->first.get(), STDERR_FILENO);
    logging::open("session", LogTarget::stderr_, level);
    speak();
    ::dup2(saved.get(), STDERR_FILENO);
    std::vector<std::string> lines;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::read(pair->second.get(), buffer.data(), buffer.size())) > 0;)
        lines.emplace_back(buffer.data(), static_cast<std::size_t>(got));
    return lines;
}

struct Escaped {
    std::string_view value;
    std::string_view text;
};
std::ostream& operator<<(std::ostream& out, const Escaped& escaped) {
    return out << escaped.text;
}

using namespace std::string_view_literals;

const Escaped kEscaped[] = {
    {"plain", "plain"},
    {"a@b.example", "a@b.example"},
    {"", "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"say \"x\"", R"("say \"x\"")"},
    {"back\\slash", R"("back\\slash")"},
    {"line\nend", R"("line\nend")"},
    {"line\r\nend\t", R"("line\r\nend\t")"},
    {"nul\0byte"sv, R"("nul\x00byte")"},
    {"\x1b[31m", R"("\x1b[31m")"},
    {"\x7f", R"("\x7f")"},
    {"gr\xc3\xbcn", "gr\xc3\xbcn"},
    {"\xe4\xb8\xad\xf0\x9f\x98\x80", "\xe4\xb8\xad\xf0\x9f\x98\x80"},
    {"\xff", R"("\xff")"},
    {"\xc3", R"("\xc3")"},                 // cut short
    {"\xc0\x8a", R"("\xc0\x8a")"},         // a line end, overlong
    {"\xe0\x80\x8a", R"("\xe0\x80\x8a")"}, // likewise
    {"\xed\xa0\x80", R"("\xed\xa0\x80")"}, // a surrogate
    {"\xf4\x90\x80\x80", R"("\xf4\x90\x80\x80")"},
    {"\xc2\x85", R"("\xc2\x85")"},         // next line (C1)
    {"\xe2\x80\xa8", R"("\xe2\x80\xa8")"}, // line separator
    {"\xe2\x80\xae", R"("\xe2\x80\xae")"}, // right-to-left override
    {"\xe2\x81\xa6", R"("\xe2\x81\xa6")"}, // isolate
    {"\xe2\x80\x8b", R"("\xe2\x80\x8b")"}, // zero-width space
    {"\xe2\x80\x93", "\xe2\x80\x93"},      // a dash is nothing but a dash
};

} // namespace

BOOST_AUTO_TEST_SUITE(log_)

BOOST_DATA_TEST_CASE(a_value_is_bare_or_quoted_and_escaped, data::make(kEscaped), escaped) {
    BOOST_TEST(logging::escape_value(escaped.value) == escaped.text);
}

BOOST_AUTO_TEST_CASE(a_client_can_forge_neither_a_line_nor_a_field) {
    const auto lines = said(LogLevel::info, [] {
        logging::info(
            "message",
            {{"helo", "x\nscanned role=supervisor pid=1"}, {"from", "a result=clean"}, {"result", "infected"}});
    });
    BOOST_TEST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0] == "event=message role=session pid=" + std::to_string(::getpid()) +
                               R"( helo="x\nscanned role=supervisor pid=1" from="a result=clean" result=infected)" +
                               "\n");
}

BOOST_AUTO_TEST_CASE(numbers_are_fields_and_empty_values_are_left_out) {
    const auto lines = said(LogLevel::info, [] {
        logging::info("message", {{"session", std::uint64_t{7}}, {"queue_id", ""}, {"size", -1}});
    });
    BOOST_TEST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0].ends_with(" session=7 size=-1\n"));
    BOOST_TEST(lines[0].find("queue_id") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(less_important_lines_than_the_level_are_not_written) {
    const auto speak = [] {
        logging::error("one");
        logging::warning("two");
        logging::info("three");
        logging::debug("four");
        logging::write_text(LogLevel::info, "five");
    };
    BOOST_TEST(said(LogLevel::error, speak).size() == 1U);
    BOOST_TEST(said(LogLevel::warning, speak).size() == 2U);
    BOOST_TEST(said(LogLevel::info, speak).size() == 4U);
    BOOST_TEST(said(LogLevel::debug, speak).size() == 5U);
}

BOOST_AUTO_TEST_CASE(a_log_that_takes_no_line_holds_nobody_up_and_the_lines_that_were_lost_are_counted) {
    std::array<int, 2> ends{};
    BOOST_TEST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const evermilter::unique_fd reading(ends[0]);
    evermilter::unique_fd writing(ends[1]);
    const evermilter::unique_fd saved(::dup(STDERR_FILENO));
    ::dup2(writing.get(), STDERR_FILENO);
    writing.reset();
    for (const char* role : {"supervisor", "session"}) {
        logging::open(role, LogTarget::stderr_, LogLevel::info);
        const std::string text(1000, 'x');
        for (int i = 0; i < 200; ++i) logging::write_text(LogLevel::info, text); // a pipe holds 64 KiB
        std::array<char, 65536> buffer{};
        const ssize_t got = ::read(reading.get(), buffer.data(), buffer.size());
        BOOST_TEST(got > 0);
        const auto through = static_cast<std::size_t>(got) / (text.size() + 1);
        logging::info("again");
        const ssize_t then = ::read(reading.get(), buffer.data(), buffer.size());
        const std::string_view said(buffer.data(), then > 0 ? static_cast<std::size_t>(then) : 0);
        BOOST_TEST(said.find("event=again ") != std::string_view::npos, said);
        BOOST_TEST(said.ends_with(" lines=" + std::to_string(200 - through) + "\n"), said);
    }
    ::dup2(saved.get(), STDERR_FILENO);
}

BOOST_AUTO_TEST_CASE(a_line_fits_into_a_pipe_at_once_and_what_stands_behind_a_long_value_is_not_lost) {
    const std::string blanks(100'000, ' ');
    const std::string controls(20'000, '\x01');
    for (const std::string& text : {std::string(100'000, 'x'), blanks, controls}) {
        const auto lines = said(LogLevel::info, [&] {
            logging::info("message",
                          {{"to", text}, {"from", text}, {"subject", text}, {"host", text}, {"verdict", "infected"}});
            logging::write_text(LogLevel::info, text);
        });
        BOOST_TEST_REQUIRE(lines.size() == 2U);
        for (const std::string& line : lines) {
            BOOST_TEST(line.size() <= logging::kLongestLine + 1); // and its newline
            BOOST_TEST(line.size() > 1000U);
            BOOST_TEST(line.ends_with("\n"));
        }
        BOOST_TEST(lines[0].ends_with(" verdict=infected\n"), lines[0]);
    }
}

BOOST_AUTO_TEST_CASE(lost_lines_are_counted_in_what_others_can_read_too) {
    std::atomic<std::uint64_t> total{0};
    const std::uint64_t before = logging::lines_lost();
    std::array<int, 2> ends{};
    BOOST_TEST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const evermilter::unique_fd saved(::dup(STDERR_FILENO));
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    logging::open("session", LogTarget::stderr_, LogLevel::info);
    auto* const heard = ::signal(SIGPIPE, SIG_IGN);
    logging::info("one");
    logging::count_lost_in(total);
    logging::info("two");
    (void)::signal(SIGPIPE, heard);
    ::dup2(saved.get(), STDERR_FILENO);
    BOOST_TEST(logging::lines_lost() == before + 2);
    BOOST_TEST(total.load() == before + 2);
    static std::atomic<std::uint64_t> outlives{0};
    logging::count_lost_in(outlives);
    logging::leave();
    BOOST_TEST(logging::lines_lost() == 0U);
}

BOOST_AUTO_TEST_CASE(lines_for_the_journal_begin_with_their_priority_and_others_do_not) {
    const auto speak = [] {
        logging::error("one");
        logging::warning("two");
        logging::info("three");
        logging::debug("four");
        logging::write_text(LogLevel::info, "Message from <a@b>");
    };
    const auto lines_with = [&](const std::string& stream) {
        return said(LogLevel::debug, [&] {
            struct stat own {};
            BOOST_TEST_REQUIRE(::fstat(STDERR_FILENO, &own) == 0);
            const std::string journal = std::to_string(own.st_dev) + ":" + std::to_string(own.st_ino);
            ::setenv("JOURNAL_STREAM", stream.empty() ? journal.c_str() : stream.c_str(), 1);
            logging::open("session", LogTarget::stderr_, LogLevel::debug);
            speak();
            ::unsetenv("JOURNAL_STREAM");
        });
    };
    const auto marked = lines_with("");
    BOOST_TEST_REQUIRE(marked.size() == 5U);
    BOOST_TEST(marked[0].starts_with("<3>event=one "), marked[0]);
    BOOST_TEST(marked[1].starts_with("<4>event=two "), marked[1]);
    BOOST_TEST(marked[2].starts_with("<6>event=three "), marked[2]);
    BOOST_TEST(marked[3].starts_with("<7>event=four "), marked[3]);
    BOOST_TEST(marked[4] == "<6>Message from <a@b>\n");
    const auto plain = lines_with("1:1");
    BOOST_TEST_REQUIRE(plain.size() == 5U);
    for (const std::string& line : plain) BOOST_TEST(line.front() != '<', line);
}

BOOST_AUTO_TEST_CASE(a_line_in_another_programs_form_is_still_one_line) {
    const auto lines = said(LogLevel::info, [] {
        logging::write_text(LogLevel::info, "Message from <a\n@b> to <c d@e> infected by Eicar");
    });
    BOOST_TEST_REQUIRE(lines.size() == 1U);
    BOOST_TEST(lines[0] == "Message from <a\\n@b> to <c d@e> infected by Eicar\n");
}

BOOST_AUTO_TEST_SUITE_END()
