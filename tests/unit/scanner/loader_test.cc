// The real evermilter-scanner, told by a test that plays the supervisor.
#include "workers/scanner/loader.h"

#include <sys/wait.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <optional>

#include "tests/support/busy_cpu.h"
#include "tests/support/command.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"
#include "workers/scanner/load_priority.h"

namespace evermilter {
namespace {

using messages::ScanOutcome;

// As the session worker sends it: behind the synthetic first lines.
std::string scanned(const std::string& mail) {
    return "From sender@example.org Thu Jan  1 00:00:00 1970\r\n"
           "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
           mail;
}

bool exited_with(int wait_status, int code) {
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == code;
}

// A generation that serves.
struct GenerationServer {
    GenerationServer() : config(test::scanner_config(folder)) { test::write_eicar_database(folder / "database"); }
    void start(std::uint32_t count, unique_fd poison = {}) {
        messages::StartLoad order;
        order.poison = std::move(poison);
        loader.start_load(config, std::move(order), count);
        (void)loader.expect<messages::LoaderReady>();
    }
    // By slot, as they were told before LoaderReady.
    [[nodiscard]] std::vector<pid_t> scanners() const {
        std::vector<pid_t> pids;
        for (const auto& message : loader.seen)
            if (const auto* started = std::get_if<messages::ScannerStarted>(&message))
                pids.push_back(static_cast<pid_t>(started->pid));
        return pids;
    }
    void let_scans_be_slow() {
        test::write_slow_database(folder / "database");
        config.scanner.pcre_match_limit = 4'000'000'000;
        config.scanner.pcre_rec_match_limit = 1'000'000;
    }
    // Above 34 it does not end.
    [[nodiscard]] static std::string slow_mail(unsigned cost = 40) {
        return test::multipart_mail({test::text_part(test::slow_text(cost))});
    }

    test::Folder folder;
    config::Config config;
    test::LoaderProcess loader;
};

} // namespace

BOOST_AUTO_TEST_SUITE(loader)

BOOST_AUTO_TEST_CASE(a_loaded_generation_answers_jobs_and_ends_with_its_queue) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    test::LoaderProcess loader;
    loader.start_load(config, {}, 3);
    const auto ready = loader.expect<messages::LoaderReady>();
    BOOST_TEST(ready.signatures == 1U);
    BOOST_TEST(ready.digest.size() == 64U);
    BOOST_TEST(ready.databases == std::vector<std::string>{"eicar.ndb"}, boost::test_tools::per_element());

    const auto clean = loader.scan(scanned(test::clean_mail()));
    BOOST_TEST((clean.outcome == ScanOutcome::clean), clean.detail);
    const auto infected = loader.scan(scanned(test::eicar_attached()));
    BOOST_TEST((infected.outcome == ScanOutcome::infected));
    BOOST_TEST(infected.detail == test::kEicarName);

    loader.close_queue();
    BOOST_TEST(exited_with(loader.wait(), 0));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_AUTO_TEST_CASE(a_job_that_is_poison_is_dropped_and_others_are_not) {
    const auto board = PoisonBoard::create();
    BOOST_REQUIRE(board.ok());
    const MessageDigests poison{{{1, 2, 3, 4}}, {{5, 6, 7, 8}}};
    GenerationServer generation;
    generation.start(1, std::move(*board->duplicate()));
    const std::string mail = scanned(test::clean_mail());
    BOOST_TEST(generation.loader.submit(mail, 0, poison).taken().has_value());
    board->set(0, poison, monotonic_ns() + 60'000'000'000); // known while the scanner lives
    BOOST_TEST(!generation.loader.submit(mail, 0, poison).taken().has_value());
    BOOST_TEST(!generation.loader.submit(mail, 0, {{{9, 9, 9, 9}}, poison.body}).taken().has_value());
    BOOST_TEST(generation.loader.submit(mail, 0, {{{9, 9, 9, 9}}, {{9, 9, 9, 9}}}).taken().has_value());
    BOOST_TEST(generation.loader.submit(mail).taken().has_value());
}

BOOST_AUTO_TEST_CASE(what_could_not_be_taken_apart_is_not_clean_when_it_comes_again) {
    using namespace std::string_literals;
    GenerationServer generation;
    generation.start(1);
    const std::string xz =
        "\xfd"
        "7zXZ\0\0\1\x69\x22\xde\x36"s; // cut off behind the stream header
    for (int round = 0; round < 3; ++round) {
        const auto result = generation.loader.scan(scanned(test::multipart_mail(
            {test::text_part("round " + std::to_string(round)), test::attachment("cut off.xz", xz)})));
        BOOST_TEST((result.outcome == ScanOutcome::incomplete), round);
        BOOST_TEST(result.detail == "malformed");
    }
}

BOOST_AUTO_TEST_CASE(started_by_hand_it_says_so_and_exits_64) {
    const test::Outcome outcome = test::run({test::program("evermilter-scanner")});
    BOOST_TEST(outcome.status == 64);
    BOOST_TEST(outcome.errors == "evermilter-scanner: started by evermilterd only\n");
}

BOOST_AUTO_TEST_CASE(a_refused_load_says_why_leaves_nothing_and_exits_with_its_code) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_file(folder / "database/local.ndb", "Good:0:*:6162636465\nbroken\n");
    test::LoaderProcess loader;
    loader.start_load(config);
    const auto failed = loader.expect<messages::LoadFailed>();
    BOOST_TEST(failed.exit_code == 65);
    BOOST_TEST(failed.error.starts_with((folder / "database/local.ndb").string() + ":2: "));
    BOOST_TEST(exited_with(loader.wait(), 65));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
    BOOST_TEST(test::entries_below(folder / "state/snapshots").empty());
}

BOOST_AUTO_TEST_CASE(a_temp_directory_that_is_not_there_refuses_the_load) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    std::filesystem::remove(folder / "tmp");
    test::LoaderProcess loader;
    loader.start_load(config);
    BOOST_TEST(loader.expect<messages::LoadFailed>().exit_code == 73);
    BOOST_TEST(exited_with(loader.wait(), 73));
}

bool is_polite(pid_t thread) {
    return test::nice_value(thread) == scanner::kLowestPriority;
}

// How many threads of a process have the lowest priority.
std::size_t polite_threads(pid_t pid) {
    const auto threads = test::threads_of(pid);
    return static_cast<std::size_t>(std::count_if(threads.begin(), threads.end(), is_polite));
}

// What a load of low priority came to: Ready, or nothing when others saturate this machine and it was given up.
std::optional<messages::LoaderReady> ready_or_starved(test::LoaderProcess& loader) {
    for (;;) {
        auto message = loader.next();
        if (auto* ready = std::get_if<messages::LoaderReady>(&message)) return std::move(*ready);
        if (std::holds_alternative<messages::LoadStarved>(message)) return std::nullopt;
        loader.seen.push_back(std::move(message));
    }
}

BOOST_AUTO_TEST_CASE(a_load_beside_what_serves_has_the_lowest_priority_and_its_scanners_have_not) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_bulk_database(folder / "database", 1000);
    for (bool starved = true; starved;) {
        test::LoaderProcess loader;
        messages::StartLoad order;
        order.low_priority = true;
        order.await_room = true; // holds it where its thread can be looked at
        loader.start_load(config, std::move(order));
        (void)loader.expect<messages::LoadAwaitsRoom>();
        BOOST_TEST(polite_threads(loader.pid()) == 1U);
        loader.send(messages::RoomToLoad{});
        const auto ready = ready_or_starved(loader);
        starved = !ready;
        if (starved) continue;
        BOOST_TEST(ready->engine_bytes > 0U);
        BOOST_TEST(ready->expected_bytes > 0U);
        BOOST_TEST(polite_threads(loader.pid()) == 0U);
        std::size_t scanners = 0;
        for (const auto& message : loader.seen)
            if (const auto* started = std::get_if<messages::ScannerStarted>(&message)) {
                BOOST_TEST(polite_threads(static_cast<pid_t>(started->pid)) == 0U);
                ++scanners;
            }
        BOOST_TEST(scanners == 1U);
    }
}

BOOST_AUTO_TEST_CASE(a_polite_load_that_gets_no_cpu_is_given_up_and_leaves_nothing) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_bulk_database(folder / "database", 400'000);
    test::LoaderProcess loader;
    messages::StartLoad order;
    order.low_priority = true;
    const test::BusyCpu busy;
    loader.start_load(config, std::move(order));
    test::wait_until("the load thread is on the busy CPU", [&] {
        const auto threads = test::threads_of(loader.pid());
        return std::any_of(threads.begin(), threads.end(),
                           [&](pid_t thread) { return is_polite(thread) && busy.take(thread); });
    });
    (void)loader.expect<messages::LoadStarved>();
    BOOST_TEST(exited_with(loader.wait(), 0));
    BOOST_TEST(test::entries_below(folder / "state/snapshots").empty());
    BOOST_TEST(test::entries_below(folder / "temp").empty());
}

BOOST_AUTO_TEST_CASE(a_load_that_waits_for_room_begins_with_it) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    test::LoaderProcess loader;
    messages::StartLoad order;
    order.await_room = true;
    loader.start_load(config, std::move(order));
    (void)loader.expect<messages::LoadAwaitsRoom>();
    const auto step = [](const messages::FromLoader& message) {
        const auto* progress = std::get_if<messages::LoadProgress>(&message);
        return progress == nullptr ? std::string() : progress->step;
    };
    for (const auto& message : loader.seen) BOOST_TEST(step(message) != "load");
    loader.send(messages::RoomToLoad{});
    while (step(loader.next()) != "load") {
    }
    (void)loader.expect<messages::LoaderReady>();
}

BOOST_AUTO_TEST_CASE(what_is_active_already_is_told_and_ends_well) {
    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    test::LoaderProcess first;
    first.start_load(config);
    messages::StartLoad order;
    order.generation = 2;
    order.active_digest = first.expect<messages::LoaderReady>().digest;
    test::LoaderProcess second;
    second.start_load(config, std::move(order));
    (void)second.expect<messages::LoadUnchanged>();
    BOOST_TEST(exited_with(second.wait(), 0));
    BOOST_TEST(
        test::entries_below(folder / "state/snapshots") == (std::vector<std::string>{"1", "1/about", "1/eicar.ndb"}),
        boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_site_probe_that_is_not_found_refuses_the_load) {
    test::Folder folder;
    auto config = test::scanner_config(folder);
    test::write_eicar_database(folder / "database");
    config.database.proof_directory = folder / "proof";
    std::filesystem::create_directories(folder / "proof/infected");
    std::filesystem::create_directories(folder / "proof/clean");
    test::write_file(folder / "proof/infected/eicar.eml", scanned(test::eicar_attached()));
    test::write_file(folder / "proof/clean/letter.eml", scanned(test::clean_mail()));
    {
        test::LoaderProcess good;
        good.start_load(config);
        (void)good.expect<messages::LoaderReady>();
    }
    test::write_file(folder / "proof/infected/other.eml", scanned(test::clean_mail("not known")));
    {
        test::LoaderProcess missed;
        missed.start_load(config);
        const auto failed = missed.expect<messages::LoadFailed>();
        BOOST_TEST(failed.exit_code == 70);
        BOOST_TEST(failed.error == "proof failed: " + (folder / "proof/infected/other.eml").string() +
                                       " must be found, but nothing was found");
        BOOST_TEST(exited_with(missed.wait(), 70));
    }
    std::filesystem::remove(folder / "proof/infected/other.eml");
    test::write_file(folder / "proof/clean/eicar.eml", scanned(test::eicar_in_body()));
    test::LoaderProcess alarmed;
    alarmed.start_load(config);
    BOOST_TEST(alarmed.expect<messages::LoadFailed>().error ==
               "proof failed: " + (folder / "proof/clean/eicar.eml").string() + " must be clean, but " +
                   test::kEicarName + " was found");
}

BOOST_FIXTURE_TEST_CASE(a_signature_that_kills_the_proof_kills_nothing_else, GenerationServer) {
    let_scans_be_slow();
    config.database.proof_directory = folder / "proof";
    std::filesystem::create_directories(folder / "proof/clean");
    const std::filesystem::path probe = folder / "proof/clean/endless.eml";
    test::write_file(probe, scanned(slow_mail()));
    loader.start_load(config);
    while (loader.expect<messages::LoadProgress>().step != "proof") {
    }
    std::vector<test::Process> proof;
    constexpr std::uint64_t kLong = 100; // ticks of 10 ms: the built-in probes take far less
    test::wait_until("the proof is at the endless probe", [&] {
        proof = test::children(loader.pid());
        return !proof.empty() && proof.front().cpu_ticks > kLong;
    });
    loader.send(messages::Ping{3});
    BOOST_TEST(loader.expect<messages::Pong>().serial == 3U);
    BOOST_REQUIRE(::kill(proof.front().pid, SIGKILL) == 0);
    const auto failed = loader.expect<messages::LoadFailed>();
    BOOST_TEST(failed.exit_code == 70);
    BOOST_TEST(failed.error == "proof failed: signal 9 (KILL) while " + probe.string() + " was scanned");
    BOOST_TEST(exited_with(loader.wait(), 70));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_FIXTURE_TEST_CASE(a_dead_scanner_is_replaced_and_its_temp_folder_wiped, GenerationServer) {
    start(2);
    const auto pids = scanners();
    std::filesystem::create_directory(folder / "tmp/g1-s0/left");
    test::write_file(folder / "tmp/g1-s0/left/over", "by a scan");
    BOOST_REQUIRE(::kill(pids[0], SIGKILL) == 0);
    const auto ended = loader.expect<messages::ScannerEnded>();
    BOOST_TEST(ended.pid == pids[0]);
    BOOST_TEST(ended.slot == 0U);
    BOOST_TEST(!ended.expected);
    BOOST_TEST((WIFSIGNALED(ended.wait_status) && WTERMSIG(ended.wait_status) == SIGKILL));
    const auto started = loader.expect<messages::ScannerStarted>();
    BOOST_TEST(started.slot == 0U);
    BOOST_TEST(test::entries_below(folder / "tmp") == (std::vector<std::string>{"g1-s0", "g1-s1"}),
               boost::test_tools::per_element());
    BOOST_TEST((loader.scan(scanned(test::eicar_attached())).outcome == ScanOutcome::infected));
}

BOOST_FIXTURE_TEST_CASE(a_killed_scanners_message_shows_as_the_end_of_its_reply, GenerationServer) {
    let_scans_be_slow();
    start(1);
    auto job = loader.submit(scanned(slow_mail()));
    const auto pid = job.taken();
    BOOST_REQUIRE(pid.has_value());
    BOOST_TEST(*pid == scanners()[0]); // as the kernel proves it
    BOOST_REQUIRE(::kill(*pid, SIGKILL) == 0);
    BOOST_TEST(!job.result().has_value());
    BOOST_TEST((loader.scan(scanned(test::eicar_attached())).outcome == ScanOutcome::infected));
}

BOOST_FIXTURE_TEST_CASE(an_overdue_scanner_is_killed_if_it_is_still_on_that_job, GenerationServer) {
    let_scans_be_slow();
    start(1);
    const pid_t scanner = scanners()[0];
    BOOST_TEST((loader.scan(scanned(test::clean_mail())).outcome == ScanOutcome::clean)); // job 1
    auto job = loader.submit(scanned(slow_mail()));                                       // job 2
    BOOST_REQUIRE(job.taken().has_value());
    loader.send(messages::ScannerOverdue{1, scanner, 1});          // was answered
    loader.send(messages::ScannerOverdue{1, scanner + 100000, 2}); // not ours
    loader.send(messages::Ping{7});
    BOOST_TEST(loader.expect<messages::Pong>().serial == 7U);
    BOOST_TEST(test::alive(scanner));
    loader.send(messages::ScannerOverdue{1, scanner, 2});
    BOOST_TEST(loader.expect<messages::ScannerEnded>().pid == scanner);
    BOOST_TEST(!job.result().has_value());
    (void)loader.expect<messages::ScannerStarted>();
}

BOOST_FIXTURE_TEST_CASE(a_job_that_nobody_waits_for_is_dropped_without_a_scan, GenerationServer) {
    let_scans_be_slow();
    start(1);
    auto busy = loader.submit(scanned(slow_mail(25)));
    BOOST_REQUIRE(busy.taken().has_value());
    auto expired = loader.submit(scanned(test::clean_mail("late")), monotonic_ns() - 1);
    auto abandoned = loader.submit(scanned(slow_mail()));
    abandoned.abandon();
    auto last = loader.submit(scanned(test::clean_mail("in time")));
    BOOST_TEST(!expired.taken().has_value());
    BOOST_REQUIRE(last.result().has_value());
    BOOST_TEST(loader.board().slot(0).jobs_total.load() == 2U);
}

BOOST_FIXTURE_TEST_CASE(after_its_share_of_messages_a_scanner_is_replaced, GenerationServer) {
    config.scanner.max_jobs = 2;
    start(1);
    const pid_t first = scanners()[0];
    for (int i = 0; i < 2; ++i)
        BOOST_TEST(
            (loader.scan(scanned(test::clean_mail("number " + std::to_string(i)))).outcome == ScanOutcome::clean));
    const auto ended = loader.expect<messages::ScannerEnded>();
    BOOST_TEST(ended.pid == first);
    BOOST_TEST(ended.expected);
    BOOST_TEST((loader.scan(scanned(test::clean_mail("number 3"))).outcome == ScanOutcome::clean));
}

BOOST_FIXTURE_TEST_CASE(after_its_life_span_an_idle_scanner_is_replaced, GenerationServer) {
    config.scanner.max_age = std::chrono::milliseconds(1000);
    start(1);
    const auto ended = loader.expect<messages::ScannerEnded>();
    BOOST_TEST(ended.expected);
    (void)loader.expect<messages::ScannerStarted>();
}

BOOST_FIXTURE_TEST_CASE(a_scanner_whose_temp_directory_is_gone_takes_no_job_and_gets_a_new_one, GenerationServer) {
    start(1);
    std::filesystem::remove_all(folder / "tmp/g1-s0");
    // It is sent again by its worker.
    BOOST_TEST(!loader.submit(scanned(test::eicar_attached())).result().has_value());
    BOOST_TEST(!loader.expect<messages::ScannerEnded>().expected);
    BOOST_TEST((loader.scan(scanned(test::eicar_attached())).outcome == ScanOutcome::infected));
}

BOOST_FIXTURE_TEST_CASE(without_a_place_for_temp_directories_it_tries_until_there_is_one, GenerationServer) {
    start(1);
    std::filesystem::remove_all(folder / "tmp");
    BOOST_TEST(!loader.submit(scanned(test::eicar_attached())).result().has_value());
    (void)loader.expect<messages::ScannerEnded>();
    std::filesystem::create_directory(folder / "tmp");
    (void)loader.expect<messages::ScannerStarted>();
    BOOST_TEST((loader.scan(scanned(test::eicar_attached())).outcome == ScanOutcome::infected));
}

BOOST_FIXTURE_TEST_CASE(the_supervisors_death_does_not_end_a_serving_generation, GenerationServer) {
    start(2);
    loader.close_channel();
    BOOST_TEST((loader.scan(scanned(test::eicar_attached())).outcome == ScanOutcome::infected));
    // Still replaced, too.
    BOOST_REQUIRE(::kill(static_cast<pid_t>(loader.board().slot(0).pid.load()), SIGKILL) == 0);
    BOOST_REQUIRE(::kill(static_cast<pid_t>(loader.board().slot(1).pid.load()), SIGKILL) == 0);
    BOOST_TEST((loader.scan(scanned(test::eicar_in_body())).outcome == ScanOutcome::infected));
    loader.close_queue();
    BOOST_TEST(exited_with(loader.wait(), 0));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_AUTO_TEST_CASE(a_loader_without_a_supervisor_ends_before_it_serves) {
    test::LoaderProcess waiting;
    waiting.close_channel();
    BOOST_TEST(exited_with(waiting.wait(), 0));

    test::Folder folder;
    const auto config = test::scanner_config(folder);
    test::write_bulk_database(folder / "database", 200000);
    test::LoaderProcess loading;
    loading.start_load(config);
    while (loading.expect<messages::LoadProgress>().step != "load") {
    }
    loading.close_channel();
    BOOST_TEST(exited_with(loading.wait(), 0));
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
    BOOST_TEST(test::entries_below(folder / "state/snapshots").empty());
}

BOOST_FIXTURE_TEST_CASE(a_scan_that_does_not_end_cannot_hold_a_generation_whose_queue_has_ended, GenerationServer) {
    config.scanner.max_scan_time = std::chrono::seconds(2);
    let_scans_be_slow();
    start(1);
    auto job = loader.submit(scanned(slow_mail(40)));
    BOOST_REQUIRE(job.taken().has_value());
    loader.close_queue();
    BOOST_TEST(exited_with(loader.wait(), 0));
    BOOST_TEST(!job.result().has_value());
}

BOOST_FIXTURE_TEST_CASE(jobs_in_the_queue_are_done_before_the_generation_ends, GenerationServer) {
    start(1);
    std::vector<test::Job> jobs;
    jobs.reserve(20);
    for (int i = 0; i < 20; ++i) jobs.push_back(loader.submit(scanned(test::clean_mail("job " + std::to_string(i)))));
    loader.close_queue();
    for (auto& job : jobs) BOOST_TEST(job.result().has_value());
    BOOST_TEST(exited_with(loader.wait(), 0));
}

BOOST_FIXTURE_TEST_CASE(a_scanner_holds_nothing_of_the_loader, GenerationServer) {
    start(1);
    (void)loader.scan(scanned(test::clean_mail()));
    // 0 to 2 as inherited, the queue and the engine's lock are left once the job is closed.
    test::wait_until("the scanner has closed all but its queue", [&] {
        auto open = test::descriptors(scanners()[0]);
        std::erase_if(open, [](const auto& one) { return one.number <= 2 || one.target.ends_with("/engines"); });
        return open.size() == 1 && open[0].target.starts_with("socket:");
    });
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter
