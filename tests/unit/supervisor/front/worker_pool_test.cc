// The session workers with processes that are not real and a clock of the test's own: how many there are, which gets a
// connection, and what becomes of sessions when a worker ends.
#include "supervisor/front/worker_pool.h"

#include <rapidcheck.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

#include "config/parse.h"
#include "tests/unit/supervisor/children/fake_processes.h"
#include "tests/unit/supervisor/turning_loop.h"
#include "workers/common/base/overloaded.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;

namespace {

constexpr UnixPeer kPeer{77, 101, 102};
constexpr std::int64_t kSecond = 1'000'000'000;

Settings pool_settings() {
    Settings settings;
    settings.config = config::defaults();
    settings.config.workers.session_min = 2;
    settings.config.workers.session_max = 4;
    settings.config.workers.sessions_per_worker = 2;
    settings.toml = "the configuration";
    return settings;
}

struct Pool : OwnerOf<messages::FromSession> {
    Pool() { children.own(messages::Role::session, *this); }

    Child* find(std::uint64_t id) override {
        SessionWorker* worker = state.find_session_worker(id);
        return worker == nullptr ? nullptr : &worker->child;
    }
    void on_said(Child& child, messages::FromSession&& message) override {
        SessionWorker& worker = *state.find_session_worker(child.id);
        std::visit(Overloaded{[&](const messages::SessionWorkerReady&) { workers.on_ready(worker); },
                              [&](const messages::SessionWorkerFailed& one) { workers.on_failed(worker, one); },
                              [&](const messages::SessionWorkerUnfit& one) { workers.on_unfit(worker, one); },
                              [&](const messages::SessionEnded& one) { workers.on_session_ended(worker, one); },
                              [](const auto&) {}},
                   message);
    }
    void on_exit(Child& child, pid_t pid, int wait_status) override {
        workers.on_exit(*state.find_session_worker(child.id), pid, wait_status);
    }
    void sweep() override { workers.sweep(); }

    void turn() {
        for (int again = 0; again < 3; ++again) { // one that is killed meanwhile sends no SIGCHLD
            children.look_for_dead();
            loop.settle();
        }
    }
    // All that were started and are not ready say that they are.
    void make_ready() {
        for (SessionWorker& worker : state.session_workers) {
            if (worker.child.state != ChildState::starting) continue;
            processes.greet(worker.child.pid);
            processes.say<messages::FromSession>(worker.child.pid, messages::SessionWorkerReady{});
        }
        turn();
    }
    void begin() {
        workers.adjust();
        make_ready();
    }
    // The connection's other end; not set where it was refused.
    unique_fd connect() {
        auto ends = seqpacket_pair(Blocking::no, Blocking::no);
        BOOST_REQUIRE(ends.ok());
        if (!workers.hand_over(std::move(ends->first), Peer(kPeer, "submission"))) return {};
        return std::move(ends->second);
    }
    void end_session(std::uint64_t session) {
        const auto found = state.sessions.all().find(session);
        BOOST_REQUIRE(found != state.sessions.all().end());
        const SessionWorker* worker = state.find_session_worker(found->second.worker);
        BOOST_REQUIRE(worker != nullptr);
        processes.say<messages::FromSession>(worker->child.pid, messages::SessionEnded{session});
        turn();
    }
    void die(const SessionWorker& worker, int status) {
        processes.end(worker.child.pid, status);
        turn();
    }
    [[nodiscard]] std::size_t in_state(ChildState wanted) const {
        return static_cast<std::size_t>(
            std::count_if(state.session_workers.begin(), state.session_workers.end(),
                          [wanted](const SessionWorker& worker) { return worker.child.state == wanted; }));
    }
    [[nodiscard]] SessionWorker& worker(std::size_t index) {
        return *std::next(state.session_workers.begin(), static_cast<std::ptrdiff_t>(index));
    }

    TurningLoop loop;
    FakeProcesses processes;
    std::int64_t now = 100 * kSecond;
    State state;
    Settings settings = pool_settings();
    unsigned gone = 0;
    std::string unable;
    std::vector<std::pair<std::string, bool>> turned_away;
    Children children{
        loop.get(), state.next_child, processes, {[](pid_t, int) { return false; }, [] {}}, [this] { return now; }};
    SessionWorkers workers{
        loop.get(),
        state,
        children,
        settings,
        {[](SessionWorker&) {}, [this] { ++gone; }, [this](int, const std::string& error) { unable = error; }, [] {},
         [this](const Peer& peer, bool hung_up) { turned_away.emplace_back(peer.text, hung_up); }},
        [this] { return now; }};
};

// libev takes a signal in one loop at a time.
struct Nothing {};

} // namespace

BOOST_FIXTURE_TEST_SUITE(worker_pool_test, Pool)

BOOST_AUTO_TEST_CASE(as_many_workers_as_configured_are_started_and_each_gets_its_configuration) {
    workers.adjust();
    BOOST_TEST(processes.started.size() == 2U);
    for (const pid_t pid : processes.started) {
        const auto configure = processes.hear<messages::ConfigureSession, messages::ToSession>(pid);
        BOOST_TEST_REQUIRE(configure.has_value());
        BOOST_TEST(configure->config == "the configuration");
        BOOST_TEST(static_cast<bool>(configure->board));
    }
    BOOST_TEST(worker(0).memory_slot != worker(1).memory_slot);
    BOOST_TEST(!workers.ever_ready());
    make_ready();
    BOOST_TEST(workers.ever_ready());
    BOOST_TEST(in_state(ChildState::ready) == 2U);
}

BOOST_AUTO_TEST_CASE(a_connection_goes_to_the_ready_worker_with_the_fewest) {
    begin();
    for (int i = 0; i < 2; ++i) BOOST_TEST(static_cast<bool>(connect()));
    for (std::size_t i = 0; i < 2; ++i) {
        const auto handed = processes.hear<messages::HandOver, messages::ToSession>(worker(i).child.pid);
        BOOST_TEST_REQUIRE(handed.has_value());
        BOOST_TEST(to_text(handed->peer) == to_text(kPeer));
        BOOST_TEST(handed->listener == "submission");
        BOOST_TEST(worker(i).slots.used() == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_connection_that_comes_before_any_worker_is_ready_waits_for_one) {
    workers.adjust();
    const unique_fd waiting = connect();
    BOOST_TEST(static_cast<bool>(waiting));
    BOOST_TEST(worker(0).slots.used() == 0U);
    make_ready();
    BOOST_TEST(worker(0).slots.used() + worker(1).slots.used() == 1U);
    BOOST_TEST(turned_away.empty());
}

BOOST_AUTO_TEST_CASE(one_that_waits_too_long_or_hangs_up_is_turned_away) {
    workers.adjust();
    unique_fd first = connect();
    const unique_fd second = connect();
    first.reset();
    loop.until("the first is turned away", [&] { return turned_away.size() == 1; });
    BOOST_TEST(turned_away[0].second); // it hung up
    now += std::chrono::nanoseconds(settings.config.timeouts.negotiate).count();
    loop.until("the second is turned away", [&] { return turned_away.size() == 2; });
    BOOST_TEST(!turned_away[1].second);
    BOOST_TEST(state.sessions.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_loses_its_own_sessions_only_and_is_replaced) {
    begin();
    const unique_fd one = connect();
    const unique_fd two = connect();
    const std::uint64_t kept = worker(1).child.id;
    die(worker(0), SIGSEGV);
    BOOST_TEST(state.sessions.size() == 1U);
    BOOST_TEST(state.sessions.all().begin()->second.worker == kept);
    BOOST_TEST(gone == 1U);
    BOOST_TEST(state.counters.get("crashes", messages::Role::session) == 1U);
    // A failure without service before it costs a delay.
    BOOST_TEST(in_state(ChildState::starting) == 0U);
    now += kSecond;
    workers.adjust();
    BOOST_TEST(in_state(ChildState::starting) == 1U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_has_served_is_replaced_at_once) {
    begin();
    const unique_fd one = connect();
    end_session(1);
    die(worker(0), SIGSEGV);
    BOOST_TEST(in_state(ChildState::starting) == 1U);
}

BOOST_AUTO_TEST_CASE(workers_that_fail_before_any_was_ready_make_the_service_unable) {
    workers.adjust();
    processes.greet(worker(0).child.pid);
    processes.say<messages::FromSession>(worker(0).child.pid, messages::SessionWorkerFailed{78, "bad configuration"});
    turn();
    BOOST_TEST(unable == "bad configuration");
}

BOOST_AUTO_TEST_CASE(a_worker_that_cannot_be_forked_leaves_no_record) {
    begin();
    processes.refuse = true;
    die(worker(0), SIGKILL);
    now += 60 * kSecond;
    workers.adjust();
    BOOST_TEST(state.session_workers.size() == 1U);
    processes.refuse = false;
    now += 60 * kSecond;
    workers.adjust();
    BOOST_TEST(state.session_workers.size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_unfit_worker_drains_and_another_takes_its_place) {
    begin();
    const unique_fd one = connect();
    SessionWorker& unfit = worker(0);
    processes.say<messages::FromSession>(unfit.child.pid, messages::SessionWorkerUnfit{"no thread"});
    turn();
    now += kSecond;
    workers.adjust();
    BOOST_TEST((unfit.child.state == ChildState::draining));
    BOOST_TEST((processes.hear<messages::DrainSessions, messages::ToSession>(unfit.child.pid).has_value()));
    BOOST_TEST(state.session_workers.size() == 3U);
    // It says so once.
    processes.say<messages::FromSession>(unfit.child.pid, messages::SessionWorkerUnfit{"no thread"});
    turn();
    BOOST_TEST(processes.killed.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_session_that_a_worker_does_not_have_is_not_its_to_end) {
    begin();
    const unique_fd one = connect();
    const auto owner = state.sessions.all().begin()->second.worker;
    SessionWorker& other = worker(0).child.id == owner ? worker(1) : worker(0);
    processes.say<messages::FromSession>(other.child.pid, messages::SessionEnded{1});
    turn();
    BOOST_TEST(processes.killed.size() == 1U);
    BOOST_TEST(state.sessions.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_new_configuration_drains_all_and_new_ones_take_over) {
    begin();
    const unique_fd one = connect();
    ++state.config_serial;
    workers.replace_all();
    BOOST_TEST(in_state(ChildState::draining) == 2U);
    BOOST_TEST(in_state(ChildState::starting) == 2U);
    make_ready();
    const unique_fd two = connect();
    BOOST_TEST(static_cast<bool>(two));
    BOOST_TEST(state.sessions.all().at(2).worker > 2U); // a new one's
    for (std::size_t i = 2; i-- > 0;) die(worker(i), 0);
    BOOST_TEST(state.session_workers.size() == 2U);
    // The first had a session, and so has crashed, however it ended.
    BOOST_TEST(state.counters.get("crashes", messages::Role::session) == 1U);
}

BOOST_AUTO_TEST_CASE(after_a_stop_nothing_is_started_and_nothing_taken) {
    begin();
    workers.stop(true, now + kSecond);
    BOOST_TEST(in_state(ChildState::draining) == 2U);
    BOOST_TEST(!connect());
    while (!state.session_workers.empty()) die(worker(0), 0);
    BOOST_TEST(processes.started.size() == 2U);
    BOOST_TEST(gone == 2U);
}

// Whatever happens in whatever order: the books agree.
BOOST_FIXTURE_TEST_CASE(after_any_order_of_events_each_session_has_one_worker_with_a_slot_for_it, Nothing) {
    const bool holds = rc::check([] {
        Pool one;
        one.begin();
        std::vector<unique_fd> connections;
        const auto steps = *rc::gen::container<std::vector<std::pair<int, std::size_t>>>(
            rc::gen::pair(rc::gen::inRange(0, 9), rc::gen::inRange<std::size_t>(0, 6)));
        for (const auto& [step, which] : steps) {
            const std::size_t count = one.state.session_workers.size();
            SessionWorker* worker = count == 0 ? nullptr : &one.worker(which % count);
            if (step <= 1) connections.push_back(one.connect());
            if (step == 2) one.make_ready();
            if (step == 3 && !one.state.sessions.all().empty()) {
                const auto& session = one.state.sessions.all().begin()->second;
                if (session.worker != 0) one.end_session(session.id);
            }
            if (step == 4 && worker != nullptr) one.die(*worker, which % 2 == 0 ? 0 : SIGSEGV);
            if (step == 5) one.now += static_cast<std::int64_t>(which) * kSecond, one.workers.adjust();
            if (step == 6) ++one.state.config_serial, one.workers.replace_all();
            if (step == 7 && worker != nullptr)
                one.processes.say<messages::FromSession>(worker->child.pid, messages::SessionWorkerUnfit{"so"});
            if (step == 8) one.turn();

            std::size_t assigned = 0;
            for (const auto& [id, session] : one.state.sessions.all()) {
                if (session.worker == 0) continue;
                ++assigned;
                RC_ASSERT(one.state.find_session_worker(session.worker) != nullptr);
            }
            std::size_t used = 0;
            std::set<std::uint32_t> slots;
            for (const SessionWorker& living : one.state.session_workers) {
                used += living.slots.used();
                RC_ASSERT(slots.insert(living.memory_slot).second);
                RC_ASSERT(living.child.state != ChildState::dead);
            }
            RC_ASSERT(used == assigned);
            const std::size_t most = one.settings.config.workers.session_max + one.settings.config.workers.session_min;
            RC_ASSERT(one.in_state(ChildState::starting) + one.in_state(ChildState::ready) <= most);
        }
        one.workers.stop(true, one.now);
        while (!one.state.session_workers.empty()) one.die(one.worker(0), 0);
        RC_ASSERT(one.state.sessions.size() == 0U);
        RC_ASSERT(!one.children.any());
    });
    BOOST_TEST(holds);
}

BOOST_AUTO_TEST_SUITE_END()
