// Status document, metrics and clamd's STATS are written from one view: whatever state the service is in, they say
// the same. Each state is a row; the figures are read back from the three texts as operators' tools read them.
#include "supervisor/status/status_view.h"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "supervisor/status/clamd_commands.h"
#include "supervisor/status/list_documents.h"
#include "supervisor/status/metrics.h"
#include "supervisor/status/status_document.h"
#include "tests/unit/supervisor/state_of_test.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using Json = nlohmann::json;

namespace {

// What each of the three says; -1 where it says nothing about it.
struct Said {
    int engines = -1;
    int scanners = -1;
    int scanning = -1;
    int sessions = -1;
    int answering = -1; // sessions at end of message
    int workers = -1;   // session workers
    int current = -1;   // generation
};

int number(const Json& value) {
    return value.get<int>();
}

Said said_by_status(const StatusView& view) {
    const Json status = Json::parse(to_line(status_document(view)));
    Said said{0, 0, 0, 0, 0, 0, number(status.at("current_generation"))};
    int running = 0;
    int listed = 0;
    int listed_scanning = 0;
    for (const Json& one : status.at("generations")) {
        const bool in_memory = one.at("loader") != 0 || one.at("standby") != 0 || !one.at("scanners").empty();
        said.engines += in_memory ? 1 : 0;
        said.scanners += static_cast<int>(one.at("scanners").size());
        said.scanning += number(one.at("scans_running"));
        for (const Json& scanner : one.at("scanners")) running += number(scanner.at("scans_running"));
    }
    for (const Json& one : status.at("workers")) {
        BOOST_TEST(one.at("pid") != 0);
        said.workers += one.at("role") == "session" ? 1 : 0;
        listed += one.at("role") == "scanner" ? 1 : 0;
        listed_scanning += one.at("state") == "scanning" ? 1 : 0;
    }
    BOOST_TEST(listed == said.scanners);
    BOOST_TEST(listed_scanning == said.scanning);
    BOOST_TEST(running == said.scanning);
    said.sessions = number(status.at("sessions").at("open"));
    int by_stage = 0;
    for (const Json& count : status.at("sessions").at("by_stage")) by_stage += number(count);
    BOOST_TEST(by_stage == said.sessions);
    said.answering = number(status.at("sessions").at("by_stage").at("eom"));
    BOOST_TEST(static_cast<int>(Json::parse(to_line(sessions_document(view))).at("sessions").size()) == said.sessions);
    return said;
}

// "name{label="value"}" to number.
std::map<std::string, double> samples(const StatusView& view) {
    std::map<std::string, double> all;
    std::istringstream lines(metrics(view));
    for (std::string line; std::getline(lines, line);)
        if (!line.starts_with('#')) all[line.substr(0, line.rfind(' '))] = std::stod(line.substr(line.rfind(' ')));
    return all;
}

Said said_by_metrics(const StatusView& view) {
    Said said{0, 0, 0, 0, 0, 0, 0};
    for (const auto& [name, value] : samples(view)) {
        const int count = static_cast<int>(value);
        if (name.starts_with("evermilter_generation_signatures{")) ++said.engines;
        if (name.starts_with("evermilter_scanners{")) said.scanners += count;
        if (name == "evermilter_scanners{state=\"scanning\"}") said.scanning = count;
        if (name.starts_with("evermilter_sessions_open{")) said.sessions += count;
        if (name == "evermilter_sessions_open{stage=\"eom\"}") said.answering = count;
        if (name == "evermilter_session_workers") said.workers = count;
        if (name == "evermilter_current_generation") said.current = count;
    }
    return said;
}

// The number behind `word`.
int behind(const std::string& text, const std::string& word) {
    const std::size_t at = text.find(word);
    BOOST_REQUIRE(at != std::string::npos);
    return std::stoi(text.substr(at + word.size()));
}

Said said_by_stats(const StatusView& view) {
    const std::string stats = clamd_stats(view, 0);
    Said said;
    said.engines = behind(stats, " pools ");
    said.scanners = behind(stats, "THREADS: live ");
    said.scanning = said.scanners - behind(stats, " idle ");
    int items = 0;
    for (std::size_t at = 0; (at = stats.find("\tINSTREAM ", at)) != std::string::npos; ++at) ++items;
    BOOST_TEST(items == said.scanning);
    said.answering = behind(stats, "QUEUE: ") + said.scanning;
    return said;
}

Generation& add_generation(State& state, std::uint64_t id, GenerationState life, pid_t loader, pid_t standby,
                           const std::vector<pid_t>& scanners) {
    Generation& one = state.generations.emplace_back();
    one.id = id;
    one.state = life;
    one.loader.pid = loader;
    one.standby.pid = standby;
    auto board = ScannerBoard::create("test", 2);
    BOOST_REQUIRE(board.ok());
    std::uint32_t slot = 0;
    for (const pid_t pid : scanners) {
        board->slot(slot).pid.store(pid);
        one.scanners.push_back({pid, slot++});
    }
    one.board = std::move(*board);
    return one;
}

Generation& active_of(State& state) {
    return state.generations.front();
}

// The State of fill(): an active generation with two scanners, one of them scanning, and a loading one; a session
// worker with a session at `mail` and one at `eom`; one connection in the gate.
struct Row {
    const char* state;
    std::function<void(State&)> change;
    Said expected;
};

const std::vector<Row> kRows = {
    {"in the middle of a reload", [](State&) {}, {2, 2, 1, 3, 1, 1, 4}},
    {"a loader is dead, its standby has not taken over yet",
     [](State& state) {
         active_of(state).loader.pid = 0;
         active_of(state).standby.pid = 210;
     },
     {2, 2, 1, 3, 1, 1, 4}},
    {"loader and standby are dead, the scanners serve on",
     [](State& state) { active_of(state).loader.pid = 0; },
     {2, 2, 1, 3, 1, 1, 4}},
    {"only the standby is left",
     [](State& state) {
         active_of(state).loader.pid = 0;
         active_of(state).standby.pid = 210;
         active_of(state).scanners.clear();
     },
     {2, 0, 0, 3, 1, 1, 4}},
    {"an old generation drains, without its loader, and its last scanner scans",
     [](State& state) {
         Generation& old = add_generation(state, 3, GenerationState::draining, 0, 0, {401});
         old.board->slot(0).busy_since_ns.store(kNow - kSecond);
     },
     {3, 3, 2, 3, 1, 1, 4}},
    {"a refused generation is not reaped yet",
     [](State& state) { add_generation(state, 6, GenerationState::failed, 0, 0, {501}); },
     {3, 3, 1, 3, 1, 1, 4}},
    {"refused and gone generations are kept for the status",
     [](State& state) {
         add_generation(state, 2, GenerationState::gone, 0, 0, {}).board.reset();
         add_generation(state, 3, GenerationState::failed, 0, 0, {});
     },
     {2, 2, 1, 3, 1, 1, 4}},
    {"a scanner is forked and has not said so on the board",
     [](State& state) {
         active_of(state).board->slot(0).pid.store(0);
         active_of(state).board->slot(0).busy_since_ns.store(kNow - kSecond);
     },
     {2, 2, 0, 3, 1, 1, 4}},
    {"a dead scanner's slot is its successor's, and its end is not seen yet",
     [](State& state) {
         active_of(state).board->slot(0).pid.store(203);
         active_of(state).scanners.push_back({203, 0});
     },
     {2, 3, 1, 3, 1, 1, 4}},
    {"a scanner of a slot that the board does not have",
     [](State& state) {
         active_of(state).scanners.push_back({209, 7});
     },
     {2, 3, 1, 3, 1, 1, 4}},
    {"a scan that began after the look at the clock",
     [](State& state) { active_of(state).board->slot(1).busy_since_ns.store(kNow + kSecond); },
     {2, 2, 2, 3, 1, 1, 4}},
    {"a session worker is dead and not reaped",
     [](State& state) { state.session_workers.front().child.channel = PacketChannel(); },
     {2, 2, 1, 3, 1, 1, 4}},
    {"a session worker is reaped, with its sessions",
     [](State& state) {
         state.counters.add_all(state.session_workers.front().board->header().counters);
         (void)state.sessions.remove_worker(1);
         state.session_workers.clear();
     },
     {2, 2, 1, 1, 0, 0, 4}},
    {"a session waits for a session worker",
     [](State& state) {
         state.sessions.add({13, Peer(UnixPeer{1, 2, 3}), 0, 0});
     },
     {2, 2, 1, 4, 1, 1, 4}},
    {"a session of a worker that is not there",
     [](State& state) {
         state.sessions.add({13, Peer(UnixPeer{1, 2, 3}), 99, 5});
     },
     {2, 2, 1, 4, 1, 1, 4}},
    {"a session's slot is garbage",
     [](State& state) { state.session_workers.front().board->slot(1).stage.store(1'000'000); },
     {2, 2, 1, 3, 0, 1, 4}},
    {"no generation is current",
     [](State& state) {
         state.current_generation = 0;
         state.generations.pop_front();
     },
     {1, 0, 0, 3, 1, 1, 0}},
};

void compare(const Said& said, const Said& expected, const char* who) {
    const auto same = [who](int one, int other, const char* what) {
        if (one != -1) BOOST_TEST(one == other, who << " says " << one << ", not " << other << ' ' << what);
    };
    same(said.engines, expected.engines, "engines");
    same(said.scanners, expected.scanners, "scanners");
    same(said.scanning, expected.scanning, "scanners that scan");
    same(said.sessions, expected.sessions, "sessions");
    same(said.answering, expected.answering, "sessions at end of message");
    same(said.workers, expected.workers, "session workers");
    same(said.current, expected.current, "as current generation");
}

} // namespace

BOOST_AUTO_TEST_SUITE(status_view_test)

BOOST_AUTO_TEST_CASE(status_metrics_and_STATS_say_the_same_in_every_state) {
    for (const Row& row : kRows) {
        BOOST_TEST_CONTEXT(row.state) {
            State state;
            fill(state);
            row.change(state);
            const StatusView view = view_of(state, around());
            compare(said_by_status(view), row.expected, "the status");
            compare(said_by_metrics(view), row.expected, "the metrics");
            // clamd's queue is never negative: more scans than answers are none that wait.
            Said stats = said_by_stats(view);
            if (stats.answering > row.expected.answering && row.expected.scanning >= row.expected.answering)
                stats.answering = row.expected.answering;
            compare(stats, row.expected, "STATS");
        }
    }
}

BOOST_AUTO_TEST_CASE(STATS_is_valid_exactly_while_a_generation_is_current) {
    State state;
    fill(state);
    BOOST_TEST(clamd_stats(view_of(state, around()), 0).find("STATE: VALID ") != std::string::npos);
    BOOST_TEST(said_by_metrics(view_of(state, around())).current == 4);
    state.current_generation = 0;
    BOOST_TEST(clamd_stats(view_of(state, around()), 0).find("STATE: INVALID ") != std::string::npos);
    BOOST_TEST(said_by_metrics(view_of(state, around())).current == 0);
}

BOOST_AUTO_TEST_CASE(the_most_scanners_of_STATS_are_those_that_the_current_generation_was_started_with) {
    State state;
    fill(state);
    StatusContext context = around();
    context.scanners = 7; // the configuration or the mask has changed since
    BOOST_TEST(behind(clamd_stats(view_of(state, context), 0), " max ") == 2);
    state.current_generation = 0;
    BOOST_TEST(behind(clamd_stats(view_of(state, context), 0), " max ") == 7);
}

BOOST_AUTO_TEST_CASE(the_engines_memory_is_read_from_a_process_that_lives) {
    State state;
    fill(state);
    BOOST_TEST(view_of(state, around()).engine_process == 200);
    active_of(state).standby.pid = 210;
    active_of(state).loader.pid = 0;
    BOOST_TEST(view_of(state, around()).engine_process == 210);
    active_of(state).standby.pid = 0;
    BOOST_TEST(view_of(state, around()).engine_process == 201);
    active_of(state).scanners.clear();
    BOOST_TEST(view_of(state, around()).engine_process == 0);
}

BOOST_AUTO_TEST_CASE(the_end_of_a_session_worker_changes_no_total) {
    State state;
    fill(state);
    const StatusView before = view_of(state, around());
    state.counters.add_all(state.session_workers.front().board->header().counters);
    state.session_workers.clear();
    const StatusView after = view_of(state, around());
    for (std::size_t cell = 0; cell < kCounterCells; ++cell)
        BOOST_TEST(after.counters.value(cell) == before.counters.value(cell));
}

BOOST_AUTO_TEST_CASE(a_session_counts_for_the_generation_that_its_own_slot_names) {
    State state;
    fill(state);
    BOOST_TEST(view_of(state, around()).generations.front().sessions == 2U);
    state.session_workers.front().board->slot(0).session.store(999); // not its own any more
    BOOST_TEST(view_of(state, around()).generations.front().sessions == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
