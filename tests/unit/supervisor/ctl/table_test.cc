// Columns on a terminal.
#include "supervisor/ctl/table.h"

#include <boost/test/unit_test.hpp>

using namespace evermilter::ctl;

BOOST_AUTO_TEST_SUITE(table)

BOOST_AUTO_TEST_CASE(columns_are_as_wide_as_their_widest_cell_and_lines_end_without_blanks) {
    Table table({{"pid", Align::right}, {"role"}, {"n", Align::right}});
    table.add({"7", "session", "1"});
    table.add({"12345", "x", "20"});
    BOOST_TEST(table.text() ==
               "    pid  role      n\n"
               "      7  session   1\n"
               "  12345  x        20\n");
}

BOOST_AUTO_TEST_CASE(width_counts_characters_and_cells_are_made_printable) {
    Table table({{"name"}, {"end"}});
    table.add({"M\xc3\xbcller", "a"});
    table.add({"Mueller", "\x1b"});
    BOOST_TEST(table.text() ==
               "  name     end\n"
               "  M\xc3\xbcller   a\n"
               "  Mueller  \\x1b\n");
}

BOOST_AUTO_TEST_SUITE_END()
