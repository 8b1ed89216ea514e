// Where standard error is the journal of systemd, each line says how important it is, from every process and also
// before the log is open; anywhere else no line does. The journal is a pipe of the test.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <map>
#include <sstream>

#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using evermilter::unique_fd;

namespace {

class Journal {
  public:
    Journal() {
        std::array<int, 2> ends{};
        BOOST_REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        reading_.reset(ends[0]);
        writing_.reset(ends[1]);
        BOOST_REQUIRE(::fcntl(reading_.get(), F_SETFL, O_NONBLOCK) == 0);
    }
    // What systemd gives to a service whose standard error it reads.
    [[nodiscard]] Manager manager(bool named = true) const {
        struct stat about {};
        BOOST_REQUIRE(::fstat(writing_.get(), &about) == 0);
        Manager given{{}, {}, writing_.get()};
        given.environment.push_back("JOURNAL_STREAM=" + std::to_string(about.st_dev) + ":" +
                                    std::to_string(about.st_ino + (named ? 0 : 1)));
        return given;
    }
    // All that came, by now.
    const std::string& text() {
        std::array<char, 65536> part{};
        for (ssize_t got = 0; (got = ::read(reading_.get(), part.data(), part.size())) > 0;)
            text_.append(part.data(), static_cast<std::size_t>(got));
        return text_;
    }
    void wait(const std::string& word) {
        wait_until("the journal has " + word, [&] { return text().find(word) != std::string::npos; });
    }
    // The lines with `word`, each with its priority, or '-' where it has none.
    [[nodiscard]] std::multimap<char, std::string> lines(const std::string& word = "") const {
        std::multimap<char, std::string> all;
        std::istringstream stream(text_);
        for (std::string line; std::getline(stream, line);) {
            if (line.find(word) == std::string::npos) continue;
            const bool marked = line.size() > 3 && line[0] == '<' && line[2] == '>';
            all.emplace(marked ? line[1] : '-', line);
        }
        return all;
    }

  private:
    unique_fd reading_;
    unique_fd writing_;
    std::string text_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(journal_test)

BOOST_AUTO_TEST_CASE(every_line_of_every_process_has_its_priority) {
    Journal journal;
    Service service(Keys{{"log.target", "\"stderr\""}}); // syslog's lines have priorities of their own
    service.launch(journal.manager());
    service.wait_ready();
    BOOST_TEST(service.session().message(eicar_in_body()).text().starts_with("550 "));
    for (const pid_t scanner : service.pids("scanner")) BOOST_TEST(::kill(scanner, SIGKILL) == 0);
    for (const char* role : {"role=supervisor", "role=session", "role=loader"}) journal.wait(role); // it logs that
    journal.wait("infected by");
    BOOST_TEST(service.stop() == 0);
    static_cast<void>(journal.text());
    for (const auto& [priority, line] : journal.lines()) BOOST_TEST(std::string("34567").find(priority) < 5U, line);
    for (const auto& [priority, line] : journal.lines("event=ready ")) BOOST_TEST(priority == '6', line);
    for (const auto& [priority, line] : journal.lines("infected by")) BOOST_TEST(priority == '6', line);
    BOOST_TEST(journal.lines("event=").count('7') > 0U); // debug
}

BOOST_AUTO_TEST_CASE(what_ends_a_start_is_an_error) {
    const auto told = [](Service& service, const std::string& word) {
        Journal journal;
        service.launch(journal.manager());
        BOOST_TEST(service.wait_end() != 0);
        static_cast<void>(journal.text());
        const auto lines = journal.lines(word);
        BOOST_TEST(!lines.empty(), word);
        for (const auto& [priority, line] : lines) BOOST_TEST(priority == '3', line);
    };
    {
        Service service;
        write_file(service.config_file(), "nonsense = 1\n");
        told(service, "evermilter.toml:1:1: nonsense");
    }
    {
        Service service;
        write_file(service.path("milter.sock"), "precious\n");
        told(service, "something that is not a socket");
    }
    if (is_root()) {
        Service service(Keys{{"process.user", "\"no-such-user-here\""}});
        told(service, "no-such-user-here");
    }
}

BOOST_AUTO_TEST_CASE(a_standard_error_that_is_not_the_journal_has_no_priorities) {
    Journal other; // a pipe, and the variable names another one
    Service service;
    service.launch(other.manager(false));
    service.wait_ready();
    BOOST_TEST(service.stop() == 0);
    static_cast<void>(other.text());
    BOOST_TEST(!other.lines().empty());
    for (const auto& [priority, line] : other.lines()) BOOST_TEST(priority == '-', line);
}

BOOST_AUTO_TEST_SUITE_END()
