// Which snapshot a rollback takes, and what is remembered of contents that were rejected.
#include "supervisor/generations/rollback.h"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>
#include <vector>

using namespace evermilter::supervisor;

namespace {

// "3B" is a snapshot of generation 3 with the content B; "4?" one whose content is not known.
std::vector<StoredSnapshot> snapshots(const std::vector<std::string>& texts) {
    std::vector<StoredSnapshot> all;
    for (const std::string& text : texts) {
        StoredSnapshot one;
        one.id = static_cast<std::uint64_t>(text[0] - '0');
        if (text[1] != '?') one.digest = text[1];
        one.path = "/snapshots/" + std::to_string(one.id);
        all.push_back(one);
    }
    return all;
}

Decisions rejecting(const std::string& digests) {
    Decisions decisions;
    for (const char digest : digests) decisions.reject(std::string(1, digest), "for a test", 1);
    return decisions;
}

} // namespace

BOOST_AUTO_TEST_SUITE(rollback_test)

BOOST_AUTO_TEST_CASE(it_takes_the_newest_content_that_differs_and_was_not_rejected) {
    struct Row {
        std::vector<std::string> known; // newest first
        std::uint64_t wanted;
        std::string current;
        std::string rejected;
        std::set<std::uint64_t> tried;
        std::uint64_t taken; // 0: none
    };
    const Row rows[] = {
        {{}, 0, "A", "", {}, 0},
        {{"1A"}, 0, "A", "", {}, 0},
        {{"2B", "1A"}, 0, "B", "", {}, 1},
        // Forced again and again, the bad one is still the bad one.
        {{"4B", "3B", "2B", "1A"}, 0, "B", "B", {}, 1},
        // A second rollback goes further back, never to the bad one.
        {{"3B", "2A", "1C"}, 0, "A", "B", {}, 1},
        {{"3B", "2A", "1C"}, 0, "C", "BA", {}, 0},
        // What was refused since is passed over.
        {{"4D", "3C", "2B", "1A"}, 0, "D", "C", {}, 2},
        // One that could not be loaded is passed over.
        {{"3C", "2B", "1A"}, 0, "C", "", {2}, 1},
        // What is not known may be the bad one: only by its number.
        {{"3C", "2?", "1A"}, 0, "C", "", {}, 1},
        {{"3C", "2?", "1A"}, 2, "C", "", {}, 2},
        // A number is a person's choice.
        {{"3C", "2B", "1A"}, 2, "C", "B", {}, 2},
        {{"3C", "2B", "1A"}, 3, "C", "", {}, 3},
        {{"3C", "2B", "1A"}, 9, "C", "", {}, 0},
        // Nothing serves.
        {{"2B", "1A"}, 0, "", "B", {}, 1},
    };
    for (const Row& row : rows) {
        const auto taken =
            choose_rollback(snapshots(row.known), row.wanted, row.current, rejecting(row.rejected), row.tried);
        BOOST_TEST((taken ? taken->id : 0U) == row.taken);
        if (!taken) BOOST_TEST(!taken.error().what.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_refusal_names_what_there_is) {
    const auto none = choose_rollback(snapshots({"7B", "3A"}), 5, "B", {});
    BOOST_REQUIRE(!none.ok());
    BOOST_TEST(none.error().what == "there is no snapshot of generation 5; there are 7, 3");
}

BOOST_AUTO_TEST_CASE(to_fall_back_to_rejected_contents_come_last) {
    std::string order;
    for (const StoredSnapshot& one : best_first(snapshots({"4D", "3C", "2B", "1A"}), rejecting("DB")))
        order += one.digest;
    BOOST_TEST(order == "CADB");
}

BOOST_AUTO_TEST_CASE(decisions_are_read_as_they_were_written) {
    Decisions decisions = rejecting("AB");
    BOOST_TEST((parse_decisions(to_text(decisions)) == decisions));
    decisions.hold = Hold{"unix pid=7 uid=0", "rollback \"x\"\n", 1'700'000'000, 12, std::string(64, 'f')};
    BOOST_TEST((parse_decisions(to_text(decisions)) == decisions));
}

BOOST_AUTO_TEST_CASE(a_damaged_file_decides_nothing) {
    for (const char* text :
         {"", "x", "[]", "{}", "{\"rejected\":7}", "{\"rejected\":[7]}", "{\"hold\":1,\"rejected\":[]}"})
        BOOST_TEST(!parse_decisions(text).has_value(), text);
    const auto odd = parse_decisions(R"({"hold":{"by":7,"since":-1,"snapshot":"x"},"rejected":[{"at":1e99}]})");
    BOOST_REQUIRE(odd.has_value());
    BOOST_TEST(odd->hold->since == 0);
    BOOST_TEST(odd->hold->snapshot == 0U);
    BOOST_TEST(odd->rejected.empty());
}

BOOST_AUTO_TEST_CASE(rejected_contents_have_a_bound_and_can_be_accepted_again) {
    Decisions decisions;
    for (std::size_t i = 0; i < 2 * Decisions::kMostRejected; ++i)
        decisions.reject(std::to_string(i), std::string(1000, 'x'), 1);
    BOOST_TEST(decisions.rejected.size() == Decisions::kMostRejected);
    BOOST_TEST(!decisions.rejects("0"));
    BOOST_TEST(decisions.rejects(std::to_string(2 * Decisions::kMostRejected - 1)));
    BOOST_TEST(decisions.rejected.back().why.size() < 1000U);
    decisions.accept(decisions.rejected.back().digest);
    BOOST_TEST(decisions.rejected.size() == Decisions::kMostRejected - 1);
    decisions.reject("", "no content", 1);
    BOOST_TEST(!decisions.rejects(""));
}

BOOST_AUTO_TEST_SUITE_END()
