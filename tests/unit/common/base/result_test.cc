// Values or errors in one type.
#include "workers/common/base/result.h"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <memory>
#include <string>
#include <variant>
#include <vector>

using evermilter::Error;
using evermilter::Result;
using evermilter::system_error;

namespace {

struct Reason {
    std::string text;
};

Result<int> half(int number) {
    if (number % 2 != 0) return Error{EINVAL, std::to_string(number) + " is odd"};
    return number / 2;
}

Result<void, Reason> need(bool good) {
    if (!good) return Reason{"bad"};
    return {};
}

Result<std::variant<int, std::string>, Reason> either(bool text) {
    if (text) return std::string("text");
    return 7;
}

} // namespace

BOOST_AUTO_TEST_SUITE(result_test)

BOOST_AUTO_TEST_CASE(it_has_either_a_value_or_an_error) {
    const auto good = half(6);
    BOOST_TEST((good.ok() && good.has_value() && good));
    BOOST_TEST(*good == 3);
    BOOST_TEST(good.value() == 3);
    const auto bad = half(7);
    BOOST_TEST(!(bad.ok() || bad.has_value() || bad));
    BOOST_TEST(bad.error().what == "7 is odd");
    BOOST_TEST(bad.error().code == EINVAL);
    BOOST_CHECK_THROW(static_cast<void>(bad.value()), std::bad_variant_access);
}

BOOST_AUTO_TEST_CASE(one_of_nothing_has_an_error_or_none) {
    BOOST_TEST(need(true).ok());
    BOOST_TEST(!need(false).ok());
    BOOST_TEST(need(false).error().text == "bad");
}

BOOST_AUTO_TEST_CASE(it_is_made_from_what_its_value_is_made_from) {
    BOOST_TEST(std::get<std::string>(*either(true)) == "text");
    BOOST_TEST(std::get<int>(*either(false)) == 7);
    const Result<std::string, Reason> text = "a literal";
    BOOST_TEST(text->size() == 9U);
}

BOOST_AUTO_TEST_CASE(what_is_in_it_can_be_moved_out) {
    Result<std::unique_ptr<int>> owner = std::make_unique<int>(5);
    const std::unique_ptr<int> taken = std::move(owner).value();
    BOOST_TEST(*taken == 5);
    Result<int, std::vector<Reason>> faults = std::vector{Reason{"one"}, Reason{"two"}};
    const std::vector<Reason> moved = std::move(faults).error();
    BOOST_TEST(moved.size() == 2U);
    BOOST_TEST(faults.error().empty()); // NOLINT(bugprone-use-after-move): that it was moved is the promise
}

BOOST_AUTO_TEST_CASE(a_system_error_has_the_object_and_the_reason) {
    errno = ENOENT;
    const Error error = system_error("cannot open /x");
    BOOST_TEST(error.code == ENOENT);
    BOOST_TEST(error.what == "cannot open /x: No such file or directory");
    BOOST_TEST(system_error("x", EACCES).what == "x: Permission denied");
}

BOOST_AUTO_TEST_SUITE_END()
