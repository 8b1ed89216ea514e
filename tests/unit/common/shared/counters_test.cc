// The table of counters: what its rows promise, and counting by name.
#include "workers/common/shared/counters.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cctype>
#include <set>
#include <string>

using namespace evermilter;

BOOST_AUTO_TEST_SUITE(counters_test)

BOOST_AUTO_TEST_CASE(each_row_has_a_path_a_metric_a_help_and_a_keeper_of_its_own) {
    std::set<std::string_view> paths;
    std::set<std::string_view> metrics;
    for (const CounterRow& row : kCounterRows) {
        BOOST_TEST(paths.insert(row.path).second, row.path << " stands twice");
        BOOST_TEST(metrics.insert(row.metric).second, row.metric << " stands twice");
        BOOST_TEST(row.metric.starts_with("evermilter_"), row.metric);
        BOOST_TEST(row.metric.ends_with("_total"), row.metric);
        BOOST_TEST(row.help.ends_with('.'), row.help);
        BOOST_TEST(row.help.find_first_of("\\\n") == std::string_view::npos, row.help);
        BOOST_TEST(row.kept != 0U, row.path << " is kept by nobody");
        BOOST_TEST((row.kept & ~kAnybody) == 0U, row.path);
        BOOST_TEST(row.cells() > 0U, row.path);
    }
}

BOOST_AUTO_TEST_CASE(the_labels_of_a_row_are_names_and_each_stands_once) {
    const auto fits = [](char one) {
        return std::islower(static_cast<unsigned char>(one)) != 0 || one == '_' || one == '-';
    };
    for (const CounterRow& row : kCounterRows) {
        if (row.split == nullptr) continue;
        std::set<std::string_view> seen;
        for (const std::string_view value : row.split->values) {
            BOOST_TEST(seen.insert(value).second, row.path << ": " << value);
            BOOST_TEST(!value.empty());
            BOOST_TEST(std::all_of(value.begin(), value.end(), fits), row.path << ": " << value);
            // A counter below the object of this one would be taken for a value of its label.
            for (const CounterRow& other : kCounterRows)
                BOOST_TEST(other.path != std::string(row.path) + '.' + std::string(value));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_cells_of_the_rows_follow_each_other) {
    std::size_t cells = 0;
    for (std::size_t row = 0; row < kCounterRows.size(); ++row) {
        BOOST_TEST(first_cell(row) == cells);
        cells += kCounterRows.at(row).cells();
    }
    BOOST_TEST(cells == kCounterCells);
}

BOOST_AUTO_TEST_CASE(one_add_counts_in_its_own_cell_and_in_no_other) {
    CounterBoard<kSessionWorker> board;
    board.add("scans.total");
    board.add("scans.retries_total", 3);
    board.add("messages.incomplete_by", Unseen::ambiguous);
    board.add("sessions.timed_out_total", Timeout::session);
    board.at("log.lines_lost_total").fetch_add(2);
    BOOST_TEST(board.get("scans.total") == 1U);
    BOOST_TEST(board.get("scans.retries_total") == 3U);
    BOOST_TEST(board.get("messages.incomplete_by", Unseen::ambiguous) == 1U);
    BOOST_TEST(board.get("sessions.timed_out_total", Timeout::session) == 1U);
    BOOST_TEST(board.get("log.lines_lost_total") == 2U);
    std::uint64_t sum = 0;
    for (std::size_t cell = 0; cell < kCounterCells; ++cell) sum += board.value(cell);
    BOOST_TEST(sum == 8U);
}

BOOST_AUTO_TEST_CASE(the_timeout_of_a_stage_has_the_name_of_the_stage) {
    for (std::size_t stage = 0; stage < kStages; ++stage)
        BOOST_TEST(kTimeoutNames.at(static_cast<std::size_t>(timeout_of(static_cast<Stage>(stage)))) ==
                   std::string(kStageNames.at(stage)));
}

BOOST_AUTO_TEST_SUITE_END()
