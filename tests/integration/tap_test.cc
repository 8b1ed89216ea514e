// [tap] with real session workers: on and off without a reload, whole copies with their envelope, and no message that
// waits for a tap which cannot write.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

using namespace evermilter::test;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

struct Tapped : Service {
    explicit Tapped(const Keys& keys = {}) : Service(keys) {
        set("tap.switch", '"' + path("switch").string() + '"');
        set("tap.directory", '"' + folder().string() + '"');
        set("workers.session_max", "1");
        set("workers.session_min", "1");
        fs::create_directories(folder());
        if (is_root()) BOOST_REQUIRE(::chown(folder().c_str(), user().user, user().group) == 0);
    }
    [[nodiscard]] fs::path folder() const { return path("tap"); }
    void on(const std::string& lines = {}) const {
        write_file(path("switch.new"), lines);
        fs::permissions(path("switch.new"), fs::perms(0644));
        fs::rename(path("switch.new"), path("switch"));
    }
    [[nodiscard]] Verdict answer(const std::string& mail, const Envelope& envelope = {}) const {
        MilterClient client = session();
        Verdict verdict = client.message(mail, envelope);
        client.quit();
        return verdict;
    }
    [[nodiscard]] std::vector<std::string> copies() const {
        std::vector<std::string> found;
        std::error_code absent;
        for (const auto& entry : fs::directory_iterator(folder() / "new", absent))
            found.push_back(read_file(entry.path()));
        return found;
    }
    [[nodiscard]] std::uint64_t counted(const char* end) const { return status().at("tap").at(end); }
    void wait_copies(std::size_t count) const {
        wait_until("copies appear", [&] { return copies().size() == count; });
    }
};

Envelope envelope(const std::string& sender, const std::vector<std::string>& recipients) {
    Envelope one;
    one.sender = sender;
    one.recipients = recipients;
    return one;
}

} // namespace

BOOST_AUTO_TEST_SUITE(tap_test)

BOOST_AUTO_TEST_CASE(while_the_switch_exists_all_messages_are_copied_whole) {
    Tapped service;
    service.start();
    BOOST_TEST(service.answer(clean_mail("before")).status() == "Clean");
    service.on();
    service.wait_log({"tap-on", "owner=", "copies=\"all messages\""});
    const std::string mail = clean_mail("while it is on");
    BOOST_TEST(service.answer(mail, envelope("<a@example.org>", {"<b@example.net>", "<c@example.net>"})).status() ==
               "Clean");
    BOOST_TEST(service.answer(eicar_attached()).text() == std::string("550 5.7.1 virus found: ") + kEicarName);
    service.wait_copies(2);
    bool seen = false;
    for (const std::string& copy : service.copies()) {
        if (copy.find("while it is on") == std::string::npos) continue;
        seen = true;
        BOOST_TEST(
            copy.starts_with("X-Tap-From: <a@example.org>\r\nX-Tap-To: <b@example.net>\r\n"
                             "X-Tap-To: <c@example.net>\r\nX-Tap-Client: client.example.net[192.0.2.7]\r\n"
                             "X-Tap-Queue-Id: 4TestQueueId\r\n"));
        BOOST_TEST(copy.ends_with(mail));
    }
    BOOST_TEST(seen);
    fs::remove(service.path("switch"));
    service.wait_log({"tap-off"});
    BOOST_TEST(service.answer(clean_mail("after")).status() == "Clean");
    BOOST_TEST(service.counted("copied") == 2U);
    BOOST_TEST(service.copies().size() == 2U);
    BOOST_TEST(service.stop() == 0);
}

BOOST_AUTO_TEST_CASE(only_what_fits_a_line_is_copied_and_exempt_messages_too) {
    Tapped service(Keys{{"skip.senders", "[\"exempt@example.org\"]"}});
    service.on("sender exempt@example.org\nrecipient watched@example.net\nclient 198.51.100.0/24\n");
    service.start();
    BOOST_TEST(service.answer(clean_mail("one"), envelope("<x@example.org>", {"<r@example.net>"})).status() == "Clean");
    BOOST_TEST(
        service.answer(clean_mail("two"), envelope("<x@example.org>", {"<r@example.net>", "<watched@example.net>"}))
            .status() == "Clean");
    BOOST_TEST(service.answer(clean_mail("three"), envelope("<exempt@example.org>", {"<r@example.net>"})).status() ==
               "Not scanned (exempt)");
    MilterClient client = service.client();
    client.negotiate();
    client.connect("client.example.net", "198.51.100.9");
    client.helo();
    BOOST_TEST(client.message(clean_mail("four")).status() == "Clean");
    service.wait_copies(3);
    for (const std::string& copy : service.copies()) BOOST_TEST(copy.find("one") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_tap_that_is_full_or_cannot_write_is_loud_and_delays_no_mail) {
    Tapped service(Keys{{"tap.max_messages", "1"}});
    service.on();
    service.start();
    for (int i = 0; i < 5; ++i) BOOST_TEST(service.answer(clean_mail(std::to_string(i))).status() == "Clean");
    service.wait_log({"tap-dropped", "holds 1 messages"});
    service.wait_status("four are dropped", [](const json& status) { return status.at("tap").at("dropped") == 4; });
    BOOST_TEST(service.copies().size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_not_there_is_loud_and_delays_no_mail) {
    Tapped service;
    service.set("tap.directory", "\"/proc/evermilter\"");
    service.on();
    service.start();
    for (int i = 0; i < 3; ++i) BOOST_TEST(service.answer(clean_mail(std::to_string(i))).status() == "Clean");
    service.wait_log({"tap-dropped", "/proc/evermilter"});
    service.wait_status("all are dropped", [](const json& status) { return status.at("tap").at("dropped") == 3; });
}

// Beyond a mebibyte it is not in memory but in the spool directory.
BOOST_AUTO_TEST_CASE(a_large_message_is_copied_whole_too) {
    Tapped service;
    service.on();
    service.start();
    const std::string mail = clean_mail(noise(2'000'000, 7));
    BOOST_TEST(service.answer(mail).text() == "accept");
    service.wait_copies(1);
    BOOST_TEST(service.copies()[0].ends_with(mail));
}

BOOST_AUTO_TEST_CASE(a_switch_with_a_wrong_line_copies_nothing_and_says_where) {
    Tapped service;
    service.on("sender a@example.org\nwhatever\n");
    service.start();
    service.wait_log({"tap-failed", "switch:2:"});
    BOOST_TEST(service.answer(clean_mail(), envelope("<a@example.org>", {"<r@example.net>"})).status() == "Clean");
    BOOST_TEST(service.copies().empty());
}

BOOST_AUTO_TEST_CASE(a_message_that_is_too_large_to_be_kept_counts_as_dropped) {
    Tapped service(Keys{{"message.max_size", "\"64KiB\""}});
    service.on();
    service.start();
    BOOST_TEST(service.answer(clean_mail(std::string(100'000, 'x'))).status() == "Not scanned (too large)");
    service.wait_log({"tap-dropped", "message.max_size"});
}

BOOST_AUTO_TEST_SUITE_END()
