// The machine's limits (descriptors, processes, memory) are reached while the service runs: a 4xx and a line in the
// log, never a message that passes unscanned, no process that spins, and all is well when there is room again. For temp
// and spool directories without room see temp_full_test and backpressure_test, for threads session_budget_test.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/limited.h"
#include "tests/support/messages.h"
#include "tests/support/report.h"
#include "tests/support/sanitizers.h"
#include "tests/support/service.h"

using namespace evermilter::test;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;

// The limit at which the process can open exactly `more` further descriptors.
rlim_t descriptors_left(pid_t pid, int more) {
    std::set<int> used;
    for (const Descriptor& one : descriptors(pid)) used.insert(one.number);
    int free = 0;
    for (;; ++free)
        if (!used.contains(free) && more-- == 0) return static_cast<rlim_t>(free);
}

void no_descriptors(Limits& limits, const std::vector<pid_t>& pids, int more = 0) {
    for (const pid_t pid : pids)
        limits.push_back(std::make_unique<Limited>(pid, RLIMIT_NOFILE, descriptors_left(pid, more)));
}

void no_memory(Limits& limits, const std::vector<pid_t>& pids) {
    if (kSanitized) not_possible("a sanitizer ends a process that is refused memory");
    for (const pid_t pid : pids) {
        const rlim_t now = std::stoull(status_field(pid, "VmSize")) * 1024;
        limits.push_back(std::make_unique<Limited>(pid, RLIMIT_AS, now + 65536));
    }
}

// Whatever became of the message, it did not pass.
void never_passes(MilterClient& client, const std::string& mail) {
    try {
        const std::string text = client.message(mail).text();
        BOOST_TEST((text.starts_with("4") || text == kRejected), text);
    } catch (const ConnectionEnded&) {
    }
}

void all_is_well(const Service& service) {
    wait_until("messages are scanned again", [&] {
        try {
            MilterClient client = service.session();
            return client.message(clean_mail("again")).status() == "Clean" &&
                   client.message(eicar_in_zip()).text() == kRejected;
        } catch (const ConnectionEnded&) {
            return false; // by a worker that is about to be replaced
        }
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(shortage_test)

BOOST_AUTO_TEST_CASE(a_supervisor_without_descriptors_serves_whom_it_has_and_lets_others_wait) {
    Service service;
    service.start();
    MilterClient held = service.session();
    const std::vector<pid_t> supervisor = {service.pid()};
    Limits limits;
    no_descriptors(limits, supervisor);
    // The supervisor may not yet have closed its copy of the held connection, and then has room for one more.
    std::vector<MilterClient> waiting;
    wait_until("one is not accepted", [&] {
        waiting.push_back(service.client());
        return count_log(service, "accept-failed") > 0;
    });
    service.wait_log({"accept-failed", "RLIMIT_NOFILE"});
    BOOST_TEST(held.message(eicar_in_zip()).text() == kRejected);
    nobody_spins(supervisor);
    BOOST_TEST(count_log(service, "accept-failed") == 1);
    limits.clear();
    for (MilterClient& one : waiting) {
        one.open();
        BOOST_TEST(one.message(eicar_in_zip()).text() == kRejected);
    }
    all_is_well(service);
}

BOOST_AUTO_TEST_CASE(a_session_worker_without_descriptors_defers_and_is_replaced) {
    if (kSanitized) not_possible("a sanitizer needs descriptors of its own");
    Service service;
    service.start();
    MilterClient held = service.session();
    const auto workers = service.pids("session");
    Limits limits;
    no_descriptors(limits, workers);
    const std::string text = held.message(eicar_in_zip()).text();
    BOOST_TEST(text.starts_with("451 "), text);
    service.wait_log({"store-failed", "Too many open files"});
    // A chunk that comes with the end of the message must not get an answer of its own.
    held.upload(ordinary_headers() + "\r\n");
    held.send('E', eicar() + "\r\n");
    const Verdict in_one = held.receive_verdict();
    BOOST_TEST(in_one.text().starts_with("451 "), in_one.text());
    // A worker that cannot receive a new session reports that it is unfit.
    for (std::size_t count = 0; count < workers.size(); ++count) {
        try {
            MilterClient lost = service.session();
            never_passes(lost, eicar_in_zip());
        } catch (const std::exception&) {
        }
    }
    nobody_spins(workers);
    service.wait_log({"session-worker-unfit"});
    all_is_well(service); // other workers serve
    limits.clear();
    BOOST_TEST(held.message(eicar_in_zip()).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(scanners_without_descriptors_defer_and_never_pass_a_message) {
    if (kSanitized) not_possible("a sanitizer needs descriptors of its own");
    // First with no descriptor for the job itself; then with enough for it, but not for the files that libclamav opens.
    for (const int more : {0, 2}) {
        Service service(Keys{{"scanner.queue_timeout", "\"1s\""}});
        service.start();
        MilterClient held = service.session();
        auto processes = service.pids("scanner");
        Limits limits;
        no_descriptors(limits, processes, more);
        for (int round = 0; round < 3; ++round) {
            const Verdict infected = held.message(eicar_in_zip());
            BOOST_TEST((infected.text().starts_with("451 ") || infected.text() == kRejected), infected.text());
            // A message that can be scanned without a descriptor may be clean.
            const Verdict attached = held.message(
                multipart_mail({text_part("round"), attachment("a.zip", zip({{"noise", noise(20000, 1)}}))}));
            BOOST_TEST((attached.text().starts_with("451 ") || attached.status() == "Clean"), attached.text());
        }
        service.wait_log({more == 0 ? "scan-job-unreadable" : "scan-failed"});
        processes.push_back(service.pids("loader").front());
        nobody_spins(processes);
        limits.clear();
        all_is_well(service);
        wait_until("the held one's too", [&] { return held.message(eicar_in_zip()).text() == kRejected; });
    }
}

BOOST_AUTO_TEST_CASE(a_loader_that_cannot_fork_tries_again_without_a_spin) {
    Service service(Keys{{"scanner.queue_timeout", "\"1s\""}});
    service.start();
    MilterClient held = service.session();
    const auto loader = service.pids("loader");
    {
        const Limited none(loader.front(), RLIMIT_NPROC, 0);
        for (const pid_t pid : service.pids("scanner")) kill(pid, SIGKILL);
        service.wait_log({"scanner-not-started"});
        const std::string text = held.message(eicar_in_zip()).text();
        BOOST_TEST(text.starts_with("451 "), text);
        nobody_spins(loader);
        BOOST_TEST(service.pids("loader") == loader, boost::test_tools::per_element());
    }
    wait_until("it is scanned again", [&] { return held.message(eicar_in_zip()).text() == kRejected; });
    all_is_well(service);
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_cannot_fork_goes_on_with_what_it_has_and_says_so) {
    Service service({}, As::ordinary_user);
    service.start();
    MilterClient held = service.session();
    const pid_t worker = ask(service, "sessions").at("sessions").at(0).at("worker").get<pid_t>();
    const std::vector<pid_t> supervisor = {service.pid()};
    {
        const Limited none(service.pid(), RLIMIT_NPROC, 0);
        for (const pid_t pid : service.pids("session"))
            if (pid != worker) kill(pid, SIGKILL);
        service.wait_status("it is degraded and says why", [](const nlohmann::json& status) {
            return status.at("state") == "degraded" &&
                   status.at("reason").get<std::string>().find("session worker") != std::string::npos;
        });
        const auto answer = ask(service, "reload --force");
        BOOST_TEST(answer.at("ok") == false);
        BOOST_TEST(answer.at("error").get<std::string>().find("evermilter-scanner") != std::string::npos, answer);
        BOOST_TEST(held.message(eicar_in_zip()).text() == kRejected);
        nobody_spins(supervisor);
    }
    service.wait_status("both are there again", [](const nlohmann::json& status) {
        std::size_t ready = 0;
        for (const auto& one : status.at("workers"))
            if (one.at("role") == "session" && one.at("state") == "ready") ++ready;
        return ready == 2;
    });
    held.close(); // a session that ends well shows that all is well
    service.wait_status("it is well", [](const nlohmann::json& status) { return status.at("state") == "ready"; });
    BOOST_TEST(ask(service, "reload --force").at("ok") == true);
    all_is_well(service);
}

BOOST_AUTO_TEST_CASE(scanners_without_memory_never_pass_a_message) {
    Service service;
    service.start();
    MilterClient held = service.session();
    Limits limits;
    no_memory(limits, service.pids("scanner"));
    for (unsigned round = 0; round < 4; ++round) {
        never_passes(
            held,
            multipart_mail({text_part("round " + std::to_string(round)),
                            attachment("a.zip", zip({{"noise", noise(3'000'000, round)}, {"eicar.com", eicar()}}))}));
    }
    limits.clear();
    all_is_well(service);
    BOOST_TEST(held.message(eicar_in_zip()).text() == kRejected);
}

BOOST_AUTO_TEST_CASE(session_workers_without_memory_never_pass_a_message) {
    Service service;
    service.start();
    std::vector<MilterClient> held;
    held.reserve(4);
    for (int count = 0; count < 4; ++count) held.push_back(service.session());
    const auto workers = service.pids("session");
    Limits limits;
    no_memory(limits, workers);
    for (MilterClient& client : held) {
        never_passes(client, multipart_mail({text_part("held"), attachment("eicar.com", eicar()),
                                             attachment("noise.bin", noise(700'000, 3))}));
    }
    for (int count = 0; count < 8; ++count) {
        try {
            MilterClient fresh = service.client();
            fresh.open();
            never_passes(fresh, eicar_in_zip());
        } catch (const std::exception&) { // the connection was not accepted
        }
    }
    nobody_spins(workers);
    limits.clear();
    all_is_well(service);
}

BOOST_AUTO_TEST_SUITE_END()
