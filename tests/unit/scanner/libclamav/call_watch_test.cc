// What the system refuses during a scan makes the scan failed, whatever libclamav makes of it: each call that is
// watched fails in turn while each file of a corpus is scanned.
#include "workers/scanner/libclamav/call_watch.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/corpus/rows.h"
#include "tests/support/command.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"
#include "tests/support/report.h"
#include "tests/support/sanitizers.h"
#include "tests/unit/scanner/loader_process.h"
#include "workers/scanner/libclamav/engine.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;
using messages::ScanOutcome;

constexpr int kSignalled = 100; // a process that died: its message is tried on another scanner, and is then an error

class Scans {
  public:
    Scans() : config(test::scanner_config(folder)) {
        corpus::write_marker_database(folder / "database");
        test::write_eicar_database(folder / "database");
        auto made = Engine::create(config.scanner);
        BOOST_REQUIRE(made.ok());
        engine = std::make_unique<Engine>(std::move(*made));
        BOOST_REQUIRE(engine->load(folder / "database", folder / "database").ok());
        BOOST_REQUIRE(engine->compile().ok());
        BOOST_REQUIRE(engine->set_temp_directory(folder / "tmp").ok());
    }
    ~Scans() { inject({}); }
    Scans(const Scans&) = delete;
    Scans& operator=(const Scans&) = delete;

    [[nodiscard]] Verdict scan(const std::string& mail) const {
        const unique_fd file =
            test::as_file("Received: from localhost by localhost; Thu, 1 Jan 1970 00:00:00 +0000\r\n" + mail);
        return engine->scan(file.get()).verdict;
    }
    // In a process of its own, as memory that is missing may end it.
    [[nodiscard]] int outcome_in_child(const std::string& mail) const {
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
            (void)::dup2(nowhere, STDERR_FILENO);
            for (const int number : {SIGSEGV, SIGABRT, SIGBUS, SIGTRAP}) (void)::signal(number, SIG_DFL);
            ::_exit(static_cast<int>(scan(mail).outcome));
        }
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled;
    }

    test::Folder folder;
    config::Config config;
    std::unique_ptr<Engine> engine;
};

bool failed_or_found(int outcome) {
    return outcome == static_cast<int>(ScanOutcome::infected) || outcome == static_cast<int>(ScanOutcome::error) ||
           outcome == static_cast<int>(ScanOutcome::temp_failed) || outcome == kSignalled;
}

struct Mail {
    std::string name;
    std::string text;
};

// Infected, of different parsers.
std::vector<Mail> infected_mails() {
    std::vector<Mail> mails = {{"eicar attached", test::eicar_attached()},
                               {"eicar in a zip", test::eicar_in_zip()},
                               {"eicar in a forwarded mail", test::forwarded(test::eicar_attached())}};
    const std::vector<std::string> wanted = {
        "zip/deflate/ordinary", "gzip/ordinary",      "tar.gz/ordinary", "7z/lzma1/ordinary",   "cab/packed/ordinary",
        "arj/stored/ordinary",  "pdf/flate/ordinary", "html/ordinary",   "rtf/object/ordinary", "ole2/ordinary",
        "tnef/ordinary",        "xz/ordinary",        "bzip2/ordinary"};
    for (const auto& rows : {corpus::zip_rows(), corpus::stream_rows(), corpus::tape_rows(), corpus::seven_zip_rows(),
                             corpus::old_rows(), corpus::document_rows()})
        for (const corpus::Row& row : rows)
            if (std::find(wanted.begin(), wanted.end(), row.name) != wanted.end())
                mails.push_back({row.name, row.mail});
    for (const corpus::Row& row : corpus::test_file_rows())
        if (row.expect == corpus::Expect::found && row.file.size() < 40'000 &&
            row.name.find(" in a zip") == std::string::npos)
            mails.push_back({row.name, row.mail});
    return mails;
}

} // namespace

BOOST_AUTO_TEST_SUITE(call_watch)

BOOST_AUTO_TEST_CASE(a_scan_has_filled_what_others_hold_a_tenth_of_at_most) {
    static_assert(filled_alone(1000, 1000));
    static_assert(filled_alone(900, 1000));
    static_assert(!filled_alone(899, 1000));
    static_assert(!filled_alone(0, 0));
    static_assert(filled_alone(1001, 1000)); // files come and go while it is measured
}

BOOST_AUTO_TEST_CASE(a_write_that_finds_no_room_is_known_until_the_next_scan_whatever_its_caller_does) {
    const unique_fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    BOOST_REQUIRE(full);
    BOOST_TEST(::write(full.get(), "x", 1) == -1);
    begin_call_watch("/nonexistent");
    BOOST_TEST(!temp_call_failed()); // what was before the scan does not count
    BOOST_TEST(::write(full.get(), "x", 1) == -1);
    BOOST_TEST(temp_call_failed());
    BOOST_TEST(!temp_directory_filled()); // not by this scan
    end_call_watch();
    BOOST_TEST(temp_call_failed());
    begin_call_watch("/nonexistent");
    BOOST_TEST(!temp_call_failed());
    BOOST_TEST(::open("/nonexistent/file", O_RDONLY | O_CLOEXEC) == -1); // only looked for
    BOOST_TEST(!temp_call_failed());
    BOOST_TEST(::open("/nonexistent/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) == -1);
    BOOST_TEST(temp_call_failed());
    end_call_watch();
}

BOOST_FIXTURE_TEST_CASE(whichever_call_fails_no_infected_mail_is_clean_or_incomplete, Scans) {
    const struct {
        const char* call;
        std::vector<int> errors;
    } calls[] = {
        {"open", {ENOSPC, EMFILE, EACCES, EIO}},
        {"fopen", {EMFILE}},
        {"fdopen", {ENOMEM}},
        {"mkdir", {ENOSPC, EDQUOT}},
        {"opendir", {EMFILE}},
        {"dup", {EMFILE}},
        {"read", {EIO}},
        {"pread", {EIO}},
        {"lseek", {EIO}},
        {"fread", {EIO}},
        {"write", {ENOSPC, EIO}},
        {"fwrite", {ENOSPC}},
        {"fputs", {ENOSPC}},
        {"fflush", {EDQUOT}},
        {"fclose", {EIO}},
        {"ftruncate", {EIO}},
        {"mmap", {ENOMEM}},
        {"readdir", {EIO}},
        {"lstat", {EIO}},
        {"stat", {EIO}},
        {"fstat", {EIO}},
        {"fputc", {ENOSPC}},
        {"fseek", {EIO}},
        {"rename", {EIO}},
        {"iconv_open", {ENOMEM, EMFILE}},
    };
    constexpr unsigned kAll = test::kSanitized ? 1 : 6; // of each call; beyond only some
    std::size_t tried = 0;
    for (const Mail& mail : infected_mails()) {
        inject({});
        const Verdict ordinary = scan(mail.text);
        if (ordinary.outcome != ScanOutcome::infected) continue; // not by this database
        for (const auto& one : calls) {
            inject({});
            (void)scan(mail.text);
            const unsigned made = calls_made(one.call);
            for (unsigned nth = 1; nth <= made; nth += nth < kAll ? 1 : made / 3 + 1) {
                for (const int error : one.errors) {
                    inject({one.call, nth, error});
                    const Verdict verdict = scan(mail.text);
                    inject({});
                    ++tried;
                    BOOST_TEST(failed_or_found(static_cast<int>(verdict.outcome)),
                               mail.name << ": " << one.call << " " << nth << " of " << made << ", errno " << error
                                         << ": outcome " << static_cast<int>(verdict.outcome) << " " << verdict.detail);
                }
            }
        }
    }
    BOOST_TEST_MESSAGE(tried << " failing calls");
    BOOST_TEST(tried > 200U);
}

BOOST_FIXTURE_TEST_CASE(without_memory_no_infected_mail_is_clean_or_incomplete, Scans) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    test::not_possible("a sanitizer defines malloc itself");
#else
    for (const std::string& mail : {test::eicar_attached(), test::eicar_in_zip()}) {
        for (const char* call : {"malloc", "calloc", "realloc", "posix_memalign"}) {
            inject({});
            BOOST_REQUIRE((scan(mail).outcome == ScanOutcome::infected));
            const unsigned made = calls_made(call);
            BOOST_TEST((made > 0U || call == std::string("posix_memalign")));
            for (unsigned nth = 1; nth <= made; nth += 1 + made / 60) {
                inject({call, nth, ENOMEM});
                const int outcome = outcome_in_child(mail);
                BOOST_TEST(failed_or_found(outcome), call << " " << nth << " of " << made << ": outcome " << outcome);
            }
        }
    }
#endif
}

BOOST_FIXTURE_TEST_CASE(where_few_files_can_be_made_no_infected_mail_is_clean, Scans) {
    if (!test::is_root()) test::not_possible("an own mount needs root");
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        test::not_possible("this machine allows no mount");
    const std::string temp = folder / "tmp";
    for (unsigned inodes = 2; inodes <= 9; inodes += test::kSanitized ? 3 : 1) {
        const std::string options = "size=8m,nr_inodes=" + std::to_string(inodes);
        if (::mount("tmpfs", temp.c_str(), "tmpfs", 0, options.c_str()) != 0)
            test::not_possible("this machine allows no mount");
        std::ofstream(folder / "tmp/others").put('x'); // so that no message fills it alone
        for (const Mail& mail : infected_mails()) {
            // libclamav itself may end where it cannot make its files.
            const int outcome = outcome_in_child(mail.text);
            BOOST_TEST(failed_or_found(outcome),
                       mail.name << ": outcome " << outcome << " with " << inodes << " files");
        }
        BOOST_TEST(::umount2(temp.c_str(), MNT_DETACH) == 0);
    }
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_was_full_before_is_a_failure_and_no_limit_of_the_message, Scans) {
    if (!test::is_root()) test::not_possible("an own mount needs root");
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", (folder / "tmp").c_str(), "tmpfs", 0, "size=1m") != 0)
        test::not_possible("this machine allows no mount");
    {
        std::ofstream filler(folder / "tmp/left-over", std::ios::binary);
        while (filler.write("x", 1).flush()) {
        }
    }
    // The directory's own, but not of this scan.
    const Verdict verdict = scan(test::eicar_in_zip());
    const bool kept = verdict.outcome == ScanOutcome::temp_failed || verdict.outcome == ScanOutcome::infected;
    BOOST_TEST(kept, static_cast<int>(verdict.outcome) << " " << verdict.detail);
    BOOST_TEST(::umount2((folder / "tmp").c_str(), MNT_DETACH) == 0);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
