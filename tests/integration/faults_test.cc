// Every role, killed or stopped in each of its states, while mail flows on several connections. Whatever dies: each
// message gets exactly one answer, no infected one passes, only sessions of a session worker that died are cut, the
// service is as before afterwards, and nothing of the dead is left.
#include <algorithm>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <deque>
#include <memory>
#include <optional>
#include <ostream>
#include <sstream>

#include "tests/integration/reloading.h"
#include "tests/integration/traffic.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"
#include "tests/support/waiting.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

enum class Role { session, loader, standby, scanner };
enum class State {
    serving,    // the active generation's, with what the traffic gives it to do
    loading,    // a loader that loads; others while one does
    proving,    // a loader that scans its samples
    draining,   // of a generation that a session still holds; a session worker of the former configuration
    in_message, // a session worker with a message half received
    scanning,   // a scan that takes long: its scanner, or the session worker that waits for it
};

struct Fault {
    Role role;
    State state;
    int signal;
};

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
    constexpr const char* kRoles[] = {"session worker", "loader", "standby", "scanner"};
    constexpr const char* kStates[] = {"serving", "loading", "proving", "draining", "in a message", "scanning"};
    return out << kRoles[static_cast<int>(fault.role)] << ", " << kStates[static_cast<int>(fault.state)] << ", SIG"
               << sigabbrev_np(fault.signal);
}

const Fault kScannerFaults[] = {
    {Role::scanner, State::serving, SIGSTOP},  {Role::scanner, State::serving, SIGSEGV},
    {Role::scanner, State::serving, SIGKILL},  {Role::scanner, State::scanning, SIGSEGV},
    {Role::scanner, State::scanning, SIGKILL}, {Role::scanner, State::scanning, SIGSTOP},
    {Role::scanner, State::draining, SIGSEGV}, {Role::scanner, State::draining, SIGKILL},
    {Role::scanner, State::draining, SIGSTOP}, {Role::scanner, State::loading, SIGSEGV},
    {Role::scanner, State::loading, SIGKILL},
};
const Fault kLoaderFaults[] = {
    {Role::loader, State::serving, SIGSTOP},  {Role::loader, State::serving, SIGSEGV},
    {Role::standby, State::serving, SIGSEGV}, {Role::standby, State::serving, SIGKILL},
    {Role::standby, State::serving, SIGSTOP}, {Role::standby, State::loading, SIGKILL},
    {Role::loader, State::serving, SIGKILL},  {Role::loader, State::loading, SIGSEGV},
    {Role::loader, State::loading, SIGKILL},  {Role::loader, State::loading, SIGSTOP},
    {Role::loader, State::proving, SIGSEGV},  {Role::loader, State::proving, SIGKILL},
    {Role::loader, State::proving, SIGSTOP},  {Role::loader, State::draining, SIGSEGV},
    {Role::loader, State::draining, SIGKILL}, {Role::loader, State::draining, SIGSTOP},
};
const Fault kSessionFaults[] = {
    {Role::session, State::in_message, SIGSTOP}, {Role::session, State::scanning, SIGSTOP},
    {Role::session, State::draining, SIGSTOP},   {Role::session, State::in_message, SIGSEGV},
    {Role::session, State::in_message, SIGKILL}, {Role::session, State::scanning, SIGSEGV},
    {Role::session, State::scanning, SIGKILL},   {Role::session, State::loading, SIGSEGV},
    {Role::session, State::loading, SIGKILL},    {Role::session, State::loading, SIGSTOP},
    {Role::session, State::draining, SIGSEGV},   {Role::session, State::draining, SIGKILL},
};

constexpr const char* kHeldId = "4HeldMessage";
constexpr unsigned kScanners = 2;

// Sessions lost, as the supervisor has told of all session workers that died.
std::uint64_t sessions_lost(const Service& service) {
    std::istringstream lines(service.log());
    std::uint64_t lost = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find(" sessions_lost=");
        if (at != std::string::npos) lost += std::stoull(line.substr(at + std::string(" sessions_lost=").size()));
    }
    return lost;
}

// One service, mail on it, and a held session or load that puts the victim into its state.
class Injection {
  public:
    explicit Injection(const Fault& fault) : fault_(fault), service_(keys(fault)) {
        write_bulk_database(service_.database(), kBulk);
        write_slow_database(service_.database());
        if (fault.state == State::proving) {
            std::filesystem::create_directories(service_.path("proof/clean"));
            // Not while the service starts.
            service_.set("database.proof_directory", '"' + service_.path("proof").string() + '"');
        }
        service_.start();
        first_ = current(service_);
        before_ = settled();
        for (unsigned i = 0; i < 4; ++i) traffic_.push_back(std::make_unique<Traffic>(service_, i));
        flows();
    }

    void run() {
        bring_into_state();
        const pid_t victim = find_victim();
        BOOST_TEST_MESSAGE("victim " << victim);
        if (fault_.signal == SIGSTOP)
            stop_process(victim);
        else
            kill(victim, fault_.signal);
        if (load_ && (fault_.role != Role::loader || fault_.signal == SIGSEGV)) load_->go_on();
        flows();
        wait_until("the victim is gone", [&] { return !process(victim); });
        end_of_state();
        flows();
        check_answers();
        held_.reset();
        check_as_before();
    }

  private:
    static Keys keys(const Fault& fault) {
        // Matching is slow only with limits that let it.
        Keys keys = {{"scanner.pcre_match_limit", "4000000000"}, {"scanner.pcre_rec_match_limit", "1000000"}};
        const bool stop = fault.signal == SIGSTOP;
        // Between two messages it is found by its age.
        if (stop && fault.role == Role::scanner && fault.state == State::serving) keys["scanner.max_age"] = "\"10s\"";
        if (stop) keys["scanner.max_scan_time"] = "\"2s\"";
        // Where a load is held its loader is stopped as well; that of another role is not to be found by pings.
        if (stop && fault.state != State::loading) keys["process.ping_timeout"] = "\"5s\"";
        if (stop && fault.role == Role::loader) keys["reload.load_timeout"] = "\"10s\"";
        if (stop && fault.state == State::draining) keys["reload.drain_timeout"] = "\"3s\"";
        return keys;
    }

    // A scan that takes seconds.
    std::string slow_mail() const {
        return ordinary_headers("slow") + "\r\n" + slow_text(fault_.signal == SIGSTOP ? 40 : 25) + "\r\n";
    }

    void hold(const std::string& mail) {
        held_.emplace(service_.session());
        Envelope envelope;
        envelope.queue_id = kHeldId;
        BOOST_REQUIRE(held_->upload(mail, envelope).command == 'c');
    }

    void bring_into_state() {
        switch (fault_.state) {
            case State::serving:
                break;
            case State::loading:
                hold(clean_mail("held"));
                load_.emplace(service_);
                break;
            case State::proving:
                write_file(service_.path("proof/clean/slow"), slow_text(26));
                BOOST_REQUIRE(ask(service_, "reload --force --no-wait").at("ok") == true);
                break;
            case State::draining:
                hold(clean_mail("held"));
                if (fault_.role == Role::session) {
                    service_.set("headers.add", "\"add\"");
                    BOOST_REQUIRE(ask(service_, "reload-config").at("ok") == true);
                } else {
                    BOOST_REQUIRE(ask(service_, "reload --force").at("ok") == true);
                }
                break;
            case State::in_message:
                hold(clean_mail("held"));
                break;
            case State::scanning:
                hold(slow_mail());
                for (const pid_t pid : service_.pids("scanner")) ticks_[pid] = ticks(pid);
                held_->send('E');
                break;
        }
    }

    static std::uint64_t ticks(pid_t pid) {
        const auto now = process(pid);
        return now ? now->cpu_ticks : 0;
    }

    // The one that has worked for a while since the slow mail came; what the traffic costs is far less.
    pid_t slow_scanner() const {
        pid_t found = 0;
        wait_until("a scanner works on the slow mail", [&] {
            for (const auto& [pid, before] : ticks_)
                if (ticks(pid) >= before + 50) found = pid;
            return found != 0;
        });
        return found;
    }

    pid_t worker_of_held() const {
        pid_t worker = 0;
        service_.wait_status("the held session is shown", [&](const json&) {
            const json document = ask(service_, "sessions");
            for (const auto& one : document.at("sessions"))
                if (one.at("queue_id") == kHeldId) worker = one.at("worker").get<pid_t>();
            return worker != 0;
        });
        return worker;
    }

    pid_t loader_that(const char* step) const {
        pid_t loader = 0;
        service_.wait_status(step, [&](const json& status) {
            for (const auto& one : status.at("generations"))
                if (one.at("state") == "loading" && one.at("step") == step) loader = one.at("loader").get<pid_t>();
            return loader != 0;
        });
        return loader;
    }

    pid_t find_victim() const {
        const auto processes = [&] { return processes_of(service_, first_); };
        switch (fault_.role) {
            case Role::session:
                return worker_of_held();
            case Role::loader:
                if (fault_.state == State::loading) return load_->loader();
                return fault_.state == State::proving ? loader_that("proof") : processes().front();
            case Role::standby:
                return service_.pids("standby").front();
            case Role::scanner:
                return fault_.state == State::scanning ? slow_scanner() : processes().back();
        }
        return 0;
    }

    // What was held goes on, where it was not lost.
    void end_of_state() {
        if (fault_.state == State::proving) std::filesystem::remove(service_.path("proof/clean/slow"));
        const bool lost = fault_.role == Role::session;
        if (held_ && lost) {
            held_->wait_closed();
            ++cut_;
        } else if (held_ && fault_.state == State::scanning) {
            const Verdict verdict = held_->receive_verdict();
            // A scan that hung is not tried again.
            if (fault_.signal == SIGSTOP)
                BOOST_TEST(verdict.text().starts_with("451 "), verdict.text());
            else
                BOOST_TEST(verdict.status() == "Clean", verdict.text());
        } else if (held_) {
            BOOST_TEST(held_->end_of_message().status() == "Clean");
        }
    }

    void flows() const {
        for (const auto& one : traffic_) one->more(20);
    }

    void check_answers() {
        std::uint64_t tempfailed = 0;
        for (const auto& one : traffic_) {
            one->finish();
            BOOST_TEST(one->wrong() == "");
            tempfailed += one->tempfailed();
            cut_ += one->cut();
        }
        // A scanner that was stopped may have taken a message before.
        BOOST_TEST(tempfailed <= (fault_.role == Role::scanner && fault_.signal == SIGSTOP ? 1U : 0U));
        if (fault_.role == Role::session) {
            BOOST_TEST(cut_ <= sessions_lost(service_));
            BOOST_TEST(cut_ >= 1U);
        } else {
            BOOST_TEST(cut_ == 0U);
            BOOST_TEST(sessions_lost(service_) == 0U);
        }
        const json crashes = service_.status().at("crashes");
        if (fault_.role == Role::session) BOOST_TEST(crashes.at("session") == 1, crashes);
        if (fault_.role == Role::standby) BOOST_TEST(crashes.at("standby") == 1, crashes);
        if (fault_.role == Role::scanner) BOOST_TEST(crashes.at("scanner").get<int>() >= 1, crashes);
        // One that was killed because its load took too long is a refused load.
        const bool timed_out = fault_.signal == SIGSTOP && fault_.state != State::draining;
        if (fault_.role == Role::loader && !timed_out) BOOST_TEST(crashes.at("loader").get<int>() >= 1, crashes);
    }

    // Waits until one generation is all there is, with all of its processes.
    Holdings settled() const {
        const json status = service_.wait_status("the service is as it shall be", [](const json& now) {
            std::map<std::string, unsigned> roles;
            for (const auto& one : now.at("workers")) {
                if (one.at("role") == "session" && one.at("state") != "ready") return false;
                ++roles[one.at("role").get<std::string>()];
            }
            return now.at("state") == "ready" && roles["session"] == 2 && roles["loader"] == 1 &&
                   roles["standby"] == 1 && roles["scanner"] == kScanners && now.at("sessions").at("open") == 0;
        });
        wait_until("no other process lives",
                   [&] { return service_.processes().size() == 1 + service_.status().at("workers").size(); });
        return holdings(service_);
    }

    void check_as_before() const {
        // What a loader had begun that died is removed before the next snapshot is.
        if (fault_.role == Role::loader) BOOST_TEST(ask(service_, "reload --force").at("ok") == true);
        Holdings after = settled();
        BOOST_TEST(after.processes == before_.processes);
        // What we have closed is closed on the other side a moment later.
        wait_until("as many descriptors are open as before, and as much memory held", [&] {
            after = holdings(service_);
            return after.descriptors.at(service_.pid()) <= before_.descriptors.at(service_.pid()) &&
                   after.memfds <= before_.memfds && after.deleted_files <= before_.deleted_files;
        });
        // A scanner whose session worker has died scans to its end, and may be replaced only now.
        wait_until("each scanner has its temp folder, and there is no other",
                   [&] { return entries_below(service_.temp_directory()).size() == kScanners; });
        BOOST_TEST(entries_below(service_.spool_directory()).empty());
        std::size_t snapshots = 0;
        for (const std::string& name : entries_below(service_.state_directory() / "snapshots")) {
            BOOST_TEST(name.find("loading") == std::string::npos, name);
            if (name.find('/') == std::string::npos) ++snapshots;
        }
        BOOST_TEST(snapshots <= 3U);
        MilterClient client = service_.session();
        BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(client.message(clean_mail("afterwards")).text() == "accept");
    }

    const Fault fault_;
    Service service_;
    std::uint64_t first_ = 0;
    Holdings before_;
    std::deque<std::unique_ptr<Traffic>> traffic_;
    std::optional<MilterClient> held_;
    std::optional<HeldLoad> load_;
    std::map<pid_t, std::uint64_t> ticks_;
    std::uint64_t cut_ = 0; // connections
};

} // namespace

// A suite a role, because they run side by side.
BOOST_AUTO_TEST_SUITE(faults_of_scanners_test)
BOOST_DATA_TEST_CASE(mail_goes_on_and_nothing_is_left, boost::unit_test::data::make(kScannerFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(faults_of_loaders_test)
BOOST_DATA_TEST_CASE(mail_goes_on_and_nothing_is_left, boost::unit_test::data::make(kLoaderFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(faults_of_session_workers_test)
BOOST_DATA_TEST_CASE(only_their_sessions_are_lost, boost::unit_test::data::make(kSessionFaults), fault) {
    Injection(fault).run();
}
BOOST_AUTO_TEST_SUITE_END()
