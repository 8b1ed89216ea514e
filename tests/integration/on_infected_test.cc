// on_infected.command in the real service: told of each infected message, by whoever it may be, and in nobody's way.
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

struct Told : Service {
    explicit Told(const std::string& lines) {
        const std::string program = path("told");
        write_file(program, "#!/bin/sh\n" + lines);
        // The program's user writes beside it.
        BOOST_REQUIRE(::chmod(program.c_str(), 0755) == 0);
        write_file(path("out"), "");
        BOOST_REQUIRE(::chmod(path("out").c_str(), 0666) == 0);
        set("on_infected.command", '"' + program + '"');
    }
    json wait_ended(const char* how, unsigned times) const {
        return wait_status("the program has ended",
                           [&](const json& now) { return now.at("on_infected").at(how) == times; });
    }
};

Envelope envelope() {
    Envelope made;
    made.sender = "<$(id)@example.org>";
    made.recipients = {"<c@example.org>", "<d@example.org>"};
    made.queue_id = "4Queue";
    return made;
}

} // namespace

BOOST_AUTO_TEST_SUITE(on_infected_test)

BOOST_AUTO_TEST_CASE(it_gets_seven_arguments_as_the_session_workers_user_after_the_answer) {
    Told service("{ id -un; for word; do printf '%s|' \"$word\"; done; } >" + std::string("$(dirname $0)/out\n"));
    service.start();
    MilterClient client = service.session();
    BOOST_TEST(client.message(clean_mail(), envelope()).status() == "Clean");
    BOOST_TEST(client
                   .message("Subject: a `b` \x01 c\r\nMessage-ID: <7@example.org>\r\nDate: today\r\n\r\n" + eicar(),
                            envelope())
                   .text() == kRejected);
    service.wait_ended("done", 1);
    const std::string user =
        is_root() ? "nobody" : run({"id", "-un"}).output.substr(0, run({"id", "-un"}).output.find('\n'));
    BOOST_TEST(read_file(service.path("out")) ==
               user + "\n" + kEicarName +
                   "|4Queue|<$(id)@example.org>|<c@example.org>,<d@example.org>|a `b` ? c|"
                   "<7@example.org>|today|");
}

BOOST_AUTO_TEST_CASE(a_probe_is_none_and_a_program_that_fails_is_counted_and_named) {
    Told service("exit 7\n");
    service.start();
    BOOST_TEST(service.ctl({"probe"}).status == 0);
    BOOST_TEST(service.session().message(eicar_in_body(), envelope()).text() == kRejected);
    const json now = service.wait_ended("failed", 1);
    BOOST_TEST(now.at("on_infected").at("done") == 0);
    service.wait_log({"infected-command-failed", "queue_id=4Queue", "7"});
}

BOOST_AUTO_TEST_CASE(a_program_that_hangs_holds_up_no_mail_and_is_ended) {
    Told service("sleep 1000\n");
    service.set("on_infected.timeout", "\"1s\"");
    service.set("on_infected.queue", "1");
    service.start();
    MilterClient client = service.session();
    for (int i = 0; i < 7; ++i) BOOST_TEST(client.message(eicar_in_body(), envelope()).text() == kRejected);
    const json now = service.wait_ended("failed", 5); // four at once, one that waited
    BOOST_TEST(now.at("on_infected").at("dropped") == 2);
    service.wait_log({"infected-command-dropped", "on_infected.queue is full"});
    service.wait_log({"infected-command-failed", "on_infected.timeout"});
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
    BOOST_TEST(service.stop() == 0);
    BOOST_TEST(service.leftovers().empty());
}

BOOST_AUTO_TEST_CASE(a_program_that_goes_into_the_background_has_done_its_work) {
    Told service("sleep 30 &\n");
    service.start();
    BOOST_TEST(service.session().message(eicar_in_body(), envelope()).text() == kRejected);
    BOOST_TEST(service.wait_ended("done", 1).at("on_infected").at("failed") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
