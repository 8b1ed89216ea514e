// Scanners that take nothing while messages wait, for whatever reason: the service notices within seconds, reports it,
// and recovers without help, and no message is deferred. Long scans do not count as such a fault.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/integration/reloading.h"
#include "tests/support/database.h"
#include "tests/support/foreign_call.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
using nlohmann::json;

namespace {

struct Running {
    explicit Running(const Keys& keys = {{"scanner.queue_timeout", "\"30s\""}}) : service(keys) {
        service.start();
        id = current(service);
        const auto both = loader_and_standby(service, id);
        loader = both.loader;
        standby = both.standby;
        scanners = service.pids("scanner");
    }
    // A message that comes now is scanned, although no scanner can take it when it comes.
    void check_heals(const std::string& remedy) {
        MilterClient client = service.session();
        BOOST_TEST(client.message(eicar_in_body()).text().starts_with("550 "));
        BOOST_TEST(client.message(clean_mail("afterwards")).status() == "Clean");
        BOOST_TEST(!service.wait_log({"event=scanners-idle", remedy}).empty());
        BOOST_TEST(!service.wait_log({"event=state", "state=degraded", "take no messages"}).empty());
        service.wait_status("it is ready again", [](const json& status) { return status.at("state") == "ready"; });
        BOOST_TEST(service.status().at("messages").at("error") == 0);
    }
    // A scanner has only this socket.
    [[nodiscard]] static Descriptor queue_of(pid_t scanner) {
        for (const Descriptor& one : descriptors(scanner))
            if (one.number > 2 && one.target.starts_with("socket:")) return one;
        throw std::runtime_error("a scanner without a queue");
    }
    static void make_queue_deaf(pid_t process, const std::string& queue) {
        for (const Descriptor& one : descriptors(process))
            if (one.target == queue) make_deaf(process, one.number);
    }

    Service service;
    std::uint64_t id = 0;
    pid_t loader = 0;
    pid_t standby = 0;
    std::vector<pid_t> scanners;
};

constexpr const char* kScannersReplaced = "they are replaced";
constexpr const char* kLoaderReplaced = "their loader is replaced";
constexpr const char* kLoadedAgain = "the database is loaded again";

} // namespace

BOOST_AUTO_TEST_SUITE(serving_test)

BOOST_AUTO_TEST_CASE(scanners_that_are_stopped_while_a_message_waits_are_replaced_and_it_is_answered) {
    Running one;
    for (const pid_t scanner : one.scanners) stop_process(scanner);
    one.check_heals(kScannersReplaced);
    for (const pid_t scanner : one.scanners) BOOST_TEST(!alive(scanner));
    BOOST_TEST(current(one.service) == one.id);
    BOOST_TEST(loads(one.service) == 1U);
    BOOST_TEST(loader_and_standby(one.service, one.id).loader == one.loader);
}

BOOST_AUTO_TEST_CASE(a_loader_that_does_not_replace_them_is_replaced_too) {
    Running one;
    stop_process(one.loader);
    for (const pid_t scanner : one.scanners) stop_process(scanner);
    one.check_heals(kLoaderReplaced);
    BOOST_TEST(current(one.service) == one.id);
    BOOST_TEST(loads(one.service) == 1U);
    BOOST_TEST(loader_and_standby(one.service, one.id).loader == one.standby);
}

BOOST_AUTO_TEST_CASE(scanners_whose_queue_is_another_descriptor_are_replaced) {
    Running one;
    for (const pid_t scanner : one.scanners) make_deaf(scanner, Running::queue_of(scanner).number);
    one.check_heals(kScannersReplaced);
    BOOST_TEST(loads(one.service) == 1U);
}

BOOST_AUTO_TEST_CASE(a_loader_that_forks_scanners_with_a_wrong_queue_is_followed_by_its_standby) {
    Running one;
    const std::string queue = Running::queue_of(one.scanners.front()).target;
    Running::make_queue_deaf(one.loader, queue);
    for (const pid_t scanner : one.scanners) Running::make_queue_deaf(scanner, queue);
    one.check_heals(kLoaderReplaced);
    BOOST_TEST(loads(one.service) == 1U);
}

BOOST_AUTO_TEST_CASE(where_the_standby_is_no_better_the_database_is_loaded_anew) {
    Running one;
    const std::string queue = Running::queue_of(one.scanners.front()).target;
    Running::make_queue_deaf(one.standby, queue);
    Running::make_queue_deaf(one.loader, queue);
    for (const pid_t scanner : one.scanners) Running::make_queue_deaf(scanner, queue);
    one.check_heals(kLoadedAgain);
    BOOST_TEST(current(one.service) != one.id);
}

BOOST_AUTO_TEST_CASE(a_generation_that_drains_is_healed_as_well) {
    Running one;
    MilterClient held = one.service.session();
    add_second_signature(one.service);
    BOOST_TEST(ask(one.service).at("ok") == true);
    BOOST_TEST(state_of(one.service.status(), one.id) == "draining");
    for (const pid_t scanner : one.scanners) stop_process(scanner);
    BOOST_TEST(held.message(second_mail()).status() == "Clean"); // scanned by the old generation
    one.service.wait_log({"event=scanners-idle", kScannersReplaced});
    BOOST_TEST(state_of(one.service.status(), one.id) == "draining");
}

BOOST_AUTO_TEST_CASE(one_scanner_that_is_stopped_keeps_no_message_from_another_that_serves) {
    const Running one;
    stop_process(one.scanners.front());
    MilterClient client = one.service.session();
    BOOST_TEST(client.message(clean_mail("as ever")).status() == "Clean");
    BOOST_TEST(one.service.status().at("state") == "ready");
    BOOST_TEST(alive(one.scanners.front()));
}

BOOST_AUTO_TEST_CASE(long_scans_of_all_scanners_with_messages_behind_them_are_no_fault) {
    Service service({{"scanner.processes", "1"},
                     {"scanner.max_scan_time", "\"4s\""},
                     {"scanner.pcre_match_limit", "4000000000"},
                     {"scanner.pcre_rec_match_limit", "1000000"}});
    write_slow_database(service.database());
    service.start();
    const auto id = current(service);
    MilterClient slow = service.session();
    slow.upload(multipart_mail({text_part(slow_text(40))}));
    slow.send('E');
    service.wait_status("it scans",
                        [&](const json& status) { return generation(status, id).at("scans_running") == 1; });
    MilterClient behind = service.session();
    const std::string waited = behind.message(eicar_in_body()).text(); // waits until the slow scan is given up
    BOOST_TEST(waited.starts_with("550 "));
    BOOST_TEST(slow.receive_verdict().text().starts_with("451 "));
    BOOST_TEST(count_log(service, "event=scanners-idle") == 0U);
    BOOST_TEST(current(service) == id);
}

BOOST_AUTO_TEST_SUITE_END()
