// See report.h. A Boost.Test observer; it writes each line at once, so that a crash loses none.
#include "tests/support/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <boost/test/framework.hpp>
#include <boost/test/results_collector.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test_monitor.hpp>
#include <boost/test/unit_test_suite.hpp>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "tests/support/judge.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::test {
namespace {

namespace framework = boost::unit_test::framework;

// Unwinds out of a test case; Boost.Test counts it as passed (see the constructor of Report).
struct NotPossible {};

// Every test case that the command line has selected.
class Selected : public boost::unit_test::test_tree_visitor {
  public:
    explicit Selected(std::function<void(const std::string&)> each) : each_(std::move(each)) {}
    void visit(const boost::unit_test::test_case& one) override {
        if (one.is_enabled()) each_(one.full_name());
    }
    bool test_suite_start(const boost::unit_test::test_suite& suite) override { return suite.is_enabled(); }

  private:
    std::function<void(const std::string&)> each_;
};

class Observer : public boost::unit_test::test_observer {
  public:
    void open(const char* path) { fd_.reset(::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)); }

    void test_unit_start(const boost::unit_test::test_unit& unit) override {
        if (unit.p_type == boost::unit_test::TUT_CASE) reason_.clear();
    }

    void test_unit_finish(const boost::unit_test::test_unit& unit, unsigned long /*microseconds*/) override {
        if (unit.p_type != boost::unit_test::TUT_CASE) return;
        const bool passed = boost::unit_test::results_collector.results(unit.p_id).passed();
        const std::string name = unit.full_name();
        if (!passed) {
            write("failed " + name);
        } else if (!reason_.empty()) {
            write("not possible " + name + ": " + reason_);
        } else {
            write("passed " + name);
        }
    }

    // Whatever the command line has selected.
    void list() {
        Selected selected([this](const std::string& name) { write("listed " + name); });
        boost::unit_test::traverse_test_tree(framework::master_test_suite().p_id, selected);
    }

    void impossible(const std::string& reason) { reason_ = reason; }

  private:
    void write(const std::string& line) {
        if (!fd_) return;
        const std::string whole = line + "\n";
        if (::write(fd_.get(), whole.data(), whole.size()) != static_cast<ssize_t>(whole.size())) std::abort();
    }

    unique_fd fd_;
    std::string reason_;
};

Observer& observer() {
    static Observer instance;
    return instance;
}

} // namespace

void not_possible(const std::string& reason) {
    observer().impossible(reason);
    throw NotPossible{};
}

Report::Report() {
    if (const char* path = std::getenv(kReportVariable); path != nullptr && *path != '\0') observer().open(path);
    observer().list();
    framework::register_observer(observer());
    boost::unit_test::unit_test_monitor.register_exception_translator<NotPossible>([](const NotPossible&) {});
}

} // namespace evermilter::test
