#include "workers/scanner/libclamav/load_error.h"

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {
namespace {

LibraryMessage error(const std::string& text) {
    return {Severity::error, text};
}

const std::string kSnapshot = "/var/lib/evermilter/snapshots/.loading-7";

} // namespace

BOOST_AUTO_TEST_SUITE(load_error)

BOOST_AUTO_TEST_CASE(the_operator_reads_the_file_that_he_keeps_its_line_and_the_reason) {
    struct Row {
        std::vector<LibraryMessage> messages;
        const char* text;
    };
    const Row rows[] = {
        {{error("cli_loadhash: Problem parsing database at line 12"),
          error("Can't load " + kSnapshot + "/local.hdb: Malformed database"),
          error("cli_loaddbdir: error loading database " + kSnapshot + "/local.hdb")},
         "/var/lib/clamav/local.hdb:12: Malformed database (cli_loadhash: Problem parsing database at line 12)"},
        {{error("cli_cvdparse: Not a CVD file"),
          error("Can't load " + kSnapshot + "/daily.cvd: Broken or not a CVD file")},
         "/var/lib/clamav/daily.cvd: Broken or not a CVD file (cli_cvdparse: Not a CVD file)"},
        {{error("yyerror(): " + kSnapshot + "/rules.yar line 3 undefined string \"$b\"")},
         "/var/lib/clamav/rules.yar:3: undefined string \"$b\""},
        {{{Severity::warning, "old database at line 9"}}, "/var/lib/clamav: the code's text"},
        {{}, "/var/lib/clamav: the code's text"},
    };
    for (const Row& row : rows)
        BOOST_TEST(describe_load_error(row.messages, "the code's text", kSnapshot, "/var/lib/clamav") == row.text);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
