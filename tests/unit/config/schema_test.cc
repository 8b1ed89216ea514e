// The table against itself: a row that contradicts itself would otherwise be found by an operator.
#include "config/schema.h"

#include <boost/test/unit_test.hpp>
#include <set>

#include "config/parse.h"
#include "config/suggest.h"
#include "config/value.h"
#include "workers/common/shared/unseen.h"

namespace config = evermilter::config;

namespace {

template <class Check>
void each_row(Check check) {
    for (const config::Section& section : config::schema().sections)
        for (const config::Row& row : section.rows) BOOST_TEST_CONTEXT(row.key) {
                check(section, row);
            }
}

void* entry_of(const config::Section& section, config::Config& root) {
    if (section.place.repeated() && section.place.count(&root) == 0) section.place.add(&root);
    return section.place.at(&root, 0);
}

bool is_set(const config::Value& value) {
    return !std::holds_alternative<std::monostate>(value);
}

} // namespace

BOOST_AUTO_TEST_SUITE(schema)

BOOST_AUTO_TEST_CASE(each_row_is_found_by_its_key_in_its_section) {
    std::set<std::string_view> keys;
    each_row([&](const config::Section& section, const config::Row& row) {
        BOOST_TEST(row.section() == section.name);
        BOOST_TEST(config::schema().find_row(row.key) == &row);
        BOOST_TEST(keys.insert(row.key).second);
        BOOST_TEST(row.text.ends_with("."));
    });
    BOOST_TEST(config::schema().find_row("milter") == nullptr);
    BOOST_TEST(config::schema().find_row("milter.nothing") == nullptr);
    BOOST_TEST(config::schema().find_row("nothing.listen") == nullptr);
}

BOOST_AUTO_TEST_CASE(each_key_that_users_rely_on_has_a_row) {
    for (const char* key : {"milter.listen",
                            "milter.socket_mode",
                            "milter.socket_group",
                            "milter.allow",
                            "milter.proxy",
                            "milter.proxy_from",
                            "milter.max_sessions",
                            "milter.max_sessions_per_peer",
                            "workers.session_min",
                            "workers.session_max",
                            "workers.sessions_per_worker",
                            "scanner.processes",
                            "scanner.max_scan_time",
                            "scanner.max_file_size",
                            "scanner.max_scan_size",
                            "scanner.max_recursion",
                            "scanner.max_files",
                            "scanner.scan_archive",
                            "scanner.alert_encrypted",
                            "scanner.alert_macros",
                            "scanner.heuristic_alerts",
                            "scanner.detect_pua",
                            "scanner.temp_directory",
                            "scanner.temp_size",
                            "scanner.queue_timeout",
                            "scanner.retries",
                            "scanner.max_jobs",
                            "scanner.max_age",
                            "database.directory",
                            "database.state_directory",
                            "database.watch",
                            "database.settle",
                            "database.keep",
                            "database.min_ratio",
                            "database.proof_directory",
                            "reload.pin",
                            "reload.drain_timeout",
                            "reload.load_timeout",
                            "reload.memory_check",
                            "reload.mode",
                            "timeouts.negotiate",
                            "timeouts.packet",
                            "timeouts.connect",
                            "timeouts.helo",
                            "timeouts.mail",
                            "timeouts.rcpt",
                            "timeouts.data",
                            "timeouts.header",
                            "timeouts.body",
                            "timeouts.eom",
                            "timeouts.session",
                            "timeouts.shutdown",
                            "actions.infected",
                            "actions.error",
                            "actions.oversize",
                            "actions.incomplete",
                            "actions.partial",
                            "actions.encrypted",
                            "actions.limit",
                            "actions.unsupported",
                            "actions.malformed",
                            "actions.ambiguous",
                            "actions.forged",
                            "actions.clean",
                            "actions.reject_text",
                            "actions.error_text",
                            "message.max_size",
                            "message.memory_budget",
                            "message.spool_directory",
                            "headers.add",
                            "headers.max_forged",
                            "status.socket",
                            "status.socket_mode",
                            "status.socket_group",
                            "log.target",
                            "log.level",
                            "process.user",
                            "process.group",
                            "process.scanner_user",
                            "process.ping_timeout"})
        BOOST_TEST(config::schema().find_row(key) != nullptr, key);
}

// A test here, because the configuration does not know what a scanner says.
BOOST_AUTO_TEST_CASE(each_reason_for_which_a_message_is_incomplete_has_a_key_in_their_order_with_the_same_actions) {
    const config::Row* incomplete = config::schema().find_row("actions.incomplete");
    BOOST_REQUIRE(incomplete != nullptr);
    const config::Row* before = incomplete;
    for (const char* reason : evermilter::kUnseenNames) {
        const config::Row* row = config::schema().find_row("actions." + std::string(reason));
        BOOST_TEST_CONTEXT(reason) {
            BOOST_REQUIRE(row == before + 1);
            BOOST_TEST(row->allowed == incomplete->allowed);
            BOOST_TEST((row->applies_by == incomplete->applies_by));
        }
        before = row;
    }
}

BOOST_AUTO_TEST_CASE(each_limit_says_which_reason_it_gives) {
    each_row([](const config::Section& section, const config::Row& row) {
        if (section.name != "scanner") return;
        const bool limit = (row.name().starts_with("max_") && row.key != "scanner.max_scan_time" &&
                            row.key != "scanner.max_jobs" && row.key != "scanner.max_age") ||
                           row.name().starts_with("pcre_");
        // Of some it says that it gives none.
        const bool silent = row.text.find("libclamav says nothing") != std::string_view::npos ||
                            row.text.find("has no use for it") != std::string_view::npos;
        BOOST_TEST((row.text.find("the reason `limit`") != std::string_view::npos) == (limit && !silent));
    });
}

BOOST_AUTO_TEST_CASE(each_default_is_taken_by_its_own_row_and_read_back) {
    each_row([](const config::Section& section, const config::Row& row) {
        config::Config target;
        const config::Value value = config::default_of(row);
        // A default, or words for its absence; but for the name of a [[section]].
        BOOST_TEST(is_set(value) == (row.unset.empty() && !row.required()));
        BOOST_TEST(is_set(config::example(row)) == !is_set(value));
        BOOST_TEST(row.required() == (row.name() == section.named_by));
        if (!is_set(value)) return;
        BOOST_TEST(config::assign(row, value, entry_of(section, target)).ok());
        // Written in another unit perhaps ("60s" is "1m"), but the same.
        const config::Value once = config::read(row, entry_of(section, target));
        config::Config other;
        BOOST_TEST(config::assign(row, once, entry_of(section, other)).ok());
        BOOST_TEST((config::read(row, entry_of(section, other)) == once));
    });
}

BOOST_AUTO_TEST_CASE(each_example_is_taken_by_its_own_row) {
    each_row([](const config::Section& section, const config::Row& row) {
        config::Config target = config::defaults();
        if (row.example.empty()) return;
        BOOST_TEST(!is_set(config::read(row, entry_of(section, target))));
        BOOST_TEST(config::assign(row, config::example(row), entry_of(section, target)).ok());
        BOOST_TEST(is_set(config::read(row, entry_of(section, target))));
    });
}

BOOST_AUTO_TEST_CASE(each_row_is_of_the_struct_that_its_section_stands_for) {
    each_row([](const config::Section& section, const config::Row& row) {
        BOOST_TEST(row.field.owner == section.place.owner);
    });
}

BOOST_AUTO_TEST_CASE(two_rows_never_share_a_field) {
    config::Config target;
    std::set<const void*> fields;
    each_row([&](const config::Section& section, const config::Row& row) {
        const void* field =
            std::visit([](auto* pointer) -> const void* { return pointer; }, row.field.of(entry_of(section, target)));
        BOOST_TEST(fields.insert(field).second);
    });
}

BOOST_AUTO_TEST_CASE(a_refused_value_leaves_the_configuration_as_it_was) {
    each_row([](const config::Section& section, const config::Row& row) {
        config::Config target = config::defaults();
        const config::Value before = config::read(row, entry_of(section, target));
        const bool list = std::holds_alternative<std::vector<std::string>>(before);
        const config::Value wrong = list ? config::Value{std::vector<std::string>{"\n"}} : config::Value{"\n"};
        BOOST_TEST(!config::assign(row, wrong, entry_of(section, target)).ok());
        BOOST_TEST((config::read(row, entry_of(section, target)) == before));
    });
}

BOOST_AUTO_TEST_CASE(the_nearest_key_is_the_one_that_was_meant) {
    BOOST_TEST(config::nearest_key(config::schema(), "timeouts", "emo") == "timeouts.eom");
    BOOST_TEST(config::nearest_key(config::schema(), "milter", "sockets_mode") == "milter.socket_mode");
    BOOST_TEST(config::nearest_key(config::schema(), "status", "sockets_mode") == "status.socket_mode");
    BOOST_TEST(config::nearest_key(config::schema(), "scanner", "max_filesize") == "scanner.max_file_size");
    BOOST_TEST(config::nearest_section(config::schema(), "headrs").name == "headers");
    BOOST_TEST(!config::nearest_key(config::schema(), "", std::string(1000, 'x')).empty());
}

BOOST_AUTO_TEST_CASE(edit_distance_counts_single_changes_and_swaps) {
    BOOST_TEST(config::edit_distance("", "") == 0U);
    BOOST_TEST(config::edit_distance("abc", "abc") == 0U);
    BOOST_TEST(config::edit_distance("abc", "") == 3U);
    BOOST_TEST(config::edit_distance("abc", "ab") == 1U);
    BOOST_TEST(config::edit_distance("abc", "axc") == 1U);
    BOOST_TEST(config::edit_distance("abc", "acb") == 1U);
    BOOST_TEST(config::edit_distance("kitten", "sitting") == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
