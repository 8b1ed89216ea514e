// The stamp: forged headers go, ours come, in an order that both Sendmail and Postfix understand.
#include "workers/session/stamp.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace evermilter::session;
using evermilter::config::HeaderMode;
using Kind = HeaderOperation::Kind;

namespace {

ForgedHeaders seen(const std::vector<std::string>& names) {
    ForgedHeaders forged;
    for (const std::string& name : names) forged.see(name);
    return forged;
}

Decision decision(bool stamp, bool scanned, std::string status) {
    Decision made;
    made.stamp = stamp;
    made.scanned = scanned;
    made.status = std::move(status);
    return made;
}

// Plays the MTA: the headers' values after the operations, where indices shift (Postfix) or stay (Sendmail).
std::vector<std::string> after(std::vector<std::string> values, const std::vector<HeaderOperation>& operations,
                               const std::string& name, bool shift) {
    std::vector<bool> gone(values.size(), false);
    for (const HeaderOperation& operation : operations) {
        if (operation.name != name) continue;
        if (operation.kind == Kind::add) {
            values.push_back(operation.value);
            gone.push_back(false);
            continue;
        }
        const auto at = static_cast<std::size_t>(operation.index - 1);
        if (at >= values.size()) continue;
        if (shift) {
            values.erase(values.begin() + operation.index - 1);
            gone.erase(gone.begin() + operation.index - 1);
        } else {
            gone[at] = true;
        }
    }
    std::vector<std::string> left;
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!gone[i]) left.push_back(values[i]);
    return left;
}

} // namespace

BOOST_AUTO_TEST_SUITE(stamp_test)

BOOST_AUTO_TEST_CASE(ours_are_counted_in_any_case_and_with_blanks_before_the_colon) {
    const ForgedHeaders forged =
        seen({"X-Virus-Status", "x-virus-status", "X-VIRUS-STATUS \t\v", "X-Virus-Statu", "X-Virus-Status2", "", " ",
              "X-Virus-Scanned", "X-Virus-Scanned\f", "X-Virus-Scanned\r\n ", "Subject"});
    BOOST_TEST(forged.status() == 3);
    BOOST_TEST(forged.scanned() == 3);
}

BOOST_AUTO_TEST_CASE(the_operations_of_each_mode) {
    const ForgedHeaders forged = seen({"X-Virus-Status", "X-Virus-Scanned", "X-Virus-Status"});
    const HeaderOperation scanned{Kind::add, "X-Virus-Scanned", 0, " us"};
    const HeaderOperation status{Kind::add, "X-Virus-Status", 0, " Clean"};
    const Decision clean = decision(true, true, "Clean");
    BOOST_TEST((stamp_operations(HeaderMode::no, forged, clean, "us", true).empty()));
    BOOST_TEST((stamp_operations(HeaderMode::add, forged, clean, "us", true) ==
                std::vector<HeaderOperation>{scanned, status}));
    BOOST_TEST((stamp_operations(HeaderMode::replace, forged, clean, "us", true) ==
                std::vector<HeaderOperation>{{Kind::remove, "X-Virus-Scanned", 1, ""},
                                             {Kind::remove, "X-Virus-Status", 2, ""},
                                             {Kind::remove, "X-Virus-Status", 1, ""},
                                             scanned,
                                             status}));
}

BOOST_AUTO_TEST_CASE(a_message_that_does_not_go_on_is_not_stamped) {
    const ForgedHeaders forged = seen({"X-Virus-Status"});
    for (const HeaderMode mode : {HeaderMode::no, HeaderMode::add, HeaderMode::replace})
        BOOST_TEST((stamp_operations(mode, forged, decision(false, true, "Infected (X)"), "us", true).empty()));
}

BOOST_AUTO_TEST_CASE(what_was_not_scanned_loses_a_forged_claim_and_gets_none_of_ours) {
    const ForgedHeaders forged = seen({"X-Virus-Scanned", "X-Virus-Status"});
    const auto operations =
        stamp_operations(HeaderMode::replace, forged, decision(true, false, "Not scanned (too large)"), "us", false);
    BOOST_TEST(
        (operations == std::vector<HeaderOperation>{{Kind::remove, "X-Virus-Scanned", 1, ""},
                                                    {Kind::remove, "X-Virus-Status", 1, ""},
                                                    {Kind::add, "X-Virus-Status", 0, "Not scanned (too large)"}}));
}

BOOST_AUTO_TEST_CASE(the_value_begins_with_a_blank_only_where_that_was_negotiated) {
    for (const bool leadspc : {true, false})
        for (const auto& operation :
             stamp_operations(HeaderMode::add, {}, decision(true, true, "Clean"), "us", leadspc))
            BOOST_TEST(operation.value.starts_with(" ") == leadspc);
}

BOOST_AUTO_TEST_CASE(of_many_forged_headers_none_is_left_whether_indices_shift_or_stay) {
    for (const std::size_t count : {0U, 1U, 2U, 7U})
        for (const bool shift : {true, false}) {
            const std::vector<std::string> forged_values(count, "Clean");
            const ForgedHeaders forged = seen(std::vector<std::string>(count, "X-Virus-Status"));
            const auto operations =
                stamp_operations(HeaderMode::replace, forged, decision(true, true, "Infected (X)"), "us", false);
            BOOST_TEST(
                after(forged_values, operations, "X-Virus-Status", shift) == std::vector<std::string>{"Infected (X)"},
                boost::test_tools::per_element());
        }
}

BOOST_AUTO_TEST_CASE(forged_ones_that_are_kept_stand_beside_ours) {
    const ForgedHeaders forged = seen({"X-Virus-Status", "X-Virus-Scanned", "x-virus-status "});
    BOOST_TEST(forged.total() == 3U);
    Decision kept = decision(true, true, "Clean");
    kept.keep_forged = true;
    const auto operations = stamp_operations(HeaderMode::replace, forged, kept, "us", false);
    BOOST_TEST(operations.size() == 2U);
    for (const HeaderOperation& operation : operations) BOOST_TEST((operation.kind == Kind::add));
}

BOOST_AUTO_TEST_SUITE_END()
