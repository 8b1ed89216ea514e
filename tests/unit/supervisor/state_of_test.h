// A State as it is in the middle of work: one worker with two sessions, an active and a loading generation.
#pragma once

#include <arpa/inet.h>

#include <boost/test/unit_test.hpp>
#include <functional>

#include "supervisor/status/status_view.h"

namespace evermilter::supervisor::test {

inline constexpr std::int64_t kSecond = 1'000'000'000;
inline constexpr std::int64_t kNow = 1000 * kSecond;

inline void count(unsigned times, const std::function<void()>& add) {
    for (unsigned i = 0; i < times; ++i) add();
}

inline void fill(State& state) {
    state.service = ServiceState::reloading;
    state.started_ns = kNow - 60 * kSecond;
    state.current_generation = 4;
    state.last_reload = {true, "", 2.5, 1'700'000'000};

    auto board = SessionBoard::create("test", 8);
    BOOST_REQUIRE(board.ok());
    SessionSlot& mail = board->slot(0);
    mail.session.store(11);
    mail.stage.store(static_cast<std::uint64_t>(Stage::mail));
    mail.since_ns.store(kNow - 3 * kSecond);
    mail.generation.store(4);
    SessionSlot& answer = board->slot(1);
    answer.session.store(12);
    answer.stage.store(static_cast<std::uint64_t>(Stage::eom));
    answer.since_ns.store(kNow - kSecond);
    answer.generation.store(4);
    answer.set_queue_id("4QueueId");
    auto& counted = board->header().counters;
    count(5, [&] { counted.add("messages", Disposition::clean); });
    count(2, [&] { counted.add("messages.incomplete_by", Unseen::encrypted); });
    count(1, [&] { counted.add("messages.incomplete_by", Unseen::limit); });
    count(2, [&] { counted.add("sessions.timed_out_total", Timeout::rcpt); });

    SessionWorker& worker = state.session_workers.emplace_back();
    worker.child.id = 1;
    worker.child.pid = 101;
    worker.child.state = ChildState::ready;
    worker.slots = Slots(8);
    (void)worker.slots.take();
    (void)worker.slots.take();
    worker.board = std::move(*board);
    state.sessions.add({11, Peer(Ipv4Peer{{htonl(0xC0000201)}, 4711}), 1, 0});
    state.sessions.add({12, Peer(UnixPeer{7, 8, 8}), 1, 1});

    auto scanners = ScannerBoard::create("test", 2);
    BOOST_REQUIRE(scanners.ok());
    scanners->slot(0).pid.store(201);
    scanners->slot(0).busy_since_ns.store(kNow - kSecond / 2);
    scanners->slot(1).pid.store(202);
    Generation& active = state.generations.emplace_back();
    active.id = 4;
    active.state = GenerationState::active;
    active.loader.pid = 200;
    active.loader.state = ChildState::ready;
    active.board = std::move(*scanners);
    active.scanners = {{201, 0}, {202, 1}};
    active.loaded = true;
    active.signatures = 8'012'345;
    active.database_version = "27800/Fri Nov 20 09:36:00 2026";
    active.engine_version = "1.4.6";
    active.loaded_at = 1'700'000'000;
    Generation& loading = state.generations.emplace_back();
    loading.id = 5;
    loading.loader.pid = 300;
    loading.step = "compile";

    count(5, [&] { state.counters.add("sessions.connections_total"); });
    count(3, [&] { state.counters.add("sessions.refused_total", Refused::smtp); });
    // Of a session worker that has ended.
    auto ended = SessionBoard::create("test", 1);
    BOOST_REQUIRE(ended.ok());
    auto& before = ended->header().counters;
    count(10, [&] { before.add("messages", Disposition::clean); });
    count(1, [&] { before.add("messages", Disposition::infected); });
    count(4, [&] { before.add("messages.incomplete_by", Unseen::limit); });
    state.counters.add_all(before);
    state.counters.viruses = {{"Eicar-Test-Signature", 1}};
    state.counters.add("crashes", messages::Role::scanner);
}

inline StatusContext around() {
    return {{"unix:/run/evermilter/milter.sock"}, {}, {{"192.0.2.9:1", "", kNow - 2 * kSecond}}, kNow, 77, 2};
}

} // namespace evermilter::supervisor::test
