// on_infected.command: what it is told, how it may end, and that its queue has a bound.
#include "supervisor/infected_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "supervisor/settings.h"
#include "supervisor/state.h"
#include "tests/support/folder.h"
#include "tests/support/proc.h"
#include "tests/support/waiting.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using evermilter::test::Folder;
using namespace std::chrono_literals;

namespace {

// Jobs are kept, and end as the test says.
struct Commanded {
    State state;
    Settings settings;
    std::vector<InfectedCommand::Done> running;
    unsigned begun = 0;
    InfectedCommand command{
        state, settings,
        [this](std::chrono::nanoseconds, const std::function<std::string()>&, InfectedCommand::Done done) {
            ++begun;
            running.push_back(std::move(done));
        }};

    Commanded() {
        settings.config.on_infected.command = "/bin/true";
        settings.config.on_infected.queue = 3;
    }
    void detect(unsigned times) {
        for (unsigned i = 0; i < times; ++i) command.on_detection({"Virus", 1, "queue-id"});
    }
    void end(const Result<std::string>& result) {
        const auto done = std::move(running.front());
        running.erase(running.begin());
        done(result);
    }
    [[nodiscard]] std::uint64_t counted(CommandEnd end) const { return state.counters.get("on_infected", end); }
};

std::string script(const Folder& folder, const std::string& lines) {
    const std::string path = folder.path("script");
    evermilter::test::write_file(path, "#!/bin/sh\n" + lines);
    BOOST_REQUIRE(::chmod(path.c_str(), 0755) == 0);
    return path;
}

} // namespace

BOOST_AUTO_TEST_SUITE(infected_command_test)

BOOST_FIXTURE_TEST_CASE(four_run_three_wait_and_more_are_dropped, Commanded) {
    detect(9);
    BOOST_TEST(begun == 4U);
    BOOST_TEST(counted(CommandEnd::dropped) == 2U);
    for (int i = 0; i < 7; ++i) end(std::string());
    BOOST_TEST(begun == 7U);
    BOOST_TEST(running.empty());
    BOOST_TEST(counted(CommandEnd::done) == 7U);
    detect(1);
    end(std::string("it ended: exit status 3"));
    detect(1);
    end(Error{5, "it took too long"});
    BOOST_TEST(counted(CommandEnd::failed) == 2U);
}

BOOST_FIXTURE_TEST_CASE(without_a_command_nothing_is_run, Commanded) {
    settings.config.on_infected.command.clear();
    detect(1);
    BOOST_TEST(begun == 0U);
    BOOST_TEST(counted(CommandEnd::dropped) == 0U);
}

BOOST_FIXTURE_TEST_CASE(a_command_that_is_taken_out_drops_what_waits, Commanded) {
    detect(6);
    settings.config.on_infected.command.clear();
    for (int i = 0; i < 4; ++i) end(std::string());
    BOOST_TEST(begun == 4U);
    BOOST_TEST(counted(CommandEnd::dropped) == 2U);
}

BOOST_FIXTURE_TEST_CASE(a_stop_drops_what_waits_and_begins_nothing, Commanded) {
    detect(6);
    command.stop();
    BOOST_TEST(counted(CommandEnd::dropped) == 2U);
    end(std::string());
    detect(1);
    BOOST_TEST(begun == 4U);
    BOOST_TEST(counted(CommandEnd::dropped) == 3U);
}

BOOST_AUTO_TEST_CASE(arguments_come_as_they_are_and_no_shell_sees_them) {
    const Folder folder;
    const std::string program =
        script(folder, "for word; do printf '%s\\n' \"$word\"; done >" + folder.path("out") + "\n");
    const std::vector<std::string> arguments = {"Eicar", "$(touch x)", "", "two words; `id`", "-n", "'\""};
    BOOST_TEST(run_program({}, program, arguments, 10s) == "");
    BOOST_TEST(evermilter::test::read_file(folder.path("out")) == "Eicar\n$(touch x)\n\ntwo words; `id`\n-n\n'\"\n");
}

BOOST_AUTO_TEST_CASE(the_program_has_no_descriptor_of_ours) {
    const Folder folder;
    const int ours = ::dup(STDIN_FILENO); // not close-on-exec
    const std::string open = script(folder, "exec ls /proc/self/fd >" + folder.path("out") + "\n");
    BOOST_TEST(run_program({}, open, {}, 10s) == "");
    ::close(ours);
    // The fourth is the folder that ls reads.
    BOOST_TEST(evermilter::test::read_file(folder.path("out")) == "0\n1\n2\n3\n");
}

BOOST_AUTO_TEST_CASE(the_kernel_ends_the_program_before_us_when_memory_runs_out) {
    const Folder folder;
    const std::string score = script(folder, "cat /proc/self/oom_score_adj >" + folder.path("out") + "\n");
    BOOST_TEST(run_program({}, score, {}, 10s) == "");
    const int ours = std::stoi(evermilter::test::read_file("/proc/self/oom_score_adj"));
    BOOST_TEST(std::stoi(evermilter::test::read_file(folder.path("out"))) == std::min(ours + 200, 1000));
}

BOOST_AUTO_TEST_CASE(each_way_to_fail_is_told) {
    const Folder folder;
    BOOST_TEST(run_program({}, folder.path("absent"), {}, 10s).find("No such file or directory") != std::string::npos);
    evermilter::test::write_file(folder.path("text"), "no program");
    BOOST_TEST(run_program({}, folder.path("text"), {}, 10s).find("Permission denied") != std::string::npos);
    BOOST_TEST(run_program({}, script(folder, "exit 3\n"), {}, 10s).find("3") != std::string::npos);
    BOOST_TEST(run_program({}, script(folder, "kill -9 $$\n"), {}, 10s).find("it ended: ") == 0U);
}

BOOST_AUTO_TEST_CASE(one_that_takes_too_long_is_killed_with_all_that_it_started) {
    const Folder folder;
    const std::string program = script(folder, "sleep 1000 & echo $! >" + folder.path("pid") + "\nwait\n");
    BOOST_TEST(run_program({}, program, {}, 500ms) == "it took longer than on_infected.timeout");
    const pid_t started = std::stoi(evermilter::test::read_file(folder.path("pid")));
    evermilter::test::wait_until("what it started is gone", [&] {
        return !std::filesystem::exists("/proc/" + std::to_string(started)) ||
               evermilter::test::status_field(started, "State").starts_with("Z");
    });
}

BOOST_AUTO_TEST_SUITE_END()
