// The tap: which messages it copies, how a copy looks, and what it does where it cannot.
#include "workers/session/tap/tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/folder.h"
#include "tests/support/proc.h"

using namespace evermilter;
using namespace evermilter::session;
using evermilter::test::read_file;
using evermilter::test::write_file;
namespace fs = std::filesystem;

namespace {

TapRules rules(const std::vector<std::string>& lines) {
    TapRules made;
    for (const std::string& line : lines) {
        const auto fault = made.add(line);
        BOOST_REQUIRE_MESSAGE(!fault, line);
    }
    made.seal();
    return made;
}

unique_fd memory(const std::string& text) {
    unique_fd file(::memfd_create("test", MFD_CLOEXEC));
    BOOST_REQUIRE(::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    return file;
}

TapCopy copy_of(const std::string& text, std::uint64_t offset = 0) {
    TapCopy copy;
    copy.message = memory(text);
    copy.offset = offset;
    copy.size = text.size() - offset;
    copy.sender = "<a@example.org>";
    copy.recipients = {"<b@example.net>", "<c@example.net>"};
    copy.client = "client.example.org[192.0.2.1]";
    copy.queue_id = "4Abc";
    return copy;
}

std::vector<fs::path> messages(const fs::path& folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder / "new")) found.push_back(entry.path());
    return found;
}

constexpr MaildirBounds kWide{1'000'000, 100};

} // namespace

BOOST_AUTO_TEST_SUITE(tap)

BOOST_AUTO_TEST_CASE(a_line_fits_senders_recipients_or_clients) {
    const TapRules some =
        rules({"sender @example.org", "recipient  x@example.net", "client 192.0.2.0/24", "client .example.com"});
    BOOST_TEST(!some.fits_all());
    BOOST_TEST(some.fits_sender("<a@example.org>"));
    BOOST_TEST(!some.fits_sender("<x@example.net>"));
    BOOST_TEST(some.fits_recipient("<x@example.net>"));
    BOOST_TEST(!some.fits_recipient("<a@example.org>"));
    BOOST_TEST(some.fits_client({config::mapped({192, 0, 2, 7}), {}}));
    BOOST_TEST(some.fits_client({std::nullopt, "mx.example.com"}));
    BOOST_TEST(!some.fits_client({config::mapped({192, 0, 3, 7}), "example.com"}));
    BOOST_TEST(rules({}).fits_all());
}

BOOST_AUTO_TEST_CASE(a_line_that_is_wrong_is_told) {
    for (const char* line :
         {"from a@b", "sender", "sender ", "sender a@b c@d", "recipient /(/", "client 192.0.2.1/24", "all"}) {
        TapRules made;
        BOOST_TEST(made.add(line).has_value(), line);
    }
    const test::Folder folder;
    write_file(folder / "switch", "# who\nsender a@b\nfoo\n");
    BOOST_TEST(read_tap_rules(folder.path("switch")).error().find("switch:3: ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_message_is_wanted_as_soon_as_a_line_fits) {
    const auto some = std::make_shared<const TapRules>(rules({"recipient x@example.net"}));
    Tapped one(some, {}, "<a@example.org>");
    BOOST_TEST(!one.wanted());
    one.take_recipient("<r@example.net>");
    BOOST_TEST(!one.wanted());
    one.take_recipient("<x@example.net>");
    BOOST_TEST(one.wanted());
    BOOST_TEST(one.take({}, 0, 0).recipients.size() == 2U);
    Tapped off(nullptr, {}, "<x@example.net>");
    off.take_recipient("<x@example.net>");
    BOOST_TEST(!off.wanted());
    Tapped many(std::make_shared<const TapRules>(rules({})), {}, "<a@b>");
    for (std::size_t i = 0; i < Tapped::kMostRecipients + 7; ++i) many.take_recipient("<r@example.net>");
    BOOST_TEST(many.take({}, 0, 0).more_recipients == 7U);
}

BOOST_AUTO_TEST_CASE(a_copy_is_the_message_behind_its_envelope) {
    const test::Folder folder;
    const std::string target = folder / "tap";
    TapCopy copy = copy_of("synthetic\r\nSubject: x\r\n\r\nbody", 11);
    copy.sender = "<a\n@example.org>";
    BOOST_REQUIRE(write_to_maildir(target, kWide, copy).ok());
    const auto found = messages(target);
    BOOST_TEST_REQUIRE(found.size() == 1U);
    BOOST_TEST(read_file(found[0]) ==
               "X-Tap-From: <a?@example.org>\r\nX-Tap-To: <b@example.net>\r\nX-Tap-To: <c@example.net>\r\n"
               "X-Tap-Client: client.example.org[192.0.2.1]\r\nX-Tap-Queue-Id: 4Abc\r\nSubject: x\r\n\r\nbody");
    BOOST_TEST((fs::status(found[0]).permissions() == fs::perms(0600)));
    BOOST_TEST((fs::status(target).permissions() == fs::perms(0700)));
    BOOST_TEST(fs::is_empty(target + "/tmp"));
}

BOOST_AUTO_TEST_CASE(a_bound_is_kept_and_leaves_nothing_half) {
    const test::Folder folder;
    const std::string target = folder / "tap";
    const std::string text(1000, 'x');
    for (int i = 0; i < 2; ++i) BOOST_TEST(write_to_maildir(target, {1'000'000, 2}, copy_of(text)).ok());
    const auto many = write_to_maildir(target, {1'000'000, 2}, copy_of(text));
    BOOST_TEST_REQUIRE(!many.ok());
    BOOST_TEST(many.error().code == EDQUOT);
    fs::rename(messages(target)[0], target + "/cur/seen"); // read ones count too
    BOOST_TEST(!write_to_maildir(target, {1'000'000, 2}, copy_of(text)).ok());
    BOOST_TEST(!write_to_maildir(target, {3000, 100}, copy_of(text)).ok());
    BOOST_TEST(write_to_maildir(target, {5000, 100}, copy_of(text)).ok());
    BOOST_TEST(fs::is_empty(target + "/tmp"));
}

BOOST_AUTO_TEST_CASE(a_message_that_is_shorter_than_it_was_is_no_copy) {
    const test::Folder folder;
    const std::string target = folder / "tap";
    TapCopy copy = copy_of("short");
    copy.size = 1000;
    BOOST_TEST(!write_to_maildir(target, kWide, copy).ok());
    BOOST_TEST(messages(target).empty());
    BOOST_TEST(fs::is_empty(target + "/tmp"));
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_is_an_error_that_names_it) {
    const test::Folder folder;
    write_file(folder / "file", "");
    const auto failed = write_to_maildir(folder / "file", kWide, copy_of("x"));
    BOOST_TEST_REQUIRE(!failed.ok());
    BOOST_TEST(failed.error().what.find("/file/tmp") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_switch_is_followed_and_a_wrong_one_copies_nothing) {
    const test::Folder folder;
    config::Tap settings;
    settings.switch_file = folder / "switch";
    settings.directory = folder / "tap";
    CounterBoard<kSessionWorker> counters;
    Tap one(settings, counters);
    one.look();
    BOOST_TEST(one.rules() == nullptr);
    write_file(folder / "switch", "");
    one.look();
    BOOST_TEST_REQUIRE(one.rules() != nullptr);
    BOOST_TEST(one.rules()->fits_all());
    write_file(folder / "switch", "sender a@example.org\n");
    one.look();
    BOOST_TEST(!one.rules()->fits_all());
    write_file(folder / "switch", "sender a@example.org\nnonsense\n");
    one.look();
    BOOST_TEST(one.rules() == nullptr);
    fs::remove(folder / "switch");
    one.look();
    BOOST_TEST(one.rules() == nullptr);
    // Nobody writes here: the queue has a bound, and what finds it full is dropped.
    for (std::size_t i = 0; i < Tap::kMostWaiting + 3; ++i) one.copy(copy_of("x"));
    BOOST_TEST(counters.get("tap", TapEnd::dropped) == 3U);
    one.wait_written(steady_now()); // it does not wait for ever
}

BOOST_AUTO_TEST_SUITE_END()
