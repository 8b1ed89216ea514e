// What the system must grant for a configuration, and what is said when it does not.
#include "supervisor/limits.h"

#include <sysexits.h>

#include <boost/test/unit_test.hpp>
#include <map>

using namespace evermilter::supervisor;

namespace {

Settings settings_of(std::uint32_t session_max, std::uint32_t per_worker, std::uint32_t max_sessions) {
    Settings settings;
    settings.config.workers.session_min = 2;
    settings.config.workers.session_max = session_max;
    settings.config.workers.sessions_per_worker = per_worker;
    settings.config.milter.max_sessions = max_sessions;
    settings.identities.session.user = settings.identities.scanner.user = "mailfilter";
    settings.scanners = 4;
    return settings;
}

} // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(needs_grow_with_the_sessions_and_not_with_workers_that_no_session_fills) {
    const RequiredLimits few = needs_of(settings_of(64, 200, 400));
    const RequiredLimits many = needs_of(settings_of(64, 200, 12000));
    BOOST_TEST(few.tasks < many.tasks);
    BOOST_TEST(few.supervisor_files < many.supervisor_files);
    BOOST_TEST(few.worker_files == many.worker_files);
    BOOST_TEST(few.tasks == needs_of(settings_of(1000, 200, 400)).tasks);
    BOOST_TEST(needs_of(settings_of(64, 1000, 400)).worker_files > few.worker_files);
    BOOST_TEST(many.waiting_tasks == 12000U);
    BOOST_TEST(needs_of(settings_of(2, 200, 12000)).waiting_tasks == 400U);
}

BOOST_AUTO_TEST_CASE(too_few_descriptors_are_refused_with_the_figures) {
    const Settings settings = settings_of(64, 200, 12000);
    const RequiredLimits needs = needs_of(settings);
    Granted granted;
    granted.files = std::max(needs.supervisor_files, needs.worker_files);
    BOOST_TEST(!judge_limits(needs, granted, settings).fault.has_value());
    --granted.files;
    const LimitsJudgement judgement = judge_limits(needs, granted, settings);
    BOOST_REQUIRE(judgement.fault.has_value());
    BOOST_TEST(judgement.fault->exit_code == EX_CONFIG);
    for (const std::string& word : {std::to_string(granted.files), std::to_string(granted.files + 1),
                                    std::string("RLIMIT_NOFILE"), std::string("milter.max_sessions = 12000")})
        BOOST_TEST(judgement.fault->text.find(word) != std::string::npos, judgement.fault->text);
}

BOOST_AUTO_TEST_CASE(too_few_tasks_of_the_user_or_the_cgroup_are_refused_with_the_figures) {
    const Settings settings = settings_of(64, 200, 12000);
    const RequiredLimits needs = needs_of(settings);
    Granted user;
    user.user_tasks = needs.tasks - 1;
    Granted cgroup;
    cgroup.cgroup_tasks = needs.tasks - 1;
    cgroup.cgroup_file = "/sys/fs/cgroup/mail/pids.max";
    for (const auto& [granted, word] : {std::pair{user, "RLIMIT_NPROC"}, {cgroup, "/sys/fs/cgroup/mail/pids.max"}}) {
        const LimitsJudgement judgement = judge_limits(needs, granted, settings);
        BOOST_REQUIRE(judgement.fault.has_value());
        BOOST_TEST(judgement.fault->exit_code == EX_CONFIG);
        BOOST_TEST(judgement.fault->text.find(word) != std::string::npos, judgement.fault->text);
        BOOST_TEST(judgement.fault->text.find(std::to_string(needs.tasks - 1)) != std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(too_few_threads_for_the_worst_moment_are_a_warning) {
    const Settings settings = settings_of(64, 200, 12000);
    const RequiredLimits needs = needs_of(settings);
    Granted granted;
    BOOST_TEST(judge_limits(needs, granted, settings).warnings.empty());
    granted.cgroup_tasks = needs.tasks + needs.waiting_tasks;
    BOOST_TEST(judge_limits(needs, granted, settings).warnings.empty());
    --granted.cgroup_tasks;
    BOOST_TEST(!judge_limits(needs, granted, settings).fault.has_value());
    BOOST_TEST(!judge_limits(needs, granted, settings).warnings.empty());
}

BOOST_AUTO_TEST_CASE(the_smallest_pids_max_of_all_levels_counts) {
    std::map<std::string, std::string> files = {{"/sys/fs/cgroup/system.slice/mail.service/pids.max", "max\n"},
                                                {"/sys/fs/cgroup/system.slice/pids.max", "4915\n"},
                                                {"/sys/fs/cgroup/pids/docker/one/pids.max", "512\n"}};
    const auto read = [&](const std::string& path) {
        const auto found = files.find(path);
        return found == files.end() ? std::nullopt : std::optional(found->second);
    };
    Granted unified;
    read_pids_max("0::/system.slice/mail.service\n", read, unified);
    BOOST_TEST(unified.cgroup_tasks == 4915U);
    BOOST_TEST(unified.cgroup_file == "/sys/fs/cgroup/system.slice/pids.max");
    Granted legacy;
    read_pids_max("9:cpu,memory:/\n8:pids:/docker/one\n0::/\n", read, legacy);
    BOOST_TEST(legacy.cgroup_tasks == 512U);
    Granted none;
    read_pids_max("nonsense\n1:name=systemd:/x\n", read, none);
    BOOST_TEST(none.cgroup_tasks == kUnlimited);
}

BOOST_AUTO_TEST_SUITE_END()
