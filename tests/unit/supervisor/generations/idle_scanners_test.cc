// When scanners that serve nothing are a fault, and what is done about it.
#include "supervisor/generations/idle_scanners.h"

#include <boost/test/unit_test.hpp>
#include <vector>

namespace evermilter::supervisor {
namespace {

struct Queue {
    // The same look until there is a remedy; its number, or 0 after 100 looks.
    unsigned looks_until(Remedy remedy, const std::vector<ScannerLook>& scanners, std::uint64_t taken = 7) {
        for (unsigned look = 1; look <= 100; ++look) {
            const Remedy said = judge.look(true, taken, scanners);
            if (said == remedy) return look;
            if (said != Remedy::none) return 0;
        }
        return 0;
    }
    IdleScanners judge;
};

const ScannerLook kIdle{11, false, 3};
const ScannerLook kOther{12, false, 4};
const ScannerLook kBusy{13, true, 5};

} // namespace

BOOST_AUTO_TEST_SUITE(idle_scanners_test)

BOOST_FIXTURE_TEST_CASE(idle_scanners_beside_a_waiting_message_are_replaced_after_three_seconds, Queue) {
    BOOST_TEST(looks_until(Remedy::scanners, {kIdle, kOther}) == IdleScanners::kLooks + 1);
    BOOST_TEST(judge.idle() == (std::vector<pid_t>{11, 12}), boost::test_tools::per_element());
    BOOST_TEST(!judge.well());
}

BOOST_FIXTURE_TEST_CASE(an_empty_queue_is_no_fault_however_long_they_are_idle, Queue) {
    for (int look = 0; look < 100; ++look) BOOST_TEST((judge.look(false, 7, {kIdle}) == Remedy::none));
    BOOST_TEST(judge.well());
}

BOOST_FIXTURE_TEST_CASE(long_scans_of_all_scanners_are_no_fault, Queue) {
    for (int look = 0; look < 100; ++look) BOOST_TEST((judge.look(true, 7, {kBusy}) == Remedy::none));
    BOOST_TEST(judge.well());
}

BOOST_FIXTURE_TEST_CASE(a_queue_that_is_never_empty_while_each_takes_its_part_is_no_fault, Queue) {
    for (std::uint64_t look = 0; look < 100; ++look)
        BOOST_TEST((judge.look(true, look, {{11, false, look}, {12, look % 2 == 0, look / 2}}) == Remedy::none));
}

BOOST_FIXTURE_TEST_CASE(one_that_is_idle_beside_busy_ones_is_replaced_alone, Queue) {
    BOOST_TEST(looks_until(Remedy::scanners, {kBusy, kIdle}) == IdleScanners::kLooks + 1);
    BOOST_TEST(judge.idle() == (std::vector<pid_t>{11}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(one_that_takes_nothing_while_another_takes_all_is_replaced_and_never_more_than_that, Queue) {
    unsigned remedies = 0;
    for (std::uint64_t look = 0; look < 40; ++look) {
        const Remedy said = judge.look(true, look, {kIdle, {12, false, look}});
        if (said == Remedy::none) continue;
        BOOST_TEST((said == Remedy::scanners));
        ++remedies;
    }
    BOOST_TEST(remedies >= 5U);
    BOOST_TEST(remedies <= 10U);
}

BOOST_FIXTURE_TEST_CASE(what_does_not_help_is_followed_by_the_loader_and_that_by_a_new_load, Queue) {
    BOOST_TEST(looks_until(Remedy::scanners, {kIdle}) == IdleScanners::kLooks + 1);
    BOOST_TEST(looks_until(Remedy::loader, {{21, false, 3}}) == IdleScanners::kLooks + 1);
    BOOST_TEST(looks_until(Remedy::load, {{31, false, 3}}) == IdleScanners::kLooks + 1);
}

BOOST_FIXTURE_TEST_CASE(a_loader_that_does_not_replace_them_is_itself_replaced, Queue) {
    BOOST_TEST(looks_until(Remedy::scanners, {kIdle}) == IdleScanners::kLooks + 1);
    BOOST_TEST(looks_until(Remedy::loader, {kIdle}) == IdleScanners::kLooks + 1);
}

BOOST_FIXTURE_TEST_CASE(messages_that_are_taken_begin_the_count_anew, Queue) {
    BOOST_TEST(looks_until(Remedy::scanners, {kIdle}, 7) == IdleScanners::kLooks + 1);
    BOOST_TEST((judge.look(true, 8, {{21, false, 4}}) == Remedy::none));
    BOOST_TEST(judge.well());
    BOOST_TEST(looks_until(Remedy::scanners, {{21, false, 4}}, 8) == IdleScanners::kLooks);
}

BOOST_FIXTURE_TEST_CASE(that_there_is_no_scanner_at_all_is_the_loaders_fault, Queue) {
    BOOST_TEST(looks_until(Remedy::loader, {}) == IdleScanners::kLooksAtNobody + 1);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::supervisor
