// Each row of the table of counters stands in the status document and in the metrics, from the start.
#include "supervisor/counters.h"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <vector>

#include "supervisor/status/metrics.h"
#include "supervisor/status/status_document.h"
#include "tests/unit/supervisor/state_of_test.h"

using namespace evermilter;
using namespace evermilter::supervisor;
using Json = nlohmann::json;

namespace {

Json value_at(const Json& document, std::string_view path) {
    std::string pointer;
    for (const char one : path) pointer += one == '.' ? '/' : one;
    return document.at(Json::json_pointer('/' + pointer));
}

// One cell of the table, as the status and the metrics show it.
struct Cell {
    const CounterRow* row;
    std::string path;
    std::string sample;
};

std::vector<Cell> all_cells() {
    std::vector<Cell> cells;
    for (const CounterRow& row : kCounterRows) {
        const std::string metric(row.metric);
        if (row.split == nullptr) {
            cells.push_back({&row, std::string(row.path), metric});
            continue;
        }
        for (const std::string value : row.split->values)
            cells.push_back(
                {&row, std::string(row.path) + '.' + value, metric + '{' + row.split->label + "=\"" + value + "\"}"});
    }
    return cells;
}

bool has_line(const std::string& text, const std::string& line) {
    return ('\n' + text + '\n').find('\n' + line + '\n') != std::string::npos;
}

// Each cell of a row that it keeps: the number of the cell and one, so that no two are the same.
template <Keepers kKeeper>
void count_all(CounterBoard<kKeeper>& board) {
    for (std::size_t row = 0; row < kCounterRows.size(); ++row)
        for (std::size_t cell = first_cell(row); cell < first_cell(row + 1); ++cell) board.add_at(cell, cell + 1);
}

} // namespace

BOOST_AUTO_TEST_SUITE(counters_test)

BOOST_AUTO_TEST_CASE(each_row_is_in_the_status_and_in_the_metrics_with_help_and_type_at_0_from_the_start) {
    const State fresh;
    const StatusView view = view_of(fresh, {});
    const Json status = Json::parse(to_line(status_document(view)));
    const std::string text = metrics(view);
    for (const CounterRow& row : kCounterRows) {
        const std::string metric(row.metric);
        BOOST_TEST(has_line(text, "# HELP " + metric + ' ' + std::string(row.help)), metric);
        BOOST_TEST(has_line(text, "# TYPE " + metric + " counter"), metric);
    }
    for (const Cell& cell : all_cells()) {
        BOOST_TEST(value_at(status, cell.path) == 0, cell.path);
        BOOST_TEST(has_line(text, cell.sample + " 0"), cell.sample);
    }
}

BOOST_AUTO_TEST_CASE(what_a_session_worker_counts_is_shown_in_its_own_place_and_nothing_that_it_does_not_keep) {
    State state;
    auto board = SessionBoard::create("test", 1);
    BOOST_REQUIRE(board.ok());
    // Its memory is its own: it may hold anything.
    count_all(board->header().counters);
    state.session_workers.emplace_back().board = std::move(*board);
    const StatusView view = view_of(state, {});
    const Json status = Json::parse(to_line(status_document(view)));
    const std::string text = metrics(view);
    const std::vector<Cell> cells = all_cells();
    std::uint64_t incomplete = 0;
    for (std::size_t i = 0; i < cells.size(); ++i)
        if (cells[i].row->path == "messages.incomplete_by") incomplete += i + 1;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool kept = (cells[i].row->kept & kSessionWorker) != 0;
        std::uint64_t expected = kept ? i + 1 : 0;
        if (cells[i].path == "messages.incomplete") expected += incomplete;
        if (cells[i].row->unit == Unit::number) {
            BOOST_TEST(value_at(status, cells[i].path) == expected, cells[i].path);
            BOOST_TEST(has_line(text, cells[i].sample + ' ' + std::to_string(expected)), cells[i].sample);
        } else {
            BOOST_TEST(value_at(status, cells[i].path).get<double>() == static_cast<double>(expected) / 1e9);
        }
    }
}

BOOST_AUTO_TEST_CASE(incomplete_messages_are_as_many_as_their_reasons) {
    State state;
    test::fill(state);
    const StatusView view = view_of(state, {});
    std::uint64_t sum = 0;
    for (const Unseen reason : kUnseenReasons) sum += view.counters.get("messages.incomplete_by", reason);
    BOOST_TEST(sum == 7U);
    BOOST_TEST(view.counters.get("messages", Disposition::incomplete) == sum);
}

BOOST_AUTO_TEST_CASE(a_connection_that_is_refused_later_is_no_longer_an_accepted_one) {
    Counters counters;
    counters.add("sessions.connections_total");
    counters.add("sessions.connections_total");
    BOOST_TEST(counters.accepted() == 2U);
    counters.add("sessions.refused_total", Refused::no_worker);
    BOOST_TEST(counters.accepted() == 1U);
    BOOST_TEST(counters.get("sessions.connections_total") == 2U);
}

BOOST_AUTO_TEST_CASE(children_are_counted_by_the_names_of_their_roles) {
    for (std::size_t role = 0; role < kRoleNames.size(); ++role)
        BOOST_TEST(messages::role_name(static_cast<messages::Role>(role)) == std::string(kRoleNames.at(role)));
}

BOOST_AUTO_TEST_SUITE_END()
