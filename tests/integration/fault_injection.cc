// See fault_injection.h.
#include "tests/integration/fault_injection.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/status_client.h"
#include "tests/support/waiting.h"

namespace evermilter::test {

using nlohmann::json;

namespace {

constexpr const char* kHeldId = "4HeldMessage";
constexpr unsigned kScanners = 2;

// Lost sessions, as the supervisor has logged for all session workers that died.
std::uint64_t sessions_lost(const Service& service) {
    std::istringstream lines(service.log());
    std::uint64_t lost = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find(" sessions_lost=");
        if (at != std::string::npos) lost += std::stoull(line.substr(at + std::string(" sessions_lost=").size()));
    }
    return lost;
}

// The role's name in the status.
const char* name_of(Role role) {
    constexpr const char* kNames[] = {"session", "loader", "standby", "scanner"};
    return kNames[static_cast<int>(role)];
}

std::string state_of_worker(const Service& service, pid_t pid) {
    const json status = service.status();
    for (const auto& one : status.at("workers"))
        if (one.at("pid") == pid) return one.at("state").get<std::string>();
    return "";
}

} // namespace

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
    constexpr const char* kRoles[] = {"session worker", "loader", "standby", "scanner"};
    constexpr const char* kStates[] = {"starting", "serving",  "loading",      "proving", "awaiting room",
                                       "awaited",  "draining", "in a message", "scanning"};
    return out << kRoles[static_cast<int>(fault.role)] << ", " << kStates[static_cast<int>(fault.state)] << ", SIG"
               << sigabbrev_np(fault.signal);
}

Injection::Injection(const Fault& fault) : fault_(fault), service_(keys(fault)) {
    write_bulk_database(service_.database(), kBulk);
    write_slow_database(service_.database());
    if (fault.state == State::proving) {
        std::filesystem::create_directories(service_.path("proof/clean"));
        // Only now, so that it does not slow the start.
        service_.set("database.proof_directory", '"' + service_.path("proof").string() + '"');
    }
    service_.start();
    first_ = current(service_);
    before_ = settled();
    // One thread without a pause, so that there is always a message on its way. Four such would take the processors
    // from the tests that run beside, for as long as a timeout is awaited here.
    for (unsigned i = 0; i < 4; ++i)
        traffic_.push_back(std::make_unique<Traffic>(service_, i, std::chrono::milliseconds(i == 0 ? 0 : 15)));
    flows();
}

void Injection::run() {
    bring_into_state();
    const pid_t victim = find_victim();
    BOOST_TEST_MESSAGE("victim " << victim);
    strike(victim);
    let_go_on(victim);
    flows();
    wait_until("the victim is gone", [&] { return !process(victim); });
    end_of_state();
    flows();
    check_answers();
    held_.reset();
    check_as_before();
}

// ---------------------------------------------------------------- the states

bool Injection::replaces() const {
    return fault_.state == State::awaiting_room || fault_.state == State::awaited;
}

bool Injection::hangs() const {
    return fault_.signal == SIGSTOP && (fault_.role == Role::scanner || fault_.state == State::scanning);
}

Keys Injection::keys(const Fault& fault) {
    // Matching is slow only with high limits.
    Keys keys = {{"scanner.pcre_match_limit", "4000000000"}, {"scanner.pcre_rec_match_limit", "1000000"}};
    const bool stop = fault.signal == SIGSTOP;
    const bool replace = fault.state == State::awaiting_room || fault.state == State::awaited;
    if (replace) {
        keys["reload.mode"] = "\"replace\"";
        keys["scanner.queue_timeout"] = "\"45s\""; // all mail waits for the load
    }
    // A scanner that is stopped between two messages is found by its age.
    if (stop && fault.role == Role::scanner && fault.state == State::serving) keys["scanner.max_age"] = "\"10s\"";
    // A stopped scanner keeps the awaited generation alive.
    if (stop && (!replace || fault.role == Role::scanner)) keys["scanner.max_scan_time"] = "\"4s\"";
    // Where a load is held, its loader is stopped too, and pings must not find it when the victim has another role.
    if (stop && fault.state != State::loading) keys["process.ping_timeout"] = "\"5s\"";
    // A standby must be found before its generation ends.
    if (stop && fault.state == State::draining && fault.role != Role::standby) keys["reload.drain_timeout"] = "\"3s\"";
    return keys;
}

// A scan that takes some seconds.
std::string Injection::slow_mail() const {
    return ordinary_headers("slow") + "\r\n" + slow_text(hangs() ? 40 : 25) + "\r\n";
}

// Changes the configuration of the running service.
void Injection::set(const std::string& key, const std::string& value) {
    service_.set(key, value);
    BOOST_REQUIRE(ask(service_, "reload-config").at("ok") == true);
}

void Injection::hold(const std::string& mail) {
    held_.emplace(service_.session());
    Envelope envelope;
    envelope.queue_id = kHeldId;
    BOOST_REQUIRE(held_->upload(mail, envelope).command == 'c');
}

void Injection::hold_in_scan() {
    hold(slow_mail());
    held_->send('E');
}

void Injection::bring_into_state() {
    switch (fault_.state) {
        case State::starting:
            starting_ = catch_starting();
            break;
        case State::serving:
            break;
        case State::loading:
            hold(clean_mail("held"));
            // Only for the load that must be found by this timeout.
            if (fault_.role == Role::loader && fault_.signal == SIGSTOP) set("reload.load_timeout", "\"10s\"");
            load_.emplace(service_);
            if (fault_.role == Role::loader && fault_.signal == SIGSTOP) set("reload.load_timeout", "");
            break;
        case State::proving:
            write_file(service_.path("proof/clean/slow"), slow_text(26));
            BOOST_REQUIRE(ask(service_, "reload --force --no-wait").at("ok") == true);
            break;
        case State::awaiting_room:
        case State::awaited:
            wait_for_room();
            break;
        case State::draining:
            hold(clean_mail("held"));
            if (fault_.role == Role::session) {
                set("headers.add", "\"add\"");
            } else {
                BOOST_REQUIRE(ask(service_, "reload --force").at("ok") == true);
            }
            break;
        case State::in_message:
            hold(clean_mail("held"));
            break;
        case State::scanning:
            hold_in_scan();
            break;
    }
}

// A new configuration needs new session workers. One of them is stopped as soon as it is seen; it is the victim if it
// was not ready by then. Otherwise the next configuration brings others.
pid_t Injection::catch_starting() {
    pid_t caught = 0;
    bool add = false;
    wait_until("a session worker is stopped before it is ready", [&] {
        std::vector<pid_t> known;
        for (const Process& one : children(service_.pid())) known.push_back(one.pid);
        service_.set("headers.add", std::exchange(add, !add) ? "" : "\"add\"");
        StatusClient operators(service_.status_path());
        operators.send("reload-config\n");
        pid_t fresh = 0;
        while (fresh == 0) {
            for (const Process& one : children(service_.pid()))
                // Not the helper that reads the file.
                if (std::find(known.begin(), known.end(), one.pid) == known.end() &&
                    executable(one.pid).ends_with("/evermilter-session"))
                    fresh = one.pid;
        }
        stop_process(fresh);
        BOOST_REQUIRE(json::parse(operators.receive_until('\n')).at("ok") == true);
        // Before the supervisor answers a second request it has read all messages that the worker sent before it was
        // stopped.
        (void)service_.status();
        if (state_of_worker(service_, fresh) == "starting")
            caught = fresh;
        else
            continue_process(fresh);
        return caught != 0;
    });
    return caught;
}

// A loader waits for the old generation to end, which waits for its scanner, which has a message and is stopped.
void Injection::wait_for_room() {
    hold_in_scan();
    stopped_ = wait_taken(service_, kSlowMark);
    stop_process(stopped_);
    BOOST_REQUIRE(ask(service_, "reload --force --no-wait").at("ok") == true);
    service_.wait_status("a loader awaits room", [&](const json& status) {
        const auto& all = status.at("generations");
        return status.at("current_generation") == 0 && state_of(status, first_) == "draining" &&
               std::any_of(all.begin(), all.end(), [](const json& one) { return one.at("state") == "loading"; });
    });
}

// ---------------------------------------------------------------- the victim

pid_t Injection::worker_of_held() const {
    pid_t worker = 0;
    service_.wait_status("the held session is shown", [&](const json&) {
        const json document = ask(service_, "sessions");
        for (const auto& one : document.at("sessions"))
            if (one.at("queue_id") == kHeldId) worker = one.at("worker").get<pid_t>();
        return worker != 0;
    });
    return worker;
}

pid_t Injection::loader_that(const char* step) const {
    pid_t loader = 0;
    service_.wait_status(step, [&](const json& status) {
        for (const auto& one : status.at("generations"))
            if (one.at("state") == "loading" && one.at("step") == step) loader = one.at("loader").get<pid_t>();
        return loader != 0;
    });
    return loader;
}

pid_t Injection::find_victim() const {
    switch (fault_.role) {
        case Role::session:
            return fault_.state == State::starting ? starting_ : worker_of_held();
        case Role::loader:
            if (fault_.state == State::loading) return load_->loader();
            if (fault_.state == State::awaiting_room) return loader_that("snapshot");
            return fault_.state == State::proving ? loader_that("proof") : processes_of(service_, first_).front();
        case Role::standby:
            return loader_and_standby(service_, first_).standby;
        case Role::scanner:
            if (fault_.state == State::awaited) return stopped_;
            return fault_.state == State::scanning ? wait_taken(service_, kSlowMark)
                                                   : processes_of(service_, first_).back();
    }
    return 0;
}

void Injection::strike(pid_t victim) const {
    if (fault_.signal == SIGSTOP) return stop_process(victim);
    kill(victim, fault_.signal);
    // A victim that is stopped dies of a signal other than SIGKILL only when it continues.
    if (victim == starting_ || victim == stopped_) continue_process(victim);
}

// Continues the process that was stopped to hold the victim in its state, but not the victim itself.
void Injection::let_go_on(pid_t victim) {
    if (load_ && (fault_.role != Role::loader || fault_.signal == SIGSEGV)) load_->go_on();
    if (!replaces()) return;
    // The victim is in its state, and no generation is active until it leaves it.
    wait_until("the victim is gone", [&] { return !process(victim); });
    if (stopped_ != victim) continue_process(stopped_);
}

// ---------------------------------------------------------------- what must be so

// The held session, scan or load goes on, unless it was lost.
void Injection::end_of_state() {
    if (fault_.state == State::proving) std::filesystem::remove(service_.path("proof/clean/slow"));
    const bool lost = fault_.role == Role::session;
    if (held_ && lost) {
        held_->wait_closed();
        ++cut_;
    } else if (held_ && (fault_.state == State::scanning || replaces())) {
        const Verdict verdict = held_->receive_verdict();
        // A hung scan is not tried again.
        if (hangs())
            BOOST_TEST(verdict.text().starts_with("451 "), verdict.text());
        else
            BOOST_TEST(verdict.status() == "Clean", verdict.text());
    } else if (held_) {
        BOOST_TEST(held_->end_of_message().status() == "Clean");
    }
}

void Injection::flows() const {
    for (const auto& one : traffic_) one->more(20);
}

void Injection::check_answers() {
    std::uint64_t tempfailed = 0;
    for (const auto& one : traffic_) {
        one->finish();
        BOOST_TEST(one->wrong() == "");
        tempfailed += one->tempfailed();
        cut_ += one->cut();
    }
    // A scanner may have taken a message before it was stopped.
    BOOST_TEST(tempfailed <= (fault_.role == Role::scanner && fault_.signal == SIGSTOP ? 1U : 0U));
    if (fault_.role == Role::session && fault_.state != State::starting) {
        BOOST_TEST(cut_ <= sessions_lost(service_));
        BOOST_TEST(cut_ >= 1U);
    } else {
        BOOST_TEST(cut_ == 0U);
        BOOST_TEST(sessions_lost(service_) == 0U);
    }
    // A loader that was killed because its load took too long counts as a refused load.
    const bool timed_out = fault_.signal == SIGSTOP && fault_.state != State::draining && !replaces();
    if (fault_.role == Role::loader && timed_out) return;
    // Not at once: a loader reports a scanner's end after it has wiped the scanner's folder.
    const json status = service_.wait_status("the end is counted", [&](const json& now) {
        return now.at("crashes").at(name_of(fault_.role)).get<int>() >= 1;
    });
    const json& crashes = status.at("crashes");
    if (fault_.role == Role::session) BOOST_TEST(crashes.at("session") == 1, crashes);
    if (fault_.role == Role::standby) BOOST_TEST(crashes.at("standby") == 1, crashes);
}

Holdings Injection::settled() const {
    const json status = service_.wait_status("the service is as it shall be", [](const json& now) {
        std::map<std::string, unsigned> roles;
        for (const auto& one : now.at("workers")) {
            if (one.at("role") == "session" && one.at("state") != "ready") return false;
            ++roles[one.at("role").get<std::string>()];
        }
        return now.at("state") == "ready" && roles["session"] == 2 && roles["loader"] == 1 && roles["standby"] == 1 &&
               roles["scanner"] == kScanners && now.at("sessions").at("open") == 0;
    });
    wait_until("no other process lives",
               [&] { return service_.processes().size() == 1 + service_.status().at("workers").size(); });
    return holdings(service_);
}

void Injection::check_as_before() const {
    // The remains of a dead loader are removed before the next snapshot is made.
    if (fault_.role == Role::loader) BOOST_TEST(ask(service_, "reload --force").at("ok") == true);
    Holdings after = settled();
    // The other side closes our connections a moment later, and a scanner may be about to be replaced.
    wait_until("as many processes live as before, as many descriptors are open, and as much memory held", [&] {
        after = holdings(service_);
        return after.processes == before_.processes &&
               after.descriptors.at(service_.pid()) <= before_.descriptors.at(service_.pid()) &&
               after.memfds <= before_.memfds && after.deleted_files <= before_.deleted_files;
    });
    // A scanner whose session worker has died finishes its scan, and may be replaced only now.
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

} // namespace evermilter::test
