#include "workers/scanner/libclamav/scan_verdict.h"

#include <boost/test/unit_test.hpp>

namespace evermilter::scanner {
namespace {

using messages::ScanOutcome;

const std::string kFolder = "/run/evermilter/tmp/g7-s0";

struct Facts : ScanFacts {
    explicit Facts(ScanCode seen) {
        code = seen;
        code_text = "what libclamav calls it";
        temp_directory = kFolder;
    }
    Facts& found(const char* name) {
        detection = name;
        code = ScanCode::detection;
        return *this;
    }
    Facts& failed(const char* text) {
        add_failure(*this, text);
        return *this;
    }
    Facts& slow() {
        time_limit_passed = true;
        return *this;
    }
    Facts& losing() {
        lost_output = true;
        return *this;
    }
    Facts& full() {
        temp_filled = true;
        return *this;
    }
};

Ledger ledger(std::initializer_list<Gap> gaps) {
    Ledger made;
    for (const Gap& gap : gaps) made.add(gap);
    return made;
}

const char* const kNoDirectory = "Can't create temporary directory for scan: /tmp/x.";
const char* const kNamesOurFolder = "lseek() failed for /run/evermilter/tmp/g7-s0/scan/x";
const char* const kOther = "calloc_problem: No memory";
const char* const kNotWritten = "cli_scanxz: Can't write to file.";

const Gap kFiles = gap_of_limit("MaxFiles", {}, {}, 0);
const Gap kMalformed = gap_of(Unseen::malformed, "1.2", "xz", 0, "cut off");
const Gap kEncrypted = gap_of(Unseen::encrypted, "1.3", "zip", 100, {});

constexpr UnseenSet kNone = 0;

} // namespace

BOOST_AUTO_TEST_SUITE(scan_verdict)

BOOST_AUTO_TEST_CASE(only_a_scan_without_any_doubt_is_clean) {
    const ScanCode clean = ScanCode::clean;
    const UnseenSet limit = unseen_bit(Unseen::limit);
    const UnseenSet malformed = unseen_bit(Unseen::malformed);
    const UnseenSet encrypted = unseen_bit(Unseen::encrypted);
    const struct {
        const char* promise;
        ScanFacts facts;
        Ledger ledger;
        ScanOutcome outcome;
        std::string detail;
        UnseenSet unseen;
    } rows[] = {
        {"nothing found, nothing said", Facts(clean), {}, ScanOutcome::clean, "", kNone},
        {"a detection", Facts(clean).found("Win.A"), {}, ScanOutcome::infected, "Win.A", kNone},
        {"a detection beside an error",
         Facts(clean).found("Win.A").failed(kOther),
         {},
         ScanOutcome::infected,
         "Win.A",
         kNone},
        {"a detection after the time limit",
         Facts(clean).found("Win.A").slow(),
         {},
         ScanOutcome::infected,
         "Win.A",
         kNone},
        {"a detection beside what was not looked at", Facts(clean).found("Win.A"), ledger({kMalformed}),
         ScanOutcome::infected, "Win.A", kNone},
        {"a detection where the directory is full",
         Facts(clean).found("Win.A").failed(kNotWritten).full(),
         {},
         ScanOutcome::infected,
         "Win.A",
         kNone},
        {"a detection without a name",
         Facts(ScanCode::detection),
         {},
         ScanOutcome::error,
         "libclamav reports a detection without a name",
         kNone},
        {"content that is cut off", Facts(clean), ledger({kMalformed}), ScanOutcome::incomplete, "malformed",
         malformed},
        {"several reasons", Facts(ScanCode::detection), ledger({kMalformed, kFiles, kEncrypted, kFiles}),
         ScanOutcome::incomplete, "encrypted, MaxFiles, malformed", limit | malformed | encrypted},
        {"a failure after content that is cut off", Facts(clean).failed(kOther), ledger({kMalformed}),
         ScanOutcome::error, kOther, kNone},
        {"cut off, and without room", Facts(clean).failed(kNotWritten), ledger({kMalformed}), ScanOutcome::temp_failed,
         kNotWritten, kNone},
        {"cut off, and the library failed", Facts(ScanCode::failure), ledger({kMalformed}), ScanOutcome::error,
         "what libclamav calls it", kNone},
        {"cut off, and out of time", Facts(clean).slow(), ledger({kMalformed}), ScanOutcome::error, "MaxScanTime",
         kNone},
        {"clean, but its directory was not made",
         Facts(clean).failed(kNoDirectory),
         {},
         ScanOutcome::temp_failed,
         kNoDirectory,
         kNone},
        {"clean, but an error names our folder",
         Facts(clean).failed(kNamesOurFolder),
         {},
         ScanOutcome::temp_failed,
         kNamesOurFolder,
         kNone},
        {"another failure counts more than the directory's",
         Facts(clean).failed(kNoDirectory).failed(kOther),
         {},
         ScanOutcome::error,
         kOther,
         kNone},
        {"whichever comes first",
         Facts(clean).failed(kOther).failed(kNoDirectory),
         {},
         ScanOutcome::error,
         kOther,
         kNone},
        {"clean, but a part was lost on its way to the disk",
         Facts(clean).losing(),
         {},
         ScanOutcome::temp_failed,
         "a temporary file could not be written in " + kFolder,
         kNone},
        {"a code that tells of temporary files",
         Facts(ScanCode::temp_failure),
         {},
         ScanOutcome::temp_failed,
         "what libclamav calls it",
         kNone},
        {"without room, which the message itself has taken",
         Facts(clean).failed(kNotWritten).full(),
         {},
         ScanOutcome::incomplete,
         "TempSize",
         limit},
        {"a lost part, likewise", Facts(clean).losing().full(), {}, ScanOutcome::incomplete, "TempSize", limit},
        {"a code that tells of it",
         Facts(ScanCode::temp_failure).full(),
         {},
         ScanOutcome::incomplete,
         "TempSize",
         limit},
        {"another failure after it",
         Facts(clean).failed(kNotWritten).failed(kOther).full(),
         {},
         ScanOutcome::error,
         kOther,
         kNone},
        {"another failure beside a lost part",
         Facts(ScanCode::failure).losing().full(),
         {},
         ScanOutcome::error,
         "what libclamav calls it",
         kNone},
        {"out of room and out of time",
         Facts(clean).failed(kNotWritten).full().slow(),
         {},
         ScanOutcome::error,
         "MaxScanTime",
         kNone},
        {"without room, and libclamav says nothing of it",
         Facts(clean).full(),
         {},
         ScanOutcome::incomplete,
         "TempSize",
         limit},
        {"any other code", Facts(ScanCode::failure), {}, ScanOutcome::error, "what libclamav calls it", kNone},
        {"clean, but it took too long", Facts(clean).slow(), {}, ScanOutcome::error, "MaxScanTime", kNone},
        {"a limit, then the time limit", Facts(ScanCode::detection).slow(), ledger({kFiles}), ScanOutcome::error,
         "MaxScanTime", kNone},
        {"a limit", Facts(ScanCode::detection), ledger({kFiles}), ScanOutcome::incomplete, "MaxFiles", limit},
        {"a limit beside an error", Facts(ScanCode::detection).failed(kOther), ledger({kFiles}), ScanOutcome::error,
         kOther, kNone},
        {"a limit beside a lost part", Facts(ScanCode::detection).losing(), ledger({kFiles}), ScanOutcome::temp_failed,
         "a temporary file could not be written in " + kFolder, kNone},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.promise) {
            const Verdict verdict = judge(row.facts, row.ledger);
            BOOST_TEST((verdict.outcome == row.outcome));
            BOOST_TEST(verdict.detail == row.detail);
            if (row.outcome == ScanOutcome::infected) continue; // these are of the rest then
            BOOST_TEST(verdict.unseen == row.unseen);
            BOOST_TEST(verdict.ledger.empty() == (row.unseen == kNone));
        }
    }
}

BOOST_AUTO_TEST_CASE(beside_a_detection_stands_what_the_scan_came_to_but_for_it) {
    const auto found = [](ScanFacts facts) {
        facts.code = std::max(facts.code, ScanCode::detection);
        facts.detection = "First";
        facts.others = {"Second", "Third"};
        return facts;
    };
    const Verdict alone = judge(found(Facts(ScanCode::clean)), {});
    BOOST_TEST((alone.outcome == ScanOutcome::infected && alone.rest == ScanOutcome::clean));
    BOOST_TEST(alone.detail == "First");
    BOOST_TEST(alone.names == "Second\nThird");
    BOOST_TEST(alone.unseen == kNone);
    const Verdict unseen = judge(found(Facts(ScanCode::clean)), ledger({kEncrypted, kFiles}));
    BOOST_TEST((unseen.outcome == ScanOutcome::infected && unseen.rest == ScanOutcome::incomplete));
    BOOST_TEST(unseen.unseen == (unseen_bit(Unseen::encrypted) | unseen_bit(Unseen::limit)));
    BOOST_TEST((judge(found(Facts(ScanCode::failure)), {}).rest == ScanOutcome::error));
    BOOST_TEST((judge(found(Facts(ScanCode::clean).slow()), {}).rest == ScanOutcome::error));
    BOOST_TEST((judge(found(Facts(ScanCode::clean).losing()), {}).rest == ScanOutcome::temp_failed));

    ScanFacts many = found(Facts(ScanCode::clean));
    many.others.assign(100, std::string(300, 'n'));
    const std::string cut = judge(many, {}).names;
    BOOST_TEST(cut.size() <= messages::kLongestNames);
    BOOST_TEST(cut.ends_with("\n" + std::string(kMoreNames)));
    ScanFacts unnamed = found(Facts(ScanCode::clean));
    unnamed.more_names = true;
    BOOST_TEST(judge(unnamed, {}).names == "Second\nThird\n(more names)");
}

BOOST_AUTO_TEST_CASE(a_name_is_a_virus_unless_it_only_says_that_something_was_not_looked_at) {
    const AskedFor nothing;
    const AskedFor archives{true, false};
    const AskedFor documents{false, true};
    const struct {
        const char* name;
        AskedFor asked;
        NameKind kind;
    } rows[] = {
        {"Win.Test.EICAR_HDB-1", nothing, NameKind::virus},
        {"Heuristics.Phishing.Email", nothing, NameKind::virus},
        {"PUA.Win.Tool", nothing, NameKind::virus},
        {"Heuristics.Limits.Exceeded.MaxFiles", nothing, NameKind::limit},
        {"Heuristics.Limits.Exceeded.MaxScanTime", nothing, NameKind::time_limit},
        {"Heuristics.Limits.Exceeded.EmailHeaders", nothing, NameKind::limit},
        {"Heuristics.Limits.Exceeded.", nothing, NameKind::virus},
        {"Heuristics.Encrypted.Zip", nothing, NameKind::encrypted},
        {"Heuristics.Encrypted.PDF", nothing, NameKind::encrypted},
        {"Heuristics.Encrypted.Zip", archives, NameKind::virus},
        {"Heuristics.Encrypted.PDF", archives, NameKind::encrypted},
        {"Heuristics.Encrypted.RAR", documents, NameKind::encrypted},
        {"Heuristics.Encrypted.PDF", documents, NameKind::virus},
        {"Win.Heuristics.Encrypted.Zip", nothing, NameKind::virus},
    };
    for (const auto& row : rows) BOOST_TEST((kind_of_name(row.name, row.asked) == row.kind), row.name);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
