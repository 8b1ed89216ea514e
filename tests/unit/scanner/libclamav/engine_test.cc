// The real libclamav, with databases of a few signatures written here.
#include "workers/scanner/libclamav/engine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "tests/support/command.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/unit/scanner/loader_process.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;
using messages::ScanOutcome;

// As the session worker sends it: behind the synthetic first lines.
std::string scanned(const std::string& mail) {
    return "From sender@example.org Thu Jan  1 00:00:00 1970\r\n"
           "Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" +
           mail;
}

template <class T>
void require(const Result<T, Refusal>& outcome) {
    const bool done = outcome.ok();
    BOOST_REQUIRE_MESSAGE(done, (done ? std::string() : outcome.error().reason));
}

class Scans {
  public:
    Scans() : config(test::scanner_config(folder)) { test::write_eicar_database(folder / "database"); }

    void compile() {
        auto made = Engine::create(config.scanner);
        require(made);
        engine = std::make_unique<Engine>(std::move(*made));
        require(engine->load(folder / "database", folder / "database"));
        require(engine->compile());
        BOOST_REQUIRE(engine->set_temp_directory(folder / "tmp").ok());
    }
    // EICAR is then found only as a file of its own, not as bytes of what holds it.
    void find_eicar_as_a_file() const {
        fs::remove(folder / "database/eicar.ndb");
        test::write_file(folder / "database/eicar.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Evermilter.Test.Eicar\n");
    }
    // An own file system of 1 MiB, on which our temp directory is one of several.
    void make_temp_small() {
        if (!test::is_root()) test::not_possible("an own mount needs root");
        if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
            ::mount("tmpfs", (folder / "tmp").c_str(), "tmpfs", 0, "size=1m") != 0)
            test::not_possible("this machine allows no mount");
        compile();
        fs::create_directory(folder / "tmp/ours");
        BOOST_REQUIRE(engine->set_temp_directory(folder / "tmp/ours").ok());
    }
    // Somebody else's file takes `bytes`, or all that is left.
    void fill_temp(std::size_t bytes) const {
        std::ofstream filler(folder / "tmp/filler", std::ios::binary);
        for (std::size_t i = 0; i < bytes && filler.write("x", 1).flush(); ++i) {
        }
    }
    Verdict scan(const std::string& mail) {
        if (!engine) compile();
        const unique_fd file = test::as_file(scanned(mail));
        return engine->scan(file.get()).verdict;
    }

    test::Folder folder;
    config::Config config;
    std::unique_ptr<Engine> engine;
};

// More small files than `count`, EICAR last.
std::string zip_of(unsigned count, bool eicar_first) {
    std::vector<test::ZipEntry> entries;
    if (eicar_first) entries.push_back({"first.com", test::eicar()});
    for (unsigned i = 0; i < count; ++i)
        entries.push_back({"file" + std::to_string(i), "this is file number " + std::to_string(i) + "\n"});
    if (!eicar_first) entries.push_back({"last.com", test::eicar()});
    return test::zip(entries);
}

std::string mail_with(const std::string& name, const std::string& content) {
    return test::multipart_mail({test::text_part("See the file."), test::attachment(name, content)});
}

// Says that its one entry is encrypted (bit 0 of the general purpose flag, APPNOTE.TXT 4.4.4).
std::string encrypted_zip() {
    std::string archive = test::zip({{"secret.txt", "nothing that can be read here"}});
    archive.at(6) |= 1;
    archive.at(archive.find("PK\x01\x02") + 8) |= 1;
    return archive;
}

std::string little_endian(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xffU);
    return text;
}

// An ALZip EGG archive of one file with one block (ESTsoft's "EGG Format" specification, 1.0).
std::string egg(unsigned method, const std::string& data) {
    const std::string end = little_endian(0x08e28222, 4);
    return little_endian(0x41474745, 4) + little_endian(0x0100, 2) + little_endian(1, 4) + little_endian(0, 4) + end +
           little_endian(0x0a8590e3, 4) + little_endian(1, 4) + little_endian(500, 8) +   // file
           little_endian(0x0a8591ac, 4) + '\0' + little_endian(8, 2) + "file.bin" + end + // its name
           little_endian(0x02b50c13, 4) + static_cast<char>(method) + '\0' +              // its block
           little_endian(500, 4) + little_endian(data.size(), 4) + little_endian(0, 4) + end + data + end;
}

} // namespace

#define EXPECT_VERDICT(verdict, wanted, what)                                   \
    do {                                                                        \
        const Verdict seen = (verdict);                                         \
        BOOST_TEST_INFO("detail: " << seen.detail << " " << seen.ledger);       \
        BOOST_TEST(static_cast<int>(seen.outcome) == static_cast<int>(wanted)); \
        BOOST_TEST(seen.detail == (what));                                      \
    } while (false)

BOOST_AUTO_TEST_SUITE(engine)

BOOST_FIXTURE_TEST_CASE(attachments_that_are_cut_off_or_corrupt_are_incomplete, Scans) {
    using namespace std::string_literals;
    const std::string xz =
        "\xfd"
        "7zXZ\0\0\1\x69\x22\xde\x36"s; // the stream header (.xz format, 2.1.1)
    const std::string hwp = "HWP Document File V3.00 \x1a\1\2\3\4\5"s;
    const std::string noise = test::noise(300, 1);
    const struct {
        const char* name;
        std::string content;
    } files[] = {
        {"cut off.xz", xz},
        {"corrupt.xz", xz + noise},
        {"cut off.egg", egg(0, noise).substr(0, 42)},
        {"corrupt deflate.egg", egg(1, "\xff"s + noise)},
        {"corrupt bzip2.egg", egg(2, noise)},
        {"cut off.hwp", hwp},
        {"corrupt.hwp", hwp + std::string(128, '\0') + std::string(4000, '\xff')},
        {"cut off.swf", "ZWS\x0d\x20\1\0\0\1\0"s},
        {"corrupt.swf", "ZWS\x0d\x20\1\0\0\x10\0\0\0\xff\xff\xff\xff\xff"s + noise},
    };
    for (const auto& file : files) {
        BOOST_TEST_CONTEXT(file.name)
        EXPECT_VERDICT(scan(mail_with(file.name, file.content)), ScanOutcome::incomplete, "malformed");
    }
    const std::string beside = test::multipart_mail(
        {test::attachment("a.xz", xz), test::attachment("b.egg", egg(2, noise)), test::attachment("c", test::eicar())});
    EXPECT_VERDICT(scan(beside), ScanOutcome::infected, test::kEicarName);
}

BOOST_FIXTURE_TEST_CASE(a_clean_mail_is_clean, Scans) {
    EXPECT_VERDICT(scan(test::clean_mail()), ScanOutcome::clean, "");
    EXPECT_VERDICT(scan(mail_with("noise.bin", test::noise(50000, 1))), ScanOutcome::clean, "");
    BOOST_TEST(test::entries_below(folder / "tmp").empty());
}

BOOST_FIXTURE_TEST_CASE(eicar_is_found_wherever_a_mail_can_carry_it, Scans) {
    for (const std::string& mail :
         {test::eicar_in_body(), test::eicar_attached(), test::eicar_in_zip(), test::forwarded(test::eicar_attached()),
          test::forwarded(test::forwarded(test::eicar_in_zip())),
          mail_with("outer.zip", test::zip({{"inner.zip", zip_of(3, false)}}))})
        EXPECT_VERDICT(scan(mail), ScanOutcome::infected, test::kEicarName);
}

BOOST_FIXTURE_TEST_CASE(clamscan_gives_the_same_verdict_on_the_same_bytes, Scans) {
    const std::string mails[] = {test::clean_mail(),
                                 test::eicar_in_body(),
                                 test::eicar_attached(),
                                 test::eicar_in_zip(),
                                 test::forwarded(test::eicar_in_zip()),
                                 mail_with("noise.bin", test::noise(50000, 2)),
                                 "Content-Type: text/plain\r\n\r\n" + test::eicar(),
                                 "",
                                 std::string("Subject: NUL\r\n\r\na\0b", 19) + test::eicar()};
    for (const std::string& mail : mails) {
        const Verdict ours = scan(mail);
        test::write_file(folder / "message", scanned(mail));
        const test::Outcome theirs =
            test::run({"clamscan", "--no-summary", "--database=" + (folder / "database").string(),
                       "--tempdir=" + (folder / "tmp").string(), (folder / "message").string()});
        BOOST_TEST_INFO(theirs.output << theirs.errors);
        BOOST_TEST((ours.outcome == ScanOutcome::clean ? 0 : 1) == theirs.status);
        if (theirs.status == 1) BOOST_TEST(theirs.output.find(ours.detail + " FOUND") != std::string::npos);
    }
}

BOOST_FIXTURE_TEST_CASE(behind_the_limit_of_files_a_scan_is_incomplete, Scans) {
    find_eicar_as_a_file();
    config.scanner.max_files = 20;
    EXPECT_VERDICT(scan(mail_with("many.zip", zip_of(50, false))), ScanOutcome::incomplete, "MaxFiles");
}

BOOST_FIXTURE_TEST_CASE(with_libclamavs_own_limit_of_files_a_scan_is_incomplete, Scans) {
    find_eicar_as_a_file();
    EXPECT_VERDICT(scan(mail_with("many.zip", zip_of(10050, false))), ScanOutcome::incomplete, "MaxFiles");
}

BOOST_FIXTURE_TEST_CASE(a_virus_before_the_limit_wins_over_it, Scans) {
    find_eicar_as_a_file();
    config.scanner.max_files = 20;
    EXPECT_VERDICT(scan(mail_with("many.zip", zip_of(50, true))), ScanOutcome::infected, test::kEicarName);
}

BOOST_FIXTURE_TEST_CASE(a_virus_beside_a_part_that_is_too_large_wins_over_the_limit, Scans) {
    find_eicar_as_a_file();
    config.scanner.max_file_size = 100000;
    const std::string mail =
        test::multipart_mail({test::attachment("zip.zip", test::zip({{"large", std::string(200000, 'x')}})),
                              test::attachment("eicar.com", test::eicar())});
    // The message itself is too large, but not the part.
    EXPECT_VERDICT(scan(mail), ScanOutcome::infected, test::kEicarName);
    config.scanner.max_file_size = 500000;
    config.scanner.max_recursion = 3;
    engine.reset();
    const std::string nested = test::multipart_mail(
        {test::attachment("deep.zip", test::zip({{"a.zip", test::zip({{"b.zip", zip_of(2, false)}})}})),
         test::attachment("eicar.com", test::eicar())});
    EXPECT_VERDICT(scan(nested), ScanOutcome::infected, test::kEicarName);
}

BOOST_FIXTURE_TEST_CASE(precedence_of_heuristics_does_not_let_a_limit_hide_a_virus, Scans) {
    find_eicar_as_a_file();
    config.scanner.heuristic_scan_precedence = true;
    config.scanner.max_recursion = 3;
    const std::string nested = test::multipart_mail(
        {test::attachment("deep.zip", test::zip({{"a.zip", test::zip({{"b.zip", zip_of(2, false)}})}})),
         test::attachment("eicar.com", test::eicar())});
    EXPECT_VERDICT(scan(nested), ScanOutcome::infected, test::kEicarName);
}

BOOST_FIXTURE_TEST_CASE(a_limit_does_not_hide_another_heuristic_that_the_site_asked_for, Scans) {
    find_eicar_as_a_file();
    config.scanner.alert_encrypted = true;
    config.scanner.max_files = 20;
    // libclamav keeps its heuristic alerts in a hash table with a new seed each time, and tells one of them.
    for (int round = 0; round < 12; ++round) {
        const std::string mail = test::multipart_mail({test::text_part("round " + std::to_string(round)),
                                                       test::attachment("secret.zip", encrypted_zip()),
                                                       test::attachment("many.zip", zip_of(50, false))});
        EXPECT_VERDICT(scan(mail), ScanOutcome::infected, "Heuristics.Encrypted.Zip");
    }
}

BOOST_FIXTURE_TEST_CASE(nested_deeper_than_the_limit_a_scan_is_incomplete, Scans) {
    find_eicar_as_a_file();
    config.scanner.max_recursion = 4;
    std::string archive = zip_of(1, false);
    for (int i = 0; i < 6; ++i) archive = test::zip({{"inner.zip", archive}});
    EXPECT_VERDICT(scan(mail_with("deep.zip", archive)), ScanOutcome::incomplete, "MaxRecursion");
}

BOOST_FIXTURE_TEST_CASE(past_the_limit_of_size_a_scan_is_incomplete, Scans) {
    find_eicar_as_a_file();
    config.scanner.max_scan_size = 100000;
    EXPECT_VERDICT(scan(test::multipart_mail({test::attachment("a.bin", test::noise(60000, 5)),
                                              test::attachment("b.bin", test::noise(60000, 6)),
                                              test::attachment("eicar.com", test::eicar())})),
                   ScanOutcome::incomplete, "MaxScanSize");
}

BOOST_FIXTURE_TEST_CASE(eicar_behind_a_part_that_takes_longer_than_the_scan_may_is_an_error, Scans) {
    find_eicar_as_a_file();
    test::write_slow_database(folder / "database");
    config.scanner.pcre_match_limit = 4'000'000'000;
    config.scanner.pcre_rec_match_limit = 1'000'000;
    config.scanner.max_scan_time = std::chrono::milliseconds(100);
    const std::string mail =
        test::multipart_mail({test::text_part(test::slow_text(24)), test::attachment("eicar.com", test::eicar())});
    EXPECT_VERDICT(scan(mail), ScanOutcome::error, "MaxScanTime");
}

BOOST_FIXTURE_TEST_CASE(without_its_temp_directory_a_scan_has_failed, Scans) {
    compile();
    fs::remove(folder / "tmp");
    const Verdict missing = scan(test::eicar_attached());
    BOOST_TEST_INFO(missing.detail);
    BOOST_TEST((missing.outcome == ScanOutcome::temp_failed));
    BOOST_TEST((scan(test::clean_mail()).outcome == ScanOutcome::temp_failed));
    test::write_file(folder / "tmp", "not a folder");
    BOOST_TEST((scan(test::eicar_attached()).outcome == ScanOutcome::temp_failed));
}

// Two processes forked from one engine take the same names where neither has a seed of its own.
BOOST_FIXTURE_TEST_CASE(with_its_temporary_name_taken_a_scan_has_failed, Scans) {
    compile();
    const auto in_child = [&](auto body) {
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            std::srand(1);
            ::_exit(body());
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    };
    // The first leaves its folder, YYYYMMDD_HHMMSS-scantemp.XXXXXXXXXX, and the next seconds' are made.
    in_child([&] {
        engine->keep_temp_files();
        return static_cast<int>(scan(test::clean_mail()).outcome);
    });
    const auto left = test::entries_below(folder / "tmp");
    BOOST_REQUIRE(!left.empty());
    const std::string suffix = left.front().substr(left.front().find('-'), std::string("-scantemp.0123456789").size());
    for (int second = -1; second < 60; ++second) {
        const std::time_t now = std::time(nullptr) + second;
        std::tm local{};
        char stamp[32] = {};
        ::localtime_r(&now, &local);
        BOOST_REQUIRE(std::strftime(stamp, sizeof stamp, "%Y%m%d_%H%M%S", &local) > 0);
        fs::create_directory(folder / ("tmp/" + (stamp + suffix)));
    }
    const int outcome = in_child([&] { return static_cast<int>(scan(test::eicar_attached()).outcome); });
    BOOST_TEST(outcome == static_cast<int>(ScanOutcome::temp_failed));
}

BOOST_FIXTURE_TEST_CASE(on_a_full_temp_directory_no_mail_is_clean, Scans) {
    make_temp_small();
    fill_temp(std::string::npos);
    const std::string infected[] = {
        test::eicar_attached(), // less than a buffer of stdio: libclamav does not notice that it was lost
        test::eicar_in_zip(), test::forwarded(test::eicar_attached()),
        mail_with("large.bin", test::noise(100000, 3) + test::eicar())};
    for (const std::string& mail : infected) {
        const Verdict verdict = scan(mail);
        BOOST_TEST_INFO(verdict.detail);
        BOOST_TEST((verdict.outcome == ScanOutcome::temp_failed || verdict.outcome == ScanOutcome::infected));
    }
    BOOST_TEST((scan(mail_with("a.bin", "a small clean file")).outcome == ScanOutcome::temp_failed));
    fs::remove(folder / "tmp/filler");
    EXPECT_VERDICT(scan(mail_with("b.bin", "another small clean file")), ScanOutcome::clean, "");
    BOOST_TEST(::umount2((folder / "tmp").c_str(), MNT_DETACH) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_mail_that_fills_an_empty_temp_directory_is_incomplete, Scans) {
    make_temp_small();
    const auto large = [](unsigned seed) { return test::noise(std::size_t{3} << 20U, seed); };
    const std::string mails[] = {
        mail_with("large.bin", large(11)),
        mail_with("large.zip", test::zip({{"large.bin", large(12)}})),
        test::forwarded(mail_with("large.bin", large(13))),
        test::multipart_mail({test::text_part(large(14))}),
        test::multipart_mail({test::attachment("small.bin", "small"), test::attachment("large.bin", large(15))}),
    };
    for (const std::string& mail : mails) {
        EXPECT_VERDICT(scan(mail), ScanOutcome::incomplete, "TempSize");
        BOOST_TEST(test::entries_below(folder / "tmp/ours").empty());
    }
    EXPECT_VERDICT(scan(test::eicar_attached()), ScanOutcome::infected, test::kEicarName);
    EXPECT_VERDICT(scan(mail_with("c.bin", "a small clean file")), ScanOutcome::clean, "");
    // What others hold may go, so the message has another chance.
    fill_temp(400000);
    BOOST_TEST((scan(mail_with("large.bin", large(16))).outcome == ScanOutcome::temp_failed));
    BOOST_TEST(::umount2((folder / "tmp").c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
