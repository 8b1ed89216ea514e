// The table of options has every option of ClamAV 1.4.6, and the page that is written from it is current.
#include "supervisor/ctl/import/clamav_option.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "config/schema.h"
#include "config/value.h"
#include "supervisor/ctl/import/migration_page.h"
#include "tests/unit/supervisor/ctl/import/option_names.h"

using namespace evermilter::ctl;
namespace config = evermilter::config;
namespace test = evermilter::test;

namespace {

void same_options(std::span<const ClamavOption> options, const std::string& program) {
    const auto names = test::option_names(program);
    BOOST_TEST_REQUIRE(names.size() > 50U);
    BOOST_TEST(options.size() == names.size());
    for (const test::OptionName& one : names) {
        const auto row =
            std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.name == one.name; });
        BOOST_TEST_REQUIRE((row != options.end()), one.name << " of " << program << " has no row");
        BOOST_TEST(test::kind_text(row->kind) == one.kind, one.name << " of " << program);
        BOOST_TEST(row->repeats == one.repeats, one.name << " of " << program);
    }
}

void whole_rows(std::span<const ClamavOption> options) {
    std::set<std::string_view> seen;
    for (const ClamavOption& option : options) {
        BOOST_TEST(seen.insert(option.name).second, option.name << " has two rows");
        const bool carried = option.fate == Fate::same || option.fate == Fate::differs;
        BOOST_TEST(carried == !option.keys.empty(), option.name);
        BOOST_TEST((carried || option.carry == nullptr), option.name);
        BOOST_TEST((option.fate == Fate::same || !option.note.empty()), option.name << " says nothing");
        BOOST_TEST((option.kind == ClamavKind::choice) == !option.words.empty(), option.name);
        for (const std::string& key : config::split_words(option.keys))
            BOOST_TEST((config::schema().find_row(key) != nullptr), option.name << " names " << key);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(clamav_option_test)

BOOST_AUTO_TEST_CASE(every_option_that_clamav_reads_has_a_row_of_its_kind) {
    same_options(clamav_milter_options(), "clamav-milter");
    same_options(clamd_options(), "clamd");
}

BOOST_AUTO_TEST_CASE(every_row_names_keys_of_the_schema_or_says_why_there_is_none) {
    whole_rows(clamav_milter_options());
    whole_rows(clamd_options());
}

BOOST_AUTO_TEST_CASE(the_committed_page_has_the_tables_as_the_rows_give_them) {
    std::ostringstream page;
    page << std::ifstream(EVERMILTER_SOURCE_DIRECTORY "/contrib/doc/migration.md", std::ios::binary).rdbuf();
    const auto written = with_tables(page.str());
    BOOST_TEST_REQUIRE(written.has_value());
    BOOST_TEST(
        (*written == page.str()),
        "contrib/doc/migration.md differs from the rows; build the target config_docs and commit what it writes");
    for (const auto options : {clamav_milter_options(), clamd_options()})
        for (const ClamavOption& option : options)
            BOOST_TEST((page.str().find("| `" + std::string(option.name) + "` | ") != std::string::npos), option.name);
}

BOOST_AUTO_TEST_CASE(a_page_without_a_place_for_the_tables_is_refused) {
    BOOST_TEST(!with_tables("# Moving").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
