// The answer that a mail server gets for each kind of message, and for each way in which a scan can fail: a failure is
// never "clean", and a message that was not scanned to its end is never stamped so.
#include <csignal>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/capture.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;

namespace {

const std::string kRejected = std::string("550 5.7.1 virus found: ") + kEicarName;
const std::string kError = "451 4.7.1 scanner unavailable, try again later";

Verdict answer(const Service& service, const std::string& mail) {
    MilterClient client = service.session();
    Verdict verdict = client.message(mail);
    client.quit();
    return verdict;
}

// The limits that make slow_text() slow.
Keys slow(Keys keys) {
    keys["scanner.pcre_match_limit"] = "4000000000";
    keys["scanner.pcre_rec_match_limit"] = "1000000";
    return keys;
}

// More files than libclamav looks at by default; the last one is infected.
std::string too_many_files() {
    std::vector<ZipEntry> entries;
    for (int number = 0; number < 10050; ++number) entries.push_back({"f" + std::to_string(number), "x"});
    entries.push_back({"eicar.com", eicar()});
    return multipart_mail({text_part("Many."), attachment("many.zip", zip(entries))});
}

} // namespace

BOOST_AUTO_TEST_SUITE(verdict_test)

BOOST_AUTO_TEST_CASE(clean_mail_is_accepted_and_stamped_clean) {
    Service service;
    service.start();
    const Verdict verdict = answer(service, clean_mail());
    BOOST_TEST(verdict.text() == "accept");
    BOOST_TEST(verdict.status() == "Clean");
    BOOST_TEST(verdict.added("X-Virus-Scanned").value_or("").find("evermilter") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(infected_mail_is_rejected_by_the_reply_of_the_configuration_in_every_protocol_version) {
    Service service;
    service.start();
    for (const std::uint32_t version : {2U, 3U, 4U, 5U, 6U}) {
        BOOST_TEST_CONTEXT("protocol version " << version) {
            MilterClient client = service.session(Offer::of_version(version));
            BOOST_TEST(client.version() == version);
            for (const std::string& mail : {eicar_in_body(), eicar_attached(), eicar_in_zip(),
                                            forwarded(eicar_attached()), forwarded(forwarded(eicar_in_zip()))}) {
                const Verdict verdict = client.message(mail);
                BOOST_TEST(verdict.text() == kRejected);
                BOOST_TEST(verdict.status() != "Clean");
            }
            const Verdict clean = client.message(clean_mail());
            BOOST_TEST(clean.text() == "accept");
            BOOST_TEST(clean.status() == "Clean");
            client.quit();
        }
    }
    const nlohmann::json status =
        service.wait_status("every detection is counted by name",
                            [](const nlohmann::json& now) { return now.at("viruses").value(kEicarName, 0) == 25; });
    BOOST_TEST(status.at("messages").at("infected") == 25);
    BOOST_TEST(status.at("messages").at("clean") == 5);
}

BOOST_AUTO_TEST_CASE(a_detection_is_logged_as_logwatch_counts_it) {
    Service service;
    service.start();
    Envelope envelope;
    envelope.sender = "<a@example.org>";
    envelope.recipients = {"<c@example.org>"};
    service.session().message(eicar_attached(), envelope);
    service.wait_log({std::string("Message from <a@example.org> to <c@example.org> infected by ") + kEicarName});
}

BOOST_AUTO_TEST_CASE(the_reject_text_is_filled_in_and_a_percent_sign_reaches_the_mail_server) {
    Service service(Keys{{"actions.reject_text", "\"554 5.7.9 100% {virus} in {queue_id} by {generation}\""}});
    service.start();
    MilterClient client = service.session();
    Envelope envelope;
    envelope.queue_id = "4AbCdEf";
    const auto generation = service.status().at("current_generation").get<std::uint64_t>();
    BOOST_TEST(client.message(eicar_attached(), envelope).text() ==
               std::string("554 5.7.9 100% ") + kEicarName + " in 4AbCdEf by " + std::to_string(generation));
}

BOOST_AUTO_TEST_CASE(a_reply_may_have_several_lines) {
    Service service(
        Keys{{"actions.reject_text", R"("554 5.7.9 {virus} found\nsee https://example.org/viruses\n100%")"}});
    service.start();
    BOOST_TEST(answer(service, eicar_attached()).text() == std::string("554-5.7.9 ") + kEicarName +
                                                               " found\r\n554-5.7.9 see https://example.org/viruses\r\n"
                                                               "554 5.7.9 100%");
}

BOOST_AUTO_TEST_CASE(each_action_for_infected_mail_gives_its_reply_and_none_stamps_it_clean) {
    const std::map<std::string, std::string> replies = {
        {"accept", "accept"}, {"discard", "discard"}, {"quarantine", "accept"}, {"tempfail", kError}};
    for (const auto& [action, reply] : replies) {
        BOOST_TEST_CONTEXT(action) {
            Service service(Keys{{"actions.infected", '"' + action + '"'}});
            service.start();
            const Verdict verdict = answer(service, eicar_attached());
            if (action == "tempfail") {
                BOOST_TEST((verdict.text() == "tempfail" || verdict.text().starts_with("4")));
            } else {
                BOOST_TEST(verdict.text() == reply);
            }
            BOOST_TEST(verdict.quarantined() == (action == "quarantine"));
            if (action == "accept" || action == "quarantine")
                BOOST_TEST(verdict.status() == std::string("Infected (") + kEicarName + ")");
        }
    }
}

BOOST_AUTO_TEST_CASE(headers_are_added_replaced_or_left_as_configured) {
    const std::string forged =
        "X-Virus-Status: Clean\r\nX-Virus-Status: Clean, really\r\nX-Virus-Scanned: by me\r\n" + clean_mail();
    const auto deletions = [](const Verdict& verdict) {
        std::vector<std::string> found;
        for (const Modification& one : verdict.modifications)
            if (one.command == 'm' && one.value.empty()) found.push_back(one.name + std::to_string(one.index));
        return found;
    };
    for (const std::string mode : {"no", "add", "replace"}) {
        BOOST_TEST_CONTEXT(mode) {
            Service service(Keys{{"headers.add", '"' + mode + '"'}});
            service.start();
            const Verdict verdict = answer(service, forged);
            BOOST_TEST(verdict.text() == "accept");
            if (mode == "no") {
                BOOST_TEST(verdict.modifications.empty());
                continue;
            }
            BOOST_TEST(verdict.status() == "Clean");
            std::vector<std::string> found = deletions(verdict);
            if (mode == "add") {
                BOOST_TEST(found.empty());
                continue;
            }
            // From the highest index down, because Sendmail keeps indices after a deletion, while Postfix shifts them.
            BOOST_TEST(std::count(found.begin(), found.end(), "X-Virus-Scanned1") == 1);
            std::erase(found, "X-Virus-Scanned1");
            BOOST_TEST(found == (std::vector<std::string>{"X-Virus-Status2", "X-Virus-Status1"}),
                       boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_message_that_grows_too_large_with_its_last_packet_gets_one_answer_and_the_oversize_action) {
    // An end of message may carry the last chunk of the body; libmilter then asks for the chunk's reply first.
    Service service(Keys{{"message.max_size", "\"64KiB\""}, {"actions.oversize", "\"reject\""}});
    service.start();
    MilterClient client = service.session();
    BOOST_REQUIRE(client.upload(clean_mail()).command == 'c');
    for (int i = 0; i < 2; ++i) BOOST_REQUIRE(client.body(std::string(30000, 'x')).command == 'c');
    client.send('E', std::string(30000, 'x'));
    BOOST_TEST(client.receive_verdict().text().starts_with("552 5.3.4 "));
    BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
    BOOST_TEST(service.status().at("messages").at("oversize") == 1);
}

BOOST_AUTO_TEST_CASE(an_oversized_message_gets_its_action_and_is_never_stamped_clean) {
    const std::map<std::string, std::string> replies = {{"accept", "accept"}, {"reject", "5"}, {"tempfail", "4"}};
    for (const auto& [action, reply] : replies) {
        BOOST_TEST_CONTEXT(action) {
            Service service(Keys{{"message.max_size", "\"64KiB\""}, {"actions.oversize", '"' + action + '"'}});
            service.start();
            MilterClient client = service.session();
            const Verdict verdict =
                client.message(multipart_mail({attachment("eicar.com", eicar()), text_part(std::string(80000, 'x'))}));
            if (action == "accept") {
                BOOST_TEST(verdict.text() == "accept");
                BOOST_TEST(verdict.status().starts_with("Not scanned ("));
            } else {
                BOOST_TEST((verdict.text() == action || verdict.text().starts_with(reply)));
            }
            BOOST_TEST(service.status().at("messages").at("oversize") == 1);
            // The next message of the session is scanned as if nothing had happened.
            BOOST_TEST(client.message(eicar_attached()).text() == kRejected);
        }
    }
}

BOOST_AUTO_TEST_CASE(eicar_last_in_a_zip_of_more_files_than_the_limit_is_incomplete_and_never_clean) {
    const std::map<std::string, std::string> replies = {{"accept", "accept"}, {"reject", "5"}, {"tempfail", "4"}};
    const std::string mail = too_many_files();
    for (const auto& [action, reply] : replies) {
        BOOST_TEST_CONTEXT(action) {
            Service service(Keys{{"actions.incomplete", '"' + action + '"'}});
            service.start();
            const Verdict verdict = answer(service, mail);
            if (action == "accept") {
                BOOST_TEST(verdict.text() == "accept");
                BOOST_TEST(verdict.status().starts_with("Not fully scanned ("));
            } else {
                BOOST_TEST((verdict.text() == action || verdict.text().starts_with(reply)));
            }
            BOOST_TEST(service.status().at("messages").at("incomplete") == 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(eicar_behind_a_slow_part_past_the_scan_time_is_an_error_and_never_clean) {
    Service service(slow(Keys{{"scanner.max_scan_time", "\"2s\""}}));
    write_slow_database(service.database());
    service.start();
    const Verdict verdict =
        answer(service, multipart_mail({text_part(slow_text(26)), attachment("eicar.com", eicar())}));
    BOOST_TEST((verdict.text() == kError || verdict.text() == kRejected));
    BOOST_TEST(verdict.status() != "Clean");
    BOOST_TEST(answer(service, clean_mail("after")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_scan_that_does_not_end_is_killed_and_answered_as_an_error_without_a_second_try) {
    Service service(slow(Keys{{"scanner.max_scan_time", "\"2s\""}, {"scanner.processes", "1"}}));
    write_slow_database(service.database());
    service.start();
    const pid_t hung = service.pids("scanner").at(0);
    const Verdict verdict = answer(service, ordinary_headers() + "\r\n" + slow_text(40) + "\r\n");
    BOOST_TEST(verdict.text() == kError);
    BOOST_TEST(verdict.status() != "Clean");
    wait_until("the hung scanner is gone", [hung] { return !alive(hung); });
    BOOST_TEST(answer(service, eicar_attached()).text() == kRejected);
    wait_until("another is there", [&] {
        const auto now = service.pids("scanner");
        return now.size() == 1 && now.front() != hung;
    });
}

BOOST_AUTO_TEST_CASE(no_answer_from_any_scanner_is_an_error_after_the_queue_timeout) {
    Service service(Keys{{"scanner.queue_timeout", "\"300ms\""}});
    service.start();
    MilterClient client = service.session();
    {
        const Stopped stopped(service.pids("scanner"));
        const Verdict verdict = client.message(clean_mail());
        BOOST_TEST(verdict.text() == kError);
        BOOST_TEST(verdict.status() != "Clean");
    }
    BOOST_TEST(service.status().at("messages").at("error") == 1);
    wait_until("messages are scanned again", [&] { return client.message(eicar_attached()).text() == kRejected; });
}

BOOST_AUTO_TEST_CASE(a_scanner_that_dies_in_a_scan_costs_the_message_one_retry_and_no_other) {
    Service service(slow(Keys{{"scanner.processes", "1"}}));
    write_slow_database(service.database());
    service.start();
    MilterClient client = service.session();
    client.upload(multipart_mail({text_part(slow_text(24)), attachment("eicar.com", eicar())}));
    client.send('E');
    kill(wait_taken(service, kSlowMark), SIGKILL);
    BOOST_TEST(client.receive_verdict().text() == kRejected);
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_scanner_that_dies_without_retries_allowed_is_an_error) {
    Service service(slow(Keys{{"scanner.processes", "1"}, {"scanner.retries", "0"}}));
    write_slow_database(service.database());
    service.start();
    MilterClient client = service.session();
    client.upload(ordinary_headers() + "\r\n" + slow_text(25) + "\r\n");
    client.send('E');
    kill(wait_taken(service, kSlowMark), SIGKILL);
    BOOST_TEST(client.receive_verdict().text() == kError);
    BOOST_TEST(client.message(clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_temp_directory_that_vanished_is_made_anew_and_nothing_passes_meanwhile) {
    Service service;
    service.start();
    for (const auto& entry : fs::directory_iterator(service.temp_directory())) fs::remove_all(entry.path());
    MilterClient client = service.session();
    for (int round = 0; round < 8; ++round) {
        const Verdict infected = client.message(eicar_in_zip());
        BOOST_TEST((infected.text() == kRejected || infected.text() == kError));
        const Verdict clean = client.message(clean_mail("round " + std::to_string(round)));
        BOOST_TEST((clean.status() == "Clean" || clean.text() == kError));
    }
    // The folder is made again at most once a second, so it comes back without help.
    wait_until("a message is scanned again", [&] { return client.message(eicar_in_zip()).text() == kRejected; });
    BOOST_TEST(client.message(clean_mail("at last")).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(a_temp_directory_that_cannot_be_made_again_gives_errors_and_never_clean) {
    Service service(Keys{{"scanner.queue_timeout", "\"2s\""}});
    service.start();
    const fs::path moved = service.path("moved");
    fs::rename(service.temp_directory(), moved);
    write_file(service.temp_directory(), "not a folder\n");
    MilterClient client = service.session();
    for (int round = 0; round < 4; ++round) {
        // libclamav decodes mail through its temp directory: without it, it cannot scan any part of a mail.
        const Verdict infected = client.message(eicar_in_zip());
        BOOST_TEST((infected.text() == kRejected || infected.text() == kError));
        const Verdict clean = client.message(clean_mail("round " + std::to_string(round)));
        BOOST_TEST(clean.text() == kError);
        BOOST_TEST(clean.status() != "Clean");
    }
    fs::remove(service.temp_directory());
    fs::rename(moved, service.temp_directory());
    wait_until("a message is scanned again", [&] { return client.message(eicar_in_zip()).text() == kRejected; });
    wait_until("clean mail too", [&] { return client.message(clean_mail("again")).status() == "Clean"; });
}

BOOST_AUTO_TEST_CASE(names_in_the_temp_directory_that_are_taken_give_errors_or_the_right_verdict_and_never_clean) {
    Service service;
    service.start();
    // A scanner can no longer write in its folder: to libclamav it looks as if each name were taken.
    for (const auto& entry : fs::directory_iterator(service.temp_directory()))
        fs::permissions(entry.path(), fs::perms::owner_read | fs::perms::owner_exec);
    MilterClient client = service.session();
    for (int round = 0; round < 4; ++round) {
        const Verdict infected = client.message(eicar_in_zip());
        BOOST_TEST((infected.text() == kRejected || infected.text() == kError));
        const Verdict clean = client.message(clean_mail("round " + std::to_string(round)));
        BOOST_TEST((clean.status() == "Clean" || clean.text() == kError));
    }
    wait_until("a message is scanned again", [&] { return client.message(eicar_in_zip()).text() == kRejected; });
}

BOOST_AUTO_TEST_CASE(leftovers_with_the_names_of_the_scanners_folders_do_no_harm) {
    Service service;
    fs::create_directories(service.temp_directory() / "g1-s0" / "old");
    write_file(service.temp_directory() / "g1-s1", "a file\n");
    if (is_root())
        for (const fs::path& path :
             {service.temp_directory(), service.temp_directory() / "g1-s0", service.temp_directory() / "g1-s1"})
            BOOST_REQUIRE(chown(path.c_str(), service.user().user, service.user().group) == 0);
    service.start();
    BOOST_TEST(answer(service, eicar_in_zip()).text() == kRejected);
    BOOST_TEST(answer(service, clean_mail()).status() == "Clean");
}

BOOST_AUTO_TEST_CASE(any_error_gets_the_action_of_the_configuration_and_is_never_stamped_clean) {
    for (const std::string action : {"accept", "reject"}) {
        BOOST_TEST_CONTEXT(action) {
            Service service(Keys{{"scanner.queue_timeout", "\"200ms\""}, {"actions.error", '"' + action + '"'}});
            service.start();
            MilterClient client = service.session();
            const Stopped stopped(service.pids("scanner"));
            const Verdict verdict = client.message(clean_mail());
            if (action == "accept") {
                BOOST_TEST(verdict.text() == "accept");
                BOOST_TEST(verdict.status().starts_with("Not scanned ("));
            } else {
                BOOST_TEST((verdict.text() == "reject" || verdict.text().starts_with("5")));
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
