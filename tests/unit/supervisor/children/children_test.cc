// Children with processes that are not real: what each says reaches its owner, in order and before its end; what is not
// in order kills it; and whatever the order of events, each end is told once.
#include "supervisor/children/children.h"

#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <list>
#include <string>

#include "supervisor/children/roles.h"
#include "tests/unit/supervisor/children/fake_processes.h"
#include "tests/unit/supervisor/turning_loop.h"
#include "workers/common/ipc/from_loader.h"
#include "workers/common/ipc/from_session.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using messages::Role;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Writes down all that it hears.
template <class From, class Hears>
struct Owner final : OwnerOf<From> {
    Child* find(std::uint64_t id) override {
        const auto found = std::find_if(all.begin(), all.end(), [id](const auto& one) { return one.id == id; });
        return found == all.end() ? nullptr : &*found;
    }
    void on_said(Child& child, From&& message) override {
        BOOST_TEST(child.pid != 0);
        heard.push_back(std::string(messages::message_name(message)) + " " + std::to_string(child.id));
    }
    void on_exit(Child& child, pid_t pid, int wait_status) override {
        BOOST_TEST(child.pid == 0);
        BOOST_TEST((child.state == ChildState::dead));
        heard.push_back("exit " + std::to_string(child.id));
        ended.emplace_back(pid, end_text(child, wait_status));
    }
    pid_t parent_of(const Child& /*child*/) const override { return parent; }
    void on_orphan_exit(pid_t pid, int /*wait_status*/) override { orphans.push_back(pid); }
    void sweep() override {
        all.remove_if([](const auto& one) { return one.id != 0 && one.state == ChildState::dead; });
    }

    std::list<ChildOf<Hears>> all;
    std::vector<std::string> heard;
    std::vector<std::pair<pid_t, std::string>> ended;
    std::vector<pid_t> orphans;
    pid_t parent = 0;
};

struct Fixture {
    Fixture() {
        children.own(Role::session, sessions);
        children.own(Role::loader, loaders);
        children.own(Role::standby, loaders);
    }
    SessionChild& start_session(bool greeted = true) {
        SessionChild& child = sessions.all.emplace_back();
        BOOST_REQUIRE(children.start(child, Role::session, {}).ok());
        if (greeted) greet(child);
        return child;
    }
    LoaderChild& start_loader() {
        LoaderChild& child = loaders.all.emplace_back();
        BOOST_REQUIRE(children.start(child, Role::loader, {}).ok());
        greet(child);
        return child;
    }
    void greet(const Child& child) {
        processes.greet(child.pid);
        turn();
    }
    // Whatever has happened is worked off.
    void turn() {
        for (int again = 0; again < 3; ++again) { // one that is killed meanwhile sends no SIGCHLD
            children.look_for_dead();
            loop.settle();
        }
    }
    [[nodiscard]] std::vector<std::string> killed_for() const {
        std::vector<std::string> reasons;
        for (const auto& [pid, text] : sessions.ended) reasons.push_back(text);
        for (const auto& [pid, text] : loaders.ended) reasons.push_back(text);
        return reasons;
    }

    TurningLoop loop;
    FakeProcesses processes;
    std::int64_t now = 100 * kSecond;
    std::uint64_t next_id = 1;
    Owner<messages::FromSession, messages::ToSession> sessions;
    Owner<messages::FromLoader, messages::ToLoader> loaders;
    unsigned reaped = 0;
    Children children{loop.get(), next_id, processes, {[](pid_t, int) { return false; }, [this] { ++reaped; }}, [this] {
                          return now;
                      }};
};

template <class Message>
concept ForSessions = requires(Children& children, SessionChild& child, Message message) {
    children.send(child, std::move(message));
};
template <class Message>
concept ForLoaders = requires(Children& children, LoaderChild& child, Message message) {
    children.send(child, std::move(message));
};

// libev takes a signal in one loop at a time.
struct Nothing {};

} // namespace

BOOST_FIXTURE_TEST_SUITE(children_test, Fixture)

BOOST_AUTO_TEST_CASE(what_a_child_of_another_role_hears_cannot_be_sent_to_it) {
    static_assert(ForSessions<messages::HandOver> && !ForLoaders<messages::HandOver>);
    static_assert(ForLoaders<messages::StartLoad> && !ForSessions<messages::StartLoad>);
    static_assert(!ForSessions<messages::SessionEnded> && !ForLoaders<messages::LoaderReady>);
}

BOOST_AUTO_TEST_CASE(a_child_hears_what_is_sent_and_its_owner_what_it_says) {
    SessionChild& child = start_session();
    BOOST_TEST(child.greeted);
    children.send(child, messages::NoGeneration{"none yet"});
    const auto heard = processes.hear<messages::NoGeneration, messages::ToSession>(child.pid);
    BOOST_TEST_REQUIRE(heard.has_value());
    BOOST_TEST(heard->reason == "none yet");
    processes.say<messages::FromSession>(child.pid, messages::QueueTaken{7});
    turn();
    BOOST_TEST(sessions.heard == std::vector<std::string>{"QueueTaken 1"}, boost::test_tools::per_element());
    BOOST_TEST(loaders.heard.empty());
}

BOOST_AUTO_TEST_CASE(all_that_a_child_said_comes_before_its_end) {
    LoaderChild& child = start_loader();
    const pid_t pid = child.pid;
    for (int i = 0; i < 100; ++i) processes.say<messages::FromLoader>(pid, messages::LoadProgress{"load"});
    processes.say<messages::FromLoader>(pid, messages::LoadUnchanged{});
    processes.end(pid, 0);
    turn();
    BOOST_TEST_REQUIRE(loaders.heard.size() == 102U);
    BOOST_TEST(loaders.heard[99] == "LoadProgress 1");
    BOOST_TEST(loaders.heard[100] == "LoadUnchanged 1");
    BOOST_TEST(loaders.heard[101] == "exit 1");
    BOOST_TEST(!children.any());
    BOOST_TEST(reaped == 1U);
}

BOOST_AUTO_TEST_CASE(a_child_that_does_not_begin_with_its_hello_is_killed) {
    SessionChild& silent = start_session(false);
    processes.say<messages::FromSession>(silent.pid, messages::SessionWorkerReady{});
    turn();
    SessionChild& other_role = start_session(false);
    messages::Hello hello;
    hello.role = Role::loader;
    processes.say<messages::FromAnyChild>(other_role.pid, hello);
    turn();
    SessionChild& other_protocol = start_session(false);
    hello.role = Role::session;
    --hello.protocol;
    processes.say<messages::FromAnyChild>(other_protocol.pid, hello);
    turn();
    SessionChild& twice = start_session();
    processes.greet(twice.pid);
    turn();
    const std::vector<std::string> expected = {
        "killed: its first message is not Hello", "killed: its Hello is not of this version",
        "killed: its Hello is not of this version", "killed: its Hello is not of this version"};
    BOOST_TEST(killed_for() == expected, boost::test_tools::per_element());
    BOOST_TEST(!children.any());
}

BOOST_AUTO_TEST_CASE(what_is_no_message_of_its_direction_ends_a_child_and_nothing_after_it_is_heard) {
    SessionChild& child = start_session();
    const pid_t pid = child.pid;
    processes.say<messages::FromSession>(pid, messages::QueueTaken{1});
    processes.say<messages::FromLoader>(pid, messages::LoadUnchanged{});
    processes.say<messages::FromSession>(pid, messages::QueueTaken{2});
    turn();
    const std::vector<std::string> heard = {"QueueTaken 1", "exit 1"};
    BOOST_TEST(sessions.heard == heard, boost::test_tools::per_element());
    BOOST_TEST_REQUIRE(killed_for().size() == 1U);
    BOOST_TEST(killed_for()[0].starts_with("killed: it sent what is no message of ours: malformed packet"));
    BOOST_TEST((processes.killed == std::vector<pid_t>{pid}));
}

BOOST_AUTO_TEST_CASE(a_flood_of_rare_messages_is_the_end_of_a_child_and_time_makes_room_for_more) {
    LoaderChild& child = start_loader();
    const pid_t pid = child.pid;
    const auto say = [&](double count) {
        for (double said = 0; said < count; ++said) {
            processes.say<messages::FromLoader>(pid, messages::LoadProgress{"load"});
            if (static_cast<int>(said) % 50 == 49) turn();
        }
        turn();
    };
    const MessageBudget budget = row_of(Role::loader).budget;
    say(budget.at_once - 1); // and its Hello
    BOOST_TEST(processes.lives(pid));
    now += kSecond;
    say(budget.per_second);
    BOOST_TEST(processes.lives(pid));
    say(1);
    BOOST_TEST(!processes.lives(pid));
    BOOST_TEST(killed_for().at(0) == "killed: it floods with LoadProgress");
}

BOOST_AUTO_TEST_CASE(messages_that_come_with_mail_are_no_flood) {
    SessionChild& child = start_session();
    for (int i = 0; i < 12'000; ++i) {
        processes.say<messages::FromSession>(child.pid, messages::SessionEnded{1});
        if (i % 50 == 49) turn();
    }
    turn();
    BOOST_TEST(sessions.heard.size() == 12'000U);
    BOOST_TEST(processes.killed.empty());
}

BOOST_AUTO_TEST_CASE(a_child_is_killed_once_and_its_end_says_why) {
    SessionChild& child = start_session();
    const pid_t pid = child.pid;
    children.kill(child, "first");
    children.kill(child, "second");
    BOOST_TEST((child.state == ChildState::stopping));
    turn();
    BOOST_TEST((processes.killed == std::vector<pid_t>{pid}));
    BOOST_TEST(killed_for().at(0) == "killed: first");
}

BOOST_AUTO_TEST_CASE(a_child_that_says_ready_twice_is_killed) {
    SessionChild& child = start_session();
    BOOST_TEST(!child.was_ready);
    BOOST_TEST(children.apply(child, ChildChange::ready));
    BOOST_TEST(child.was_ready);
    BOOST_TEST(!children.apply(child, ChildChange::ready));
    turn();
    BOOST_TEST(killed_for().at(0) == "killed: \"ready\" has no place in state ready");
}

BOOST_AUTO_TEST_CASE(a_child_whose_channel_ends_stops_and_its_exit_is_awaited) {
    SessionChild& child = start_session();
    const pid_t pid = child.pid;
    processes.close_channel(pid);
    turn();
    BOOST_TEST((child.state == ChildState::stopping));
    BOOST_TEST(!child.channel.open());
    BOOST_TEST(processes.killed.empty()); // it has 5 s
    processes.end(pid, 0);
    turn();
    BOOST_TEST(killed_for().at(0) == "exit status 0");
}

BOOST_AUTO_TEST_CASE(a_standby_only_answers_pings_and_is_killed_where_its_parent_is_ours) {
    LoaderChild& loader = start_loader();
    loaders.parent = loader.pid;
    LoaderChild& standby = loaders.all.emplace_back();
    auto channel = children.expect(standby, Role::standby);
    BOOST_REQUIRE(channel.ok());
    BOOST_TEST((children.ids() == std::vector<std::uint64_t>{loader.id})); // one that is not forked answers nothing
    const pid_t pid = processes.fork(loader.pid, std::move(*channel));
    BOOST_TEST((children.kin(loader, pid) == Children::Kin::forked));
    BOOST_TEST((children.kin(loader, FakeProcesses::kOwnPid + 1) == Children::Kin::ended));
    children.forked(standby, pid);
    children.ping(standby, 3);
    BOOST_TEST(standby.unanswered == 1U);
    processes.say<messages::FromLoader>(pid, messages::Pong{3});
    turn();
    BOOST_TEST(standby.unanswered == 0U);
    processes.say<messages::FromLoader>(pid, messages::LoadUnchanged{});
    turn();
    BOOST_TEST((processes.killed == std::vector<pid_t>{pid}));
    BOOST_TEST(loaders.heard.empty());
    // Its parent reaps it, and says so.
    processes.forget(pid);
    children.ended(standby, SIGKILL);
    turn();
    BOOST_TEST(killed_for().at(0) == "killed: it sent what is no message of ours: a standby only answers pings");
    BOOST_TEST(children.any()); // the loader
}

BOOST_AUTO_TEST_CASE(a_child_whose_pid_another_has_got_is_over) {
    LoaderChild& loader = start_loader();
    LoaderChild& standby = loaders.all.emplace_back();
    auto channel = children.expect(standby, Role::standby);
    BOOST_REQUIRE(channel.ok());
    const pid_t pid = processes.fork(loader.pid, std::move(*channel));
    children.forked(standby, pid);
    processes.forget(pid); // reaped by the loader, which has not said so yet
    processes.next_pid = pid;
    const SessionChild& next = start_session();
    BOOST_TEST(next.pid == pid);
    BOOST_TEST((loaders.heard == std::vector<std::string>{"exit 2"}));
    BOOST_TEST(processes.killed.empty());
}

BOOST_AUTO_TEST_CASE(what_a_dead_child_leaves_is_told_to_all_owners_and_can_be_killed) {
    LoaderChild& loader = start_loader();
    const pid_t scanner = processes.fork(loader.pid);
    children.kill_orphan(scanner); // not ours yet
    BOOST_TEST(processes.lives(scanner));
    processes.end(loader.pid, 0);
    turn();
    children.kill_orphan(scanner);
    BOOST_TEST(!processes.lives(scanner));
    turn();
    BOOST_TEST((loaders.orphans == std::vector<pid_t>{scanner}));
    BOOST_TEST((sessions.orphans == std::vector<pid_t>{scanner}));
}

BOOST_AUTO_TEST_CASE(one_that_cannot_be_forked_leaves_nothing) {
    processes.refuse = true;
    SessionChild& child = sessions.all.emplace_back();
    BOOST_TEST(!children.start(child, Role::session, {}).ok());
    BOOST_TEST(!children.any());
    BOOST_TEST(child.id == 0U);
}

// Whatever happens in whatever order: each child ends once, after all that was heard of it, and by the table.
BOOST_FIXTURE_TEST_CASE(any_order_of_events_ends_each_child_once, Nothing) {
    const bool holds = rc::check([] {
        Fixture one;
        std::vector<std::uint64_t> ids;
        const auto steps = *rc::gen::container<std::vector<std::pair<int, std::size_t>>>(
            rc::gen::pair(rc::gen::inRange(0, 9), rc::gen::inRange<std::size_t>(0, 5)));
        for (const auto& [step, which] : steps) {
            if (step == 0 || ids.empty()) {
                ids.push_back(one.start_session(which % 2 == 0).id);
                continue;
            }
            auto* child = static_cast<SessionChild*>(one.sessions.find(ids[which % ids.size()]));
            const pid_t pid = child == nullptr ? 0 : child->pid;
            if (pid == 0) continue;
            const bool lives = one.processes.lives(pid);
            if (step == 1) one.processes.say<messages::FromSession>(pid, messages::QueueTaken{1});
            if (step == 2 && lives) one.processes.say_bytes(pid, "garbage");
            if (step == 3 && lives) one.processes.close_channel(pid);
            if (step == 4) one.processes.end(pid, 0);
            if (step == 5) one.children.kill(*child, "the test says so");
            if (step == 6) static_cast<void>(one.children.apply(*child, ChildChange::drain));
            if (step == 7) one.children.send(*child, messages::LetGo{1});
            if (step == 8) one.turn();
        }
        for (const pid_t pid : one.processes.living()) one.processes.end(pid, 0);
        one.turn();
        RC_ASSERT(!one.children.any());
        RC_ASSERT(one.sessions.all.empty());
        RC_ASSERT(one.reaped == ids.size());
        for (const std::uint64_t id : ids) {
            const std::string end = "exit " + std::to_string(id);
            const auto& heard = one.sessions.heard;
            RC_ASSERT(std::count(heard.begin(), heard.end(), end) == 1);
            RC_ASSERT(std::find(std::find(heard.begin(), heard.end(), end), heard.end(),
                                "QueueTaken " + std::to_string(id)) == heard.end());
        }
    });
    BOOST_TEST(holds);
}

BOOST_AUTO_TEST_SUITE_END()
