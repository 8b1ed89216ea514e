// The status as people read it.
#include "supervisor/ctl/status_text.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

using namespace evermilter::ctl;
using Json = nlohmann::json;

namespace {

constexpr std::int64_t kNow = 1'700'000'000;

Json document() {
    return Json::parse(R"({
        "version": "0.1.0", "pid": 77, "uptime_seconds": 187320, "state": "reloading", "reason": "",
        "current_generation": 4, "hold": false,
        "generations": [
            {"id": 4, "state": "active", "step": "", "signatures": 8012345, "sessions": 2, "loader": 200,
             "database_version": "27800/Fri Nov 20 09:36:00 2026", "loaded_at": 1699999280, "scans_running": 1,
             "scanners": [{"pid": 201, "scans_running": 1}, {"pid": 202, "scans_running": 0}], "error": ""},
            {"id": 5, "state": "loading", "step": "compile", "signatures": 0, "sessions": 0, "loader": 300,
             "database_version": "", "loaded_at": 0, "scans_running": 0, "scanners": [], "error": ""}],
        "listeners": ["unix:/run/evermilter/milter.sock"],
        "last_reload": {"ok": true, "error": "", "seconds": 14.25, "at": 1699999280},
        "sessions": {"open": 3, "by_stage": {"negotiate": 1, "connect": 0, "mail": 1, "eom": 1},
                     "accepted_total": 40211, "refused_total": {"smtp": 3, "tls": 0}, "timed_out_total": {"rcpt": 0}},
        "messages": {"clean": 40000, "infected": 12, "error": 0, "incomplete": 1503,
                     "incomplete_by": {"partial": 0, "encrypted": 1500, "limit": 3}, "skipped_by": {}},
        "viruses": {"Eicar-Test-Signature": 10, "Other": 2},
        "workers": [{"pid": 101, "role": "session", "state": "ready", "sessions": 2},
                    {"pid": 200, "role": "loader", "state": "ready", "sessions": 0, "generation": 4}],
        "crashes": {"session": 0, "scanner": 1}})");
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_SUITE(status_text_)

BOOST_AUTO_TEST_CASE(the_first_line_says_what_state_it_is_in) {
    const std::string text = status_text(document(), kNow);
    BOOST_TEST(text.substr(0, text.find('\n')) == "evermilter 0.1.0 is reloading, pid 77, up 2 d 4 h");
}

BOOST_AUTO_TEST_CASE(trouble_stands_on_top) {
    Json status = document();
    status["state"] = "degraded";
    status["reason"] = "no scanner can be forked";
    status["hold"] = true;
    status["last_reload"] = {{"ok", false}, {"error", "main.cvd: broken"}, {"seconds", 0.5}, {"at", kNow - 180}};
    const std::string text = status_text(status, kNow);
    BOOST_TEST(text.find("DEGRADED") < text.find('\n'));
    BOOST_TEST(text.find("no scanner can be forked") < text.find("generation"));
    BOOST_TEST(has(text, "HELD"));
    BOOST_TEST(has(text, "FAILED after 0.50 s, 3 min ago"));
    BOOST_TEST(has(text, "main.cvd: broken"));
}

BOOST_AUTO_TEST_CASE(a_reload_that_waits_says_for_how_long) {
    Json status = document();
    status["reload_due"] = nullptr;
    BOOST_TEST(!has(status_text(status, kNow), "reload.splay"));
    status["reload_due"] = kNow + 600;
    BOOST_TEST(has(status_text(status, kNow), "in 10 min"));
    status["reload_due"] = kNow - 5; // the clock of whoever asks is ahead
    BOOST_TEST(has(status_text(status, kNow), "in 0"));
}

BOOST_AUTO_TEST_CASE(figures_are_grouped_and_zeros_left_out) {
    const std::string text = status_text(document(), kNow);
    BOOST_TEST(has(text, "8,012,345"));
    BOOST_TEST(has(text, "3 open, 40,211 accepted"));
    BOOST_TEST(has(text, "eom 1, mail 1, negotiate 1"));
    BOOST_TEST(has(text, "smtp 3\n"));
    BOOST_TEST(!has(text, "tls"));
    BOOST_TEST(has(text, "10 x Eicar-Test-Signature"));
    BOOST_TEST(has(text, "messages      clean 40,000, incomplete 1,503, infected 12\n"));
    BOOST_TEST(has(text, "  incomplete  encrypted 1,500, limit 3\n"));
    BOOST_TEST(!has(text, "partial"));
    BOOST_TEST(has(text, "loading: compile"));
    BOOST_TEST(has(text, "27800/Fri Nov 20"));
    BOOST_TEST(has(text, "12 min ago"));
}

BOOST_AUTO_TEST_CASE(no_line_ends_in_blanks_and_none_carries_control_bytes) {
    Json status = document();
    status["viruses"]["\x1b[2J"] = 3;
    const std::string text = status_text(status, kNow);
    BOOST_TEST(!has(text, " \n"));
    BOOST_TEST(!has(text, "\x1b"));
}

BOOST_AUTO_TEST_CASE(a_document_of_another_version_is_shown_without_what_it_lacks) {
    for (const char* other : {"{}", "[]", "null", "3", R"({"generations": 3, "sessions": [], "workers": {"a": 1}})",
                              R"({"generations": [1, null], "listeners": [1], "viruses": [], "workers": [[]]})"}) {
        BOOST_TEST(!status_text(Json::parse(other), kNow).empty());
        BOOST_TEST(!sessions_text(Json::parse(other)).empty());
        BOOST_TEST(!outcome_text(Json::parse(other)).empty());
        BOOST_TEST(!poison_text(Json::parse(other), kNow).empty());
        BOOST_TEST(!forgotten_text(Json::parse(other)).empty());
        BOOST_TEST(!progress_text(Json::parse(other), 1).empty());
    }
}

BOOST_AUTO_TEST_CASE(a_configuration_that_is_taken_over_is_shown_with_what_changed) {
    BOOST_TEST(config_outcome_text(Json::parse(
                   R"({"ok":true,"changed":true,"changes":[{"key":"a.b","before":"1","after":"2","needs":"x"},)"
                   R"({"key":"listener[i]","before":"","after":"{name = \"i\u001b\"}"}]})")) ==
               "the configuration is in use\n  a.b: 1 -> 2\n  listener[i]: (not set) -> {name = \"i\\x1b\"}\n");
    BOOST_TEST(config_outcome_text(Json::parse(R"({"ok":true,"changed":false})")) ==
               "the configuration has not changed\n");
    BOOST_TEST(config_outcome_text(Json::parse(R"({"ok":false,"error":"line 7: no"})")) == "refused: line 7: no\n");
}

BOOST_AUTO_TEST_CASE(a_configuration_is_shown_a_key_a_line) {
    BOOST_TEST(config_text(Json::parse(R"({"toml":"a.b = 1\nc.d = \"\u009b\"\n"})")) ==
               "a.b = 1\nc.d = \"\\xc2\\x9b\"\n");
    for (const char* other : {"{}", "[]", "null", R"({"toml":7})"}) BOOST_TEST(config_text(Json::parse(other)) == "");
}

BOOST_AUTO_TEST_CASE(the_outcome_of_a_reload_is_one_sentence) {
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":true,"generation":7,"changed":true,"seconds":14.2})")) ==
               "generation 7 is in use, after 14.2 s\n");
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":true,"generation":7,"changed":false,"seconds":0.1})")) ==
               "nothing has changed; generation 7 stays in use\n");
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":false,"error":"main.cvd: broken"})")) ==
               "refused: main.cvd: broken\n");
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":false,"error":"main.cvd: broken","generation":7})")) ==
               "refused: main.cvd: broken\n");
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":false,"error":"main.cvd: broken","generation":0})")) ==
               "refused: main.cvd: broken; no generation is in use now\n");
    BOOST_TEST(outcome_text(Json::parse(R"({"ok":true,"generation":0,"waited":false})")) ==
               "asked for; no generation is in use meanwhile\n");
    BOOST_TEST(progress_text(document(), 3.4) == "generation 5: compile, 3 s");
}

BOOST_AUTO_TEST_CASE(poison_messages_are_shown_with_enough_of_their_digests_to_name_them) {
    const Json poison{{{"digest", std::string(64, 'a')},
                       {"body", std::string(64, 'b')},
                       {"since", kNow - 720},
                       {"scans_lost", 2},
                       {"count", 1000},
                       {"last", kNow - 5}}};
    const std::string text = poison_text({{"poison", poison}}, kNow);
    BOOST_TEST(has(text, "  aaaaaaaaaaaaaaaa  bbbbbbbbbbbbbbbb  12 min ago "));
    BOOST_TEST(has(text, "1,000"));
    BOOST_TEST(has(text, "5 s ago"));
    BOOST_TEST(poison_text(Json{{"poison", Json::array()}}, kNow) == "no message is known as poison\n");
    BOOST_TEST(forgotten_text(Json{{"ok", true}, {"forgotten", 1}}) == "1 poison message is forgotten\n");
    BOOST_TEST(forgotten_text(Json{{"ok", true}, {"forgotten", 3}}) == "3 poison messages are forgotten\n");
}

BOOST_AUTO_TEST_CASE(durations_have_two_units) {
    BOOST_TEST(duration_text(0) == "0 s");
    BOOST_TEST(duration_text(59.9) == "59 s");
    BOOST_TEST(duration_text(60) == "1 min");
    BOOST_TEST(duration_text(3661) == "1 h 1 min");
    BOOST_TEST(duration_text(90000) == "1 d 1 h");
    BOOST_TEST(duration_text(-5) == "0 s");
}

BOOST_AUTO_TEST_SUITE_END()
