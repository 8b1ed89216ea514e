// What is loaded although nobody has ordered it, and when.
#include "supervisor/generations/recovery.h"

#include <sysexits.h>

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using namespace evermilter::supervisor;
using namespace std::chrono_literals;

namespace {

using How = LoadOutcome::How;

const std::string kS1 = "/snapshots/1";
const std::string kS2 = "/snapshots/2";
const std::string kS3 = "/snapshots/3";

std::vector<StoredSnapshot> known(const std::vector<std::string>& paths) {
    std::vector<StoredSnapshot> all;
    for (const std::string& path : paths) {
        all.emplace_back();
        all.back().path = path;
    }
    return all;
}

// Recovery with delays that are all as long as they can be, and a clock.
struct Case {
    Recovery recovery{[] { return 1.0; }};
    Moment now = 100s;

    void active(LoadPurpose purpose = LoadPurpose::order, const std::string& snapshot = kS3) {
        const LoadOutcome outcome{.how = How::active};
        const LoadPlan plan;
        recovery.ended({.outcome = outcome,
                        .purpose = purpose,
                        .plan = plan,
                        .something_serves = true,
                        .active_snapshot = snapshot},
                       now);
    }
    void refused(int exit_code, LoadPurpose purpose = LoadPurpose::order, bool serves = false,
                 const std::vector<std::string>& snapshots = {}, bool may_pass = false, const LoadPlan& plan = {},
                 bool held = false) {
        const LoadOutcome outcome{.how = How::refused,
                                  .exit_code = exit_code,
                                  .error = "reason " + std::to_string(exit_code),
                                  .may_pass = may_pass};
        recovery.ended({.outcome = outcome,
                        .purpose = purpose,
                        .plan = plan,
                        .held_at_start = held,
                        .something_serves = serves,
                        .known = known(snapshots)},
                       now);
    }
    // The snapshots, in the order in which it wants them.
    std::vector<std::string> fall_backs() {
        std::vector<std::string> all;
        while (recovery.falls_back()) {
            const LoadPlan plan = recovery.take_fall_back();
            all.push_back(plan.reuse_snapshot.empty() ? "the directory" : plan.reuse_snapshot);
        }
        return all;
    }
    // Goes on to the next moment at which it wants something.
    std::chrono::nanoseconds wait() {
        const auto due = recovery.due(now);
        BOOST_REQUIRE(due.has_value());
        const auto waited = *due - now;
        now = *due;
        return waited;
    }
    bool quiet() { return !recovery.due(now) && !recovery.recovers() && !recovery.falls_back(); }
};

} // namespace

BOOST_AUTO_TEST_SUITE(recovery_test)

BOOST_AUTO_TEST_CASE(a_starved_load_begins_again_at_the_usual_priority_and_one_that_crashed_with_files_tried_alone) {
    struct Row {
        const char* what;
        LoadPlan before;
        LoadOutcome outcome;
        bool again;
        bool low_priority;
        bool check_files;
    };
    const Row rows[] = {
        {"active", {}, {.how = How::active}, false, true, false},
        {"unchanged", {}, {.how = How::unchanged}, false, true, false},
        {"refused", {}, {.how = How::refused, .exit_code = 65}, false, true, false},
        {"starved", {}, {.how = How::starved}, true, false, false},
        {"crashed", {}, {.crashed = true}, true, true, true},
        {"crashed with files tried alone", {.check_files = true}, {.crashed = true}, false, true, true},
        {"crashed on a snapshot", {.reuse_snapshot = kS1}, {.crashed = true}, false, true, false},
    };
    for (const Row& row : rows) {
        LoadPlan plan = row.before;
        BOOST_TEST_CONTEXT(row.what) {
            BOOST_TEST(Recovery::begins_again(plan, row.outcome) == row.again);
            BOOST_TEST(plan.low_priority == row.low_priority);
            BOOST_TEST(plan.check_files == row.check_files);
        }
    }
}

// ---------------------------------------------------------------- the first load

BOOST_AUTO_TEST_CASE(a_refused_first_load_falls_back_to_every_snapshot_but_the_one_that_was_refused) {
    Case one;
    one.refused(EX_DATAERR, LoadPurpose::order, false, {kS3, kS2, kS1}, false, {.reuse_snapshot = kS3}, true);
    BOOST_TEST(one.recovery.unserved() == "");
    BOOST_TEST(one.fall_backs() == (std::vector<std::string>{kS2, kS1, "the directory"}),
               boost::test_tools::per_element());

    Case other;
    other.refused(EX_DATAERR, LoadPurpose::order, false, {kS2, kS1});
    BOOST_TEST(other.fall_backs() == (std::vector<std::string>{kS2, kS1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(
    after_the_last_fall_back_the_first_reason_stands_and_the_first_load_is_tried_again_later_and_later) {
    Case one;
    one.refused(EX_DATAERR, LoadPurpose::order, false, {kS1});
    static_cast<void>(one.recovery.take_fall_back());
    one.refused(EX_NOINPUT, LoadPurpose::fall_back, false, {kS1});
    BOOST_TEST(one.recovery.unserved() == "reason 65");
    BOOST_TEST(!one.recovery.take_first_load(one.now));
    for (const auto expected : {2s, 4s, 8s, 16s, 30s, 30s}) {
        BOOST_TEST(one.wait().count() == Moment(expected).count());
        BOOST_TEST(one.recovery.take_first_load(one.now));
        BOOST_TEST(!one.recovery.take_first_load(one.now)); // once
        one.refused(EX_NOINPUT);
        BOOST_TEST(one.recovery.unserved() == "reason 66");
    }
    one.active();
    BOOST_TEST(one.recovery.unserved() == "");
    BOOST_TEST(one.quiet());
}

BOOST_AUTO_TEST_CASE(what_was_fallen_back_from_is_tried_again_only_if_time_can_heal_it) {
    for (const bool may_pass : {false, true}) {
        Case one;
        one.refused(EX_OSERR, LoadPurpose::order, false, {kS1}, may_pass);
        static_cast<void>(one.recovery.take_fall_back());
        one.active(LoadPurpose::fall_back, kS1);
        BOOST_TEST(one.recovery.due(one.now).has_value() == may_pass);
        if (!may_pass) continue;
        BOOST_TEST(one.wait().count() == Moment(2s).count());
        BOOST_TEST(one.recovery.take_retry(one.now));
        BOOST_TEST(one.quiet());
    }
}

// ---------------------------------------------------------------- what served has died

BOOST_AUTO_TEST_CASE(the_content_of_a_generation_that_served_long_is_loaded_again_at_once) {
    Case one;
    one.active();
    one.now += 2min;
    one.recovery.lost(kS3, "it died", one.now - 2min, one.now);
    BOOST_TEST(one.recovery.recovers_now(one.now));
    BOOST_TEST(one.recovery.recovery_plan().reuse_snapshot == kS3);
    BOOST_TEST((one.recovery.recovery_plan().compare == Comparison::none));
    BOOST_TEST(one.recovery.reason() == "it died");
    one.active(LoadPurpose::recover);
    BOOST_TEST(one.recovery.reason() == "");
    BOOST_TEST(one.quiet());
}

BOOST_AUTO_TEST_CASE(generations_that_die_young_are_loaded_again_later_and_later) {
    Case one;
    one.active();
    Moment before{};
    for (int death = 0; death < 6; ++death) {
        const Moment loaded = one.now;
        one.now += 1s;
        one.recovery.lost(kS3, "it died", loaded, one.now);
        const Moment delay = one.recovery.recovers_now(one.now) ? Moment::zero() : one.wait();
        BOOST_TEST(delay.count() >= before.count());
        before = delay;
        one.active(LoadPurpose::recover);
    }
    BOOST_TEST(before.count() > Moment(1s).count());
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_cannot_be_loaded_is_followed_by_older_ones_only_where_nothing_serves) {
    struct Row {
        const char* what;
        int exit_code;
        unsigned refusals;
        bool serves;
        std::string next;
    };
    const Row rows[] = {
        {"it is broken", EX_DATAERR, 1, false, kS2},
        {"it is gone", EX_NOINPUT, 1, false, kS2},
        {"it may not be its fault", EX_OSERR, 1, false, kS3},
        {"it may not be its fault, twice", EX_OSERR, 2, false, kS2},
        {"broken, but scanners serve", EX_DATAERR, 1, true, kS3},
        {"all but the oldest are broken", EX_DATAERR, 2, false, kS1},
        {"all are broken: the first again", EX_DATAERR, 3, false, kS3},
    };
    for (const Row& row : rows) {
        Case one;
        one.active();
        one.recovery.lost(kS3, "it died", one.now, one.now);
        for (unsigned i = 0; i < row.refusals; ++i)
            one.refused(row.exit_code, LoadPurpose::recover, row.serves, {kS3, kS2, kS1});
        BOOST_TEST(one.recovery.recovery_plan().reuse_snapshot == row.next, row.what);
        BOOST_TEST(!one.recovery.reason().empty(), row.what);
        // Another one is tried at once; the same one later.
        BOOST_TEST(one.recovery.recovers_now(one.now) == (row.next != kS3), row.what);
        one.active(LoadPurpose::recover);
        BOOST_TEST(one.recovery.reason().empty() == (row.next == kS3), row.what);
    }
}

BOOST_AUTO_TEST_CASE(a_refused_replacement_brings_what_served_back) {
    Case one;
    one.active(LoadPurpose::order, kS2);
    one.refused(EX_DATAERR, LoadPurpose::order, true);
    BOOST_TEST(!one.recovery.recovers()); // it still serves
    one.refused(EX_DATAERR, LoadPurpose::order, false);
    BOOST_TEST(one.recovery.recovers());
    BOOST_TEST(one.recovery.recovery_plan().reuse_snapshot == kS2);
    one.refused(EX_DATAERR, LoadPurpose::order, false); // another order in between changes nothing
    BOOST_TEST(one.recovery.recovery_plan().reuse_snapshot == kS2);
}

BOOST_AUTO_TEST_CASE(an_order_that_becomes_active_ends_recovery) {
    Case one;
    one.active();
    one.recovery.lost(kS3, "it died", one.now, one.now);
    one.active(LoadPurpose::order, kS1);
    BOOST_TEST(one.recovery.reason() == "");
    BOOST_TEST(one.quiet());
}

// ---------------------------------------------------------------- what the directory holds

BOOST_AUTO_TEST_CASE(a_refusal_is_tried_again_later_and_later_where_time_can_heal_it) {
    Case one;
    one.recovery.directory_refused(true, {}, one.now);
    BOOST_TEST(one.quiet()); // the first load has its own
    one.active();
    one.recovery.directory_refused(false, {}, one.now);
    BOOST_TEST(one.quiet());
    for (const auto expected : {2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s}) {
        one.recovery.directory_refused(true, {}, one.now);
        BOOST_TEST(one.wait().count() == Moment(expected).count());
        BOOST_TEST(one.recovery.take_retry(one.now));
    }
    one.recovery.directory_refused(true, {}, one.now);
    one.recovery.directory_taken();
    BOOST_TEST(one.quiet());
    one.recovery.directory_refused(true, {}, one.now);
    BOOST_TEST(one.wait().count() == Moment(2s).count());
}

BOOST_AUTO_TEST_CASE(what_has_vanished_is_tried_again_when_it_is_given_up) {
    Case one;
    one.active();
    one.recovery.directory_refused(false, one.now + 24h, one.now);
    BOOST_TEST(one.wait().count() == Moment(24h).count());
    BOOST_TEST(one.recovery.take_retry(one.now));
    one.recovery.directory_refused(false, one.now - 1h, one.now);
    BOOST_TEST(one.recovery.take_retry(one.now));
}

BOOST_AUTO_TEST_CASE(after_a_stop_nothing_is_wanted) {
    Case one;
    one.active();
    one.recovery.lost(kS3, "it died", one.now, one.now);
    one.recovery.directory_refused(true, {}, one.now);
    one.recovery.stop();
    BOOST_TEST(one.quiet());
    one.recovery.lost(kS3, "it died", one.now, one.now);
    one.recovery.directory_refused(true, {}, one.now);
    one.refused(EX_DATAERR);
    BOOST_TEST(one.quiet());

    Case first;
    first.refused(EX_DATAERR, LoadPurpose::order, false, {kS1});
    first.recovery.stop();
    first.refused(EX_DATAERR, LoadPurpose::order, false, {kS1});
    BOOST_TEST(first.quiet());
}

BOOST_AUTO_TEST_SUITE_END()
