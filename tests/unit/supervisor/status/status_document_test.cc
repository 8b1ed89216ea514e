// The documents of the status socket.
#include "supervisor/status/status_document.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "supervisor/status/list_documents.h"
#include "tests/unit/supervisor/state_of_test.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using namespace evermilter::supervisor::test;
using Json = nlohmann::json;

namespace {

struct DocumentTest {
    DocumentTest() { fill(state); }
    [[nodiscard]] Json status() const { return Json::parse(to_line(status_document(view_of(state, around())))); }
    [[nodiscard]] Json sessions() const { return Json::parse(to_line(sessions_document(view_of(state, around())))); }
    State state;
};

} // namespace

BOOST_AUTO_TEST_SUITE(status_document_test)

BOOST_AUTO_TEST_CASE(the_service_is_described) {
    const Json status = DocumentTest().status();
    BOOST_TEST(status.at("version") == EVERMILTER_VERSION);
    BOOST_TEST(status.at("pid") == 77);
    BOOST_TEST(status.at("uptime_seconds") == 60);
    BOOST_TEST(status.at("state") == "reloading");
    BOOST_TEST(status.at("current_generation") == 4);
    BOOST_TEST(status.at("listeners") == Json::array({"unix:/run/evermilter/milter.sock"}));
    BOOST_TEST(status.at("last_reload") ==
               Json({{"ok", true}, {"error", ""}, {"seconds", 2.5}, {"at", 1'700'000'000}}));
}

BOOST_AUTO_TEST_CASE(a_generation_shows_its_engine_its_processes_and_its_sessions) {
    const Json status = DocumentTest().status();
    const Json& active = status.at("generations").at(0);
    BOOST_TEST(active.at("id") == 4);
    BOOST_TEST(active.at("state") == "active");
    BOOST_TEST(active.at("signatures") == 8'012'345);
    BOOST_TEST(active.at("database_version") == "27800/Fri Nov 20 09:36:00 2026");
    BOOST_TEST(active.at("loaded_at") == 1'700'000'000);
    BOOST_TEST(active.at("sessions") == 2);
    BOOST_TEST(active.at("loader") == 200);
    BOOST_TEST(active.at("scans_running") == 1);
    BOOST_TEST(active.at("scanners") ==
               Json::array({{{"pid", 201}, {"scans_running", 1}}, {{"pid", 202}, {"scans_running", 0}}}));
    const Json& loading = status.at("generations").at(1);
    BOOST_TEST(loading.at("state") == "loading");
    BOOST_TEST(loading.at("step") == "compile");
    BOOST_TEST(loading.at("sessions") == 0);
    BOOST_TEST(loading.at("scanners") == Json::array());
}

BOOST_AUTO_TEST_CASE(sessions_are_counted_by_stage_the_gate_included) {
    const Json sessions = DocumentTest().status().at("sessions");
    BOOST_TEST(sessions.at("open") == 3);
    BOOST_TEST(sessions.at("by_stage") == Json({{"negotiate", 1},
                                                {"connect", 0},
                                                {"helo", 0},
                                                {"mail", 1},
                                                {"rcpt", 0},
                                                {"data", 0},
                                                {"header", 0},
                                                {"body", 0},
                                                {"eom", 1}}));
    BOOST_TEST(sessions.at("accepted_total") == 2);
    BOOST_TEST(sessions.at("refused_total").at("smtp") == 3);
    BOOST_TEST(sessions.at("refused_total").at("max_sessions") == 0);
    BOOST_TEST(sessions.at("timed_out_total").at("rcpt") == 2);
    BOOST_TEST(sessions.at("timed_out_total").size() == kStages + 2);
}

BOOST_AUTO_TEST_CASE(messages_of_ended_and_of_living_workers_are_summed) {
    const Json status = DocumentTest().status();
    BOOST_TEST(status.at("messages").at("clean") == 15);
    BOOST_TEST(status.at("messages").at("infected") == 1);
    BOOST_TEST(status.at("messages").at("skipped_by") ==
               Json({{"poison", 0}, {"network", 0}, {"user", 0}, {"sender", 0}, {"recipient", 0}}));
    BOOST_TEST(status.at("messages").at("probe") == 0);
    BOOST_TEST(status.at("messages").at("forged") == 0);
    BOOST_TEST(status.at("messages").at("incomplete") == 7);
    BOOST_TEST(
        status.at("messages").at("incomplete_by") ==
        Json({{"partial", 0}, {"encrypted", 2}, {"limit", 5}, {"unsupported", 0}, {"malformed", 0}, {"ambiguous", 0}}));
    BOOST_TEST(status.at("viruses") == Json({{"Eicar-Test-Signature", 1}}));
    BOOST_TEST(status.at("crashes") == Json({{"session", 0}, {"loader", 0}, {"standby", 0}, {"scanner", 1}}));
}

BOOST_AUTO_TEST_CASE(every_process_is_listed_with_its_role) {
    const Json status = DocumentTest().status();
    std::vector<std::pair<int, std::string>> listed;
    for (const Json& worker : status.at("workers")) {
        listed.emplace_back(worker.at("pid").get<int>(), worker.at("role").get<std::string>());
        BOOST_TEST(worker.at("state").is_string());
        BOOST_TEST(worker.at("sessions").is_number());
    }
    const std::vector<std::pair<int, std::string>> expected = {
        {101, "session"}, {200, "loader"}, {201, "scanner"}, {202, "scanner"}, {300, "loader"}};
    BOOST_TEST((listed == expected));
    BOOST_TEST(status.at("workers").at(0).at("sessions") == 2);
}

BOOST_AUTO_TEST_CASE(before_the_first_load_has_ended_last_reload_is_an_object_that_is_not_ok) {
    const State fresh;
    const Json last = Json::parse(to_line(status_document(view_of(fresh, {})))).at("last_reload");
    BOOST_TEST(last.at("ok") == false);
    BOOST_TEST(!last.at("error").get<std::string>().empty());
    BOOST_TEST(last.at("at") == 0);
}

BOOST_AUTO_TEST_CASE(every_reason_of_incomplete_messages_is_there_from_the_start) {
    const State fresh;
    const Json messages = Json::parse(to_line(status_document(view_of(fresh, {})))).at("messages");
    BOOST_TEST(messages.at("incomplete") == 0);
    BOOST_TEST(messages.at("incomplete_by").size() == kUnseen);
    for (const char* reason : kUnseenNames) BOOST_TEST(messages.at("incomplete_by").at(reason) == 0);
}

BOOST_AUTO_TEST_CASE(sessions_are_listed_with_what_they_wait_for) {
    const Json sessions = DocumentTest().sessions().at("sessions");
    BOOST_REQUIRE(sessions.size() == 3U);
    BOOST_TEST(sessions.at(0) == Json({{"id", 11},
                                       {"peer", "192.0.2.1:4711"},
                                       {"stage", "mail"},
                                       {"seconds_in_stage", 3.0},
                                       {"generation", 4},
                                       {"worker", 101},
                                       {"queue_id", ""},
                                       {"proxy", ""}}));
    BOOST_TEST(sessions.at(1).at("queue_id") == "4QueueId");
    BOOST_TEST(sessions.at(1).at("stage") == "eom");
    BOOST_TEST(sessions.at(2).at("stage") == "negotiate");
    BOOST_TEST(sessions.at(2).at("seconds_in_stage") == 2.0);
}

BOOST_AUTO_TEST_CASE(a_slot_that_is_not_yet_the_sessions_own_is_not_believed) {
    DocumentTest test;
    SessionSlot& slot = test.state.session_workers.front().board->slot(0);
    slot.session.store(999); // of a session before
    BOOST_TEST(test.sessions().at("sessions").at(0).at("stage") == "connect");
    BOOST_TEST(test.sessions().at("sessions").at(0).at("generation") == 0);
    slot.session.store(11);
    slot.stage.store(1'000'000); // garbage
    BOOST_TEST(test.sessions().at("sessions").at(0).at("stage") == "negotiate");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_does_not_break_the_document) {
    DocumentTest test;
    test.state.session_workers.front().board->slot(1).set_queue_id("\xff\xfe\n\"");
    test.state.counters.viruses["\xc3\x28"] = 1;
    BOOST_TEST(to_line(status_document(view_of(test.state, around()))).find('\n') == std::string::npos);
    BOOST_TEST(test.sessions().at("sessions").size() == 3U);
    BOOST_TEST(test.status().at("viruses").size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
