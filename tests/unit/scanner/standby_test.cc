// The standby of a real evermilter-scanner, told by a test that plays the supervisor: also the parent of what a dead
// loader leaves.
#include "workers/scanner/standby.h"

#include <sys/prctl.h>
#include <sys/wait.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter {
namespace {

using messages::ScanOutcome;

// A channel of which the test has one end.
struct Line {
    Line() {
        auto pair = seqpacket_pair(Blocking::no, Blocking::no);
        BOOST_REQUIRE(pair.ok());
        ours = Channel<messages::FromLoader, messages::ToLoader>(std::move(pair->first));
        theirs = std::move(pair->second);
    }
    // The next message that is a T; nothing when the channel ends before.
    template <class T>
    std::optional<T> expect() {
        for (;;) {
            test::wait_for(ours.fd(), POLLIN, "a message of a standby");
            auto received = ours.receive();
            if (!received || received->kind != ReceivedKind::message) return std::nullopt;
            if (auto* found = std::get_if<T>(&received->message)) return std::move(*found);
        }
    }
    Channel<messages::FromLoader, messages::ToLoader> ours;
    unique_fd theirs;
};

// A generation with two scanners and a standby.
struct GenerationServer {
    GenerationServer() : config(test::scanner_config(folder)) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        test::write_eicar_database(folder / "database");
        messages::StartLoad order;
        order.standby = std::move(line.theirs);
        loader.start_load(config, std::move(order), 2);
        (void)loader.expect<messages::LoaderReady>();
        for (const auto& message : loader.seen) {
            if (const auto* started = std::get_if<messages::ScannerStarted>(&message)) scanners.push_back(started->pid);
            if (const auto* started = std::get_if<messages::StandbyStarted>(&message))
                standby = static_cast<pid_t>(started->pid);
        }
        BOOST_REQUIRE(standby != 0);
    }
    ~GenerationServer() {
        ::prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
        // What the test has not reaped ends with its channels and its queue, or by force.
        loader.close_queue();
        line.ours.close();
        for (const test::Process& one : test::children(::getpid()))
            if (one.pid != loader.pid()) ::kill(one.pid, SIGKILL);
        for (const test::Process& one : test::children(::getpid()))
            if (one.pid != loader.pid()) ::waitpid(one.pid, nullptr, 0);
    }
    // The loader dies, and its standby is told. The channel is that of the standby's own standby.
    void take_over(unique_fd next_standby) {
        ::kill(loader.pid(), SIGKILL);
        (void)loader.wait();
        messages::TakeOver order;
        order.scanners = scanners;
        order.standby = std::move(next_standby);
        BOOST_REQUIRE(line.ours.send(std::move(order)).ok());
    }
    [[nodiscard]] ScanOutcome scan() {
        return loader
            .scan("Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" + test::eicar_attached())
            .outcome;
    }

    test::Folder folder;
    config::Config config;
    Line line; // to the standby
    test::LoaderProcess loader;
    std::vector<std::int64_t> scanners; // by slot
    pid_t standby = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(standby)

BOOST_FIXTURE_TEST_CASE(it_is_there_before_the_loader_is_ready_and_answers_pings, GenerationServer) {
    BOOST_TEST(test::process(standby)->parent == loader.pid());
    BOOST_REQUIRE(line.ours.send(messages::Ping{7}).ok());
    const auto pong = line.expect<messages::Pong>();
    BOOST_REQUIRE(pong.has_value());
    BOOST_TEST(pong->serial == 7U);
}

BOOST_FIXTURE_TEST_CASE(it_holds_no_descriptor_but_its_channel_the_queue_and_the_lock, GenerationServer) {
    test::wait_until("the standby has closed the rest", [&] {
        std::size_t sockets = 0;
        for (const auto& one : test::descriptors(standby))
            if (one.number > 2 && one.target.starts_with("socket:")) ++sockets;
        return sockets == 2;
    });
}

BOOST_FIXTURE_TEST_CASE(it_takes_over_the_scanners_that_live_and_forks_the_next_standby, GenerationServer) {
    Line next;
    take_over(std::move(next.theirs));
    const auto started = line.expect<messages::StandbyStarted>();
    BOOST_REQUIRE(started.has_value());
    BOOST_TEST(test::process(static_cast<pid_t>(started->pid))->parent == standby);
    for (const auto pid : scanners) BOOST_TEST(test::alive(static_cast<pid_t>(pid)));
    BOOST_TEST((scan() == ScanOutcome::infected));
    BOOST_REQUIRE(next.ours.send(messages::Ping{1}).ok());
    BOOST_TEST(next.expect<messages::Pong>().has_value());
}

BOOST_FIXTURE_TEST_CASE(it_forks_the_scanners_that_have_died_from_the_same_engine, GenerationServer) {
    ::kill(loader.pid(), SIGSTOP);
    ::kill(static_cast<pid_t>(scanners[1]), SIGKILL);
    Line next;
    take_over(std::move(next.theirs));
    const auto started = line.expect<messages::ScannerStarted>();
    BOOST_REQUIRE(started.has_value());
    BOOST_TEST(started->slot == 1U);
    BOOST_TEST(test::process(static_cast<pid_t>(started->pid))->parent == standby);
    ::kill(static_cast<pid_t>(scanners[0]), SIGKILL);
    const auto second = line.expect<messages::ScannerStarted>();
    BOOST_REQUIRE(second.has_value());
    BOOST_TEST(second->slot == 0U);
    BOOST_TEST((scan() == ScanOutcome::infected));
}

BOOST_FIXTURE_TEST_CASE(after_it_took_over_the_generation_ends_with_its_queue_and_leaves_nothing, GenerationServer) {
    Line next;
    take_over(std::move(next.theirs));
    (void)line.expect<messages::StandbyStarted>();
    loader.close_queue();
    const auto ended = line.expect<messages::StandbyEnded>();
    BOOST_REQUIRE(ended.has_value());
    BOOST_TEST(ended->expected);
    BOOST_TEST(!line.expect<messages::Pong>().has_value()); // the channel ends
    int status = 0;
    BOOST_TEST(::waitpid(standby, &status, 0) == standby);
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_FIXTURE_TEST_CASE(it_ends_when_the_supervisor_is_gone_and_the_loader_serves_on, GenerationServer) {
    line.ours.close();
    const auto ended = loader.expect<messages::StandbyEnded>();
    BOOST_TEST(ended.pid == standby);
    BOOST_TEST(ended.wait_status == 0);
    BOOST_TEST(!ended.expected);
    BOOST_TEST((scan() == ScanOutcome::infected));
    Line again;
    loader.send(messages::StartStandby{std::move(again.theirs)});
    BOOST_TEST(loader.expect<messages::StandbyStarted>().pid != standby);
}

BOOST_FIXTURE_TEST_CASE(a_loader_whose_queue_has_ended_ends_its_standby_and_says_so, GenerationServer) {
    loader.close_queue();
    const auto ended = loader.expect<messages::StandbyEnded>();
    BOOST_TEST(ended.pid == standby);
    BOOST_TEST(ended.expected);
    const int status = loader.wait();
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
