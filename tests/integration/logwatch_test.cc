// What is logged of infected and of clean messages (log.infected, log.clean), and that the real logwatch counts it with
// the configuration that is shipped.
#include <boost/test/unit_test.hpp>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

Envelope envelope() {
    Envelope made;
    made.sender = "<a@example.org>";
    made.recipients = {"<c@example.org>", "<d@example.org>"};
    return made;
}

const std::string kInfected =
    std::string("Message from <a@example.org> to <c@example.org>,<d@example.org> infected by ") + kEicarName;
const std::string kClean = "clean message from <a@example.org> to <c@example.org>,<d@example.org>";

// One infected and one clean message, logged.
void send_both(const Service& service) {
    MilterClient client = service.session();
    client.message(eicar_in_body(), envelope());
    client.message("Message-Id: <7@example.org>\r\nSubject: two\r\n\tlines\r\nDate: today\r\n\r\nclean\r\n",
                   envelope());
    client.quit();
    service.wait_log({"message", "verdict=infected"});
    service.wait_log({"message", "verdict=clean"});
}

// The service's lines as a syslog daemon writes them.
std::string syslog_lines(const std::string& log) {
    std::array<char, 32> now{};
    const std::time_t seconds = std::time(nullptr);
    tm local{};
    std::strftime(now.data(), now.size(), "%b %e %H:%M:%S", ::localtime_r(&seconds, &local));
    std::istringstream lines(log);
    std::string text;
    for (std::string line; std::getline(lines, line);)
        text += std::string(now.data()) + " mx evermilter[4711]: " + line + "\n";
    return text;
}

// The report of logwatch's service on a folder with mail.log, with the shipped configuration or without.
std::string report(const fs::path& folder, bool shipped) {
    const std::string command =
        "logwatch --service clamav-milter --range all --detail high --output stdout --logdir \"$1\"";
    const std::string mount = shipped ? "mount --bind \"$2\" /etc/logwatch/conf/services && " : "";
    const Outcome outcome = run({"unshare", "--mount", "sh", "-c", mount + command, "sh", folder.string(),
                                 std::string(EVERMILTER_SOURCE_DIRECTORY) + "/contrib/logwatch"});
    BOOST_TEST(outcome.status == 0, outcome.errors);
    return outcome.output;
}

} // namespace

BOOST_AUTO_TEST_SUITE(logwatch_test)

BOOST_AUTO_TEST_CASE(what_is_said_beside_the_line_of_a_message_is_as_the_keys_say) {
    struct Row {
        const char* infected;
        const char* clean;
        bool infected_said;
        bool clean_said;
        bool details; // of the clean one
    };
    const Row rows[] = {
        {"basic", "off", true, false, false},
        {"off", "basic", false, true, false},
        {"off", "full", false, true, true},
        {"full", "off", true, false, false},
    };
    for (const Row& row : rows) {
        BOOST_TEST_CONTEXT("infected " << row.infected << ", clean " << row.clean) {
            Service service;
            service.set("log.infected", '"' + std::string(row.infected) + '"');
            service.set("log.clean", '"' + std::string(row.clean) + '"');
            service.start();
            send_both(service);
            service.stop();
            BOOST_TEST(count_log(service, kInfected) == (row.infected_said ? 1U : 0U));
            BOOST_TEST(count_log(service, kClean) == (row.clean_said ? 1U : 0U));
            BOOST_TEST((count_log(service, "message_id=<7@example.org> subject=\"two\\n\\tlines\" date=today") == 1U) ==
                       row.details);
            BOOST_TEST((count_log(service, "subject=test") == 1U) == (row.infected == std::string("full")));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_real_logwatch_counts_viruses_clean_messages_and_reloads) {
    if (!is_root()) not_possible("an own mount needs root");
    if (run({"unshare", "--mount", "true"}).status != 0) not_possible("this machine allows no mount");
    Service service;
    service.set("log.clean", "\"basic\"");
    service.start();
    send_both(service);
    send_both(service);
    add_second_signature(service);
    BOOST_TEST(ask(service).at("ok") == true);
    service.wait_log({"Database correctly reloaded ("});
    service.stop();
    fs::create_directory(service.path("log.d"));
    write_file(service.path("log.d") / "mail.log", syslog_lines(service.log()));

    const std::string counted = report(service.path("log.d"), true);
    BOOST_TEST(counted.find(std::string(kEicarName) + ": 2 Message(s)") != std::string::npos, counted);
    BOOST_TEST(counted.find("Clean messages: 2 Message(s)") != std::string::npos, counted);
    BOOST_TEST(counted.find("Virus database reloaded 1 time(s) (last time with 2 viruses)") != std::string::npos,
               counted);
    BOOST_TEST(counted.find("Unmatched") == std::string::npos, counted);
    // Without it the service looks only at lines of clamav-milter.
    BOOST_TEST(report(service.path("log.d"), false).find("Message(s)") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
