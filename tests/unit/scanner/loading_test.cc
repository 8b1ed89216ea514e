// Real loads of small databases: what is refused, with which exit code and which words.
#include "workers/scanner/loading.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/support/database.h"
#include "tests/support/proc.h"
#include "tests/unit/scanner/loader_process.h"
#include "workers/common/shared/generation_id.h"

namespace evermilter::scanner {
namespace {

namespace fs = std::filesystem;

const std::string kGoodHash = "44d88612fea8a8f36de82e1278abb02f:68:Good\n";

bool has_loaded(const LoadEnd& end) {
    return end && *end;
}

struct Load {
    Load() {
        order.config = test::scanner_config(folder);
        order.generation = 7;
        order.temp_directory = folder / "tmp/load";
    }
    void write(const std::string& name, const std::string& content) const {
        test::write_file(folder / ("database/" + name), content);
    }
    LoadEnd load() {
        SnapshotStore store(folder / "state");
        LoadEnd result = scanner::load(order, store, [&](const char* step) { steps.emplace_back(step); });
        if (!has_loaded(result)) store.discard();
        return result;
    }
    // The refusal's exit code and reason with the folder taken out: "65 /local.ndb:2: Malformed database".
    std::string refusal() {
        const LoadEnd result = load();
        if (result) return *result ? "loaded" : "unchanged";
        const Refusal& refused = result.error();
        std::string text = std::to_string(refused.exit_code) + " " + refused.reason;
        const std::string path = (folder / "database").string();
        for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path))
            text.erase(at, path.size());
        return text;
    }
    test::Folder folder;
    LoadOrder order;
    std::vector<std::string> steps;
};

} // namespace

BOOST_AUTO_TEST_SUITE(loading)

BOOST_FIXTURE_TEST_CASE(a_good_directory_is_loaded_step_by_step, Load) {
    test::write_eicar_database(folder / "database");
    const LoadEnd result = load();
    BOOST_REQUIRE(has_loaded(result));
    const auto& loaded = **result;
    BOOST_TEST(loaded.engine.signatures() == 1U); // the built-in probe is not counted
    BOOST_TEST(loaded.database_version.empty());
    BOOST_TEST(loaded.database_time == 0);
    BOOST_TEST(steps == (std::vector<std::string>{"snapshot", "load", "compile"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(what_is_active_already_is_unchanged_unless_forced, Load) {
    test::write_eicar_database(folder / "database");
    const LoadEnd first = load();
    BOOST_REQUIRE(has_loaded(first));
    order.active_digest = (*first)->snapshot.digest;
    order.generation = 8;
    BOOST_TEST(refusal() == "unchanged");
    order.generation = 9;
    order.force = true;
    BOOST_TEST(refusal() == "loaded");
}

BOOST_AUTO_TEST_CASE(a_broken_file_is_refused_with_its_name_its_line_and_65) {
    struct Row {
        const char* file;
        std::string content;
        const char* begin; // of the refusal
    };
    const Row rows[] = {
        {"cut.hdb", kGoodHash + "44d88612fea8a8f3", "65 /cut.hdb:2: Malformed database"},
        {"cut2.hdb", kGoodHash + "44d88612fea8a8f36de82e1278abb02f:68", "65 /cut2.hdb:2: Malformed database"},
        {"hash.hdb", kGoodHash + "zzd88612fea8a8f36de82e1278abb02f:68:X\n", "65 /hash.hdb:2: "},
        {"empty.hdb", "", "65 /empty.hdb: Malformed database"},
        {"few.ndb", "Good:0:*:6162636465\nA.B:0:*\n", "65 /few.ndb:2: Malformed database"},
        {"hex.ndb", "Good:0:*:6162636465\nA.B:0:*:61zz6364\n", "65 /hex.ndb:2: Malformed database"},
        {"garbage.ndb", "\x7f\x45\x4c\x46 no database\n", "65 /garbage.ndb:1: Malformed database"},
        {"logic.ldb", "A.B;Engine:81-255,Target:0;(0&1;6162636465;6162636466\n", "65 /logic.ldb:1: Malformed database"},
        {"subs.ldb", "A.B;Engine:81-255,Target:0;0&1;6162636465\n", "65 /subs.ldb:1: Malformed database"},
        {"target.ldb", "A.B;Engine:81-255,Target:Nil;0;6162636465\n", "65 /target.ldb:1: Malformed database"},
        {"regex.ldb", "A.B;Engine:81-255,Target:0;0&1;6162636465;0/(unclosed/\n", "65 cannot compile the databases: "},
        {"garbage.cvd", "this is no container\n", "65 /garbage.cvd: Broken or not a CVD file"},
        {"garbage.cld", std::string(600, 'x'), "65 /garbage.cld: Broken or not a CVD file"},
        {"daily.cvd", "this is no container\n", "65 "},
        {"rules.yar", "rule x { strings: $a = \"abc\" condition: $b }\n", "65 /rules.yar:1: undefined string \"$b\""},
    };
    for (const Row& row : rows) {
        Load one;
        one.order.config.database.broken_file = config::BrokenFile::refuse;
        one.write("good.ndb", "Good.One:0:*:0102030405060708\n");
        one.write(row.file, row.content);
        const std::string refusal = one.refusal();
        BOOST_TEST(refusal.starts_with(row.begin), row.file << ": " << refusal);
        BOOST_TEST(test::entries_below(one.folder / "state/snapshots").empty(), row.file);
    }
}

BOOST_FIXTURE_TEST_CASE(a_last_line_without_its_end_is_loaded_as_libclamav_does, Load) {
    write("open.hdb", "44d88612fea8a8f36de82e1278abb02f:68:Good");
    BOOST_TEST(refusal() == "loaded");
}

BOOST_FIXTURE_TEST_CASE(a_directory_without_a_signature_is_refused, Load) {
    write("comment.hdb", "# nothing here\n");
    BOOST_TEST(refusal() == "65 no signature in ");
}

BOOST_FIXTURE_TEST_CASE(a_missing_or_empty_directory_is_66, Load) {
    BOOST_TEST(refusal() == "66 no database in ");
    fs::remove(folder / "database");
    BOOST_TEST(refusal() == "66 cannot read : No such file or directory");
}

BOOST_FIXTURE_TEST_CASE(its_id_is_on_disk_whatever_becomes_of_the_load, Load) {
    for (const std::uint64_t id : {7U, 8U}) {
        order.generation = id;
        BOOST_TEST(refusal().starts_with("66 "));
        BOOST_TEST(*last_generation_id(folder / "state") == id);
    }
}

BOOST_FIXTURE_TEST_CASE(a_load_whose_id_cannot_be_recorded_goes_on_and_tells, Load) {
    test::write_eicar_database(folder / "database");
    const std::string file = folder / "state/generation";
    fs::create_directory(file);
    const LoadEnd result = load();
    BOOST_REQUIRE(has_loaded(result));
    BOOST_TEST((*result)->books == "cannot replace " + file + ": Is a directory");
}

// ---------------------------------------------------------------- one broken third-party file

struct Repair : Load {
    Repair() {
        write("good.ndb", "Good.One:0:*:0102030405060708\n");
        fs::create_directories(folder / "state/snapshots/3");
        fs::create_directories(folder / "state/snapshots/5");
    }
    Loaded loaded() {
        LoadEnd result = load();
        if (!result) BOOST_FAIL(result.error().reason);
        return std::move(**result);
    }
    [[nodiscard]] std::string taken(const Loaded& loaded, const std::string& name) const {
        return fs::exists(loaded.snapshot.path + "/" + name) ? test::read_file(loaded.snapshot.path + "/" + name) : "";
    }
};

BOOST_FIXTURE_TEST_CASE(a_broken_third_party_file_is_replaced_by_its_last_good_version, Repair) {
    const char* const good = "Local.One:0:*:0102030405060709\n";
    struct Row {
        const char* file;
        std::string broken;
    };
    const Row rows[] = {
        {"local.ndb", "A.B:0:*\n"},
        {"local.ldb", "A.B;Engine:81-255,Target:0;0&1;6162636465;0/(unclosed/\n"}, // told when it is compiled
        {"rules.yar", "rule x { strings: $a = \"abc\" condition: $b }\n"},
        {"rules.yara", "rule x { condition: undefined_name }\n"},
        {"vendor.cvd", "this is no container\n"},
        {"empty.hdb", ""},
        {"local.rmd", "garbage no sense::::::::\n"}, // libclamav says that it cannot allocate memory
        {"local.zmd", "garbage no sense::::::::\n"},
    };
    for (const Row& row : rows) {
        Repair one;
        const bool replaced = std::string_view(row.file) == "local.ndb";
        if (replaced) {
            test::write_file(one.folder / "state/snapshots/3/local.ndb", "Old:0:*:0102030405060709\n");
            test::write_file(one.folder / "state/snapshots/5/local.ndb", good);
        }
        one.write(row.file, row.broken);
        const Loaded loaded = one.loaded();
        BOOST_TEST(one.taken(loaded, row.file) == (replaced ? good : ""), row.file);
        BOOST_REQUIRE(loaded.broken.size() == 1U);
        BOOST_TEST(loaded.broken.front().find(row.file) != std::string::npos, loaded.broken.front());
        BOOST_TEST(loaded.broken.front().find(replaced ? "generation 5" : "left out") != std::string::npos,
                   loaded.broken.front());
        BOOST_TEST(loaded.engine.signatures() == (replaced ? 2U : 1U), row.file);
        // The next load of the same directory finds it unchanged, whatever was not taken of it.
        one.order.active_digest = loaded.source_digest;
        one.order.generation = 8;
        BOOST_TEST(one.refusal() == "unchanged", row.file);
    }
}

BOOST_FIXTURE_TEST_CASE(several_broken_files_are_repaired_at_once_and_the_others_are_loaded, Repair) {
    write("a.ndb", "A.B:0:*\n");
    write("b.hdb", "no hash\n");
    write("c.yar", "rule x { condition: undefined_name }\n");
    write("d.ndb", "Good.Two:0:*:0102030405060709\n");
    const Loaded loaded = this->loaded();
    BOOST_TEST(loaded.broken.size() == 3U);
    BOOST_TEST(loaded.engine.signatures() == 2U);
    BOOST_TEST(loaded.snapshot.databases == (std::vector<std::string>{"d.ndb", "good.ndb"}),
               boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(an_earlier_version_that_is_broken_too_is_left_out, Repair) {
    write("local.ndb", "A.B:0:*\n");
    test::write_file(folder / "state/snapshots/5/local.ndb", "broken as well\n");
    const Loaded loaded = this->loaded();
    BOOST_TEST(taken(loaded, "local.ndb").empty());
    BOOST_REQUIRE(loaded.broken.size() == 1U);
    BOOST_TEST(loaded.broken.front().find("left out") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(official_databases_are_all_or_nothing, Repair) {
    for (const char* name : {"daily.cvd", "main.cvd", "bytecode.cvd", "daily.cld", "main.cud"}) {
        Repair one;
        test::write_file(one.folder / ("state/snapshots/5/" + std::string(name)), "another\n");
        one.write(name, "this is no container\n");
        BOOST_TEST(one.refusal().starts_with("65 "), name);
    }
}

BOOST_FIXTURE_TEST_CASE(where_nothing_is_left_the_first_reason_is_told, Repair) {
    fs::remove(folder / "database/good.ndb");
    write("local.ndb", "A.B:0:*\n");
    BOOST_TEST(refusal().starts_with("65 /local.ndb:1: "));
}

BOOST_FIXTURE_TEST_CASE(a_third_party_file_that_cannot_be_read_is_replaced_too, Repair) {
    test::write_file(folder / "state/snapshots/5/odd.ndb", "Odd:0:*:0102030405060709\n");
    fs::create_symlink("/proc/self/mem", folder / "database/odd.ndb"); // reading it fails with EIO
    const Loaded loaded = this->loaded();
    BOOST_REQUIRE(loaded.broken.size() == 1U);
    BOOST_TEST(loaded.broken.front().find("cannot read") != std::string::npos, loaded.broken.front());
    BOOST_TEST(loaded.engine.signatures() == 2U);
    order.active_digest = loaded.source_digest;
    order.generation = 8;
    BOOST_TEST(refusal() == "unchanged");
    order.active_digest.clear();
    order.config.database.broken_file = config::BrokenFile::refuse;
    BOOST_TEST(refusal().starts_with("71 cannot read /odd.ndb: "));
}

BOOST_FIXTURE_TEST_CASE(a_third_party_file_behind_a_link_that_cannot_be_followed_is_replaced_too, Repair) {
    test::write_file(folder / "state/snapshots/5/odd.ndb", "Odd:0:*:0102030405060709\n");
    fs::create_symlink("odd.ndb", folder / "database/odd.ndb");
    const Loaded loaded = this->loaded();
    BOOST_REQUIRE(loaded.broken.size() == 1U);
    BOOST_TEST(loaded.broken.front().find("cannot read") != std::string::npos, loaded.broken.front());
    BOOST_TEST(loaded.engine.signatures() == 2U);
    order.generation = 8;
    fs::create_symlink("daily.cvd", folder / "database/daily.cvd");
    BOOST_TEST(refusal().starts_with("71 cannot read /daily.cvd: "));
}

BOOST_FIXTURE_TEST_CASE(a_rollback_repairs_nothing, Repair) {
    test::write_file(folder / "state/snapshots/5/good.ndb", "Good.One:0:*:0102030405060708\n");
    test::write_file(folder / "state/snapshots/5/local.ndb", "broken\n");
    order.reuse_snapshot = folder / "state/snapshots/5";
    BOOST_TEST(refusal().starts_with("65 "));
    BOOST_TEST(test::read_file(folder / "state/snapshots/5/local.ndb") == "broken\n");
}

BOOST_FIXTURE_TEST_CASE(a_database_that_is_given_up_is_no_loss_by_accident, Repair) {
    std::string many;
    for (int i = 0; i < 50; ++i)
        many += "Many." + std::to_string(i) + ":0:*:01020304050607" + std::to_string(10 + i) + "\n";
    test::write_file(folder / "state/snapshots/5/retired.ndb", many);
    test::write_file(folder / "state/snapshots/5/good.ndb", "Good.One:0:*:0102030405060708\n");
    order.active_snapshot = folder / "state/snapshots/5";
    order.active_databases = {"good.ndb", "retired.ndb"};
    order.active_signatures = 51;
    order.config.database.min_ratio = 0.9;
    BOOST_TEST(refusal() == "66 database retired.ndb has vanished (--force loads without it)");
    order.may_vanish = {"retired.ndb"};
    order.generation = 8;
    BOOST_TEST(loaded().vanished == std::vector<std::string>{"retired.ndb"}, boost::test_tools::per_element());
    // What else was lost is still a loss.
    order.active_signatures = 100;
    order.generation = 9;
    BOOST_TEST(refusal().starts_with("65 only 1 signatures"));
}

BOOST_FIXTURE_TEST_CASE(a_vanished_database_is_refused_unless_forced, Load) {
    test::write_eicar_database(folder / "database");
    order.active_databases = {"daily", "eicar.ndb"};
    BOOST_TEST(refusal() == "66 database daily has vanished (--force loads without it)");
    order.force = true;
    BOOST_TEST(refusal() == "loaded");
}

BOOST_FIXTURE_TEST_CASE(a_shrunken_database_is_refused_unless_forced, Load) {
    test::write_eicar_database(folder / "database");
    order.config.database.min_ratio = 0.9;
    order.active_signatures = 2;
    BOOST_TEST(refusal() ==
               "65 only 1 signatures where the active generation has 2, below database.min_ratio "
               "(--force loads them)");
    order.force = true;
    BOOST_TEST(refusal() == "loaded");
}

BOOST_FIXTURE_TEST_CASE(an_engine_that_would_not_fit_is_refused_before_it_is_loaded, Load) {
    test::write_bulk_database(folder / "database", 1000);
    const std::uint64_t expected = expected_engine((folder / "database").string());
    constexpr std::uint64_t kMoreThanAny = std::uint64_t{1} << 60U;
    order.active_engine = {kMoreThanAny, expected};
    for (const bool force : {false, true}) { // --force is about what the databases hold
        order.force = force;
        steps.clear();
        const std::string refused = refusal();
        BOOST_TEST(refused.starts_with("71 not enough memory: the engine needs about 1099511627776 MiB, "), refused);
        BOOST_TEST(steps == (std::vector<std::string>{"snapshot"}), boost::test_tools::per_element());
    }
    order.config.reload.memory_check = false;
    BOOST_TEST(refusal() == "loaded");
}

BOOST_FIXTURE_TEST_CASE(a_load_tells_what_it_took_for_the_next_ones_check, Load) {
    test::write_bulk_database(folder / "database", 400'000);
    const LoadEnd result = load();
    BOOST_REQUIRE(has_loaded(result));
    const auto& loaded = **result;
    BOOST_TEST(loaded.expected_bytes == expected_engine((folder / "database").string()));
    // Neither far from the other: the estimate is low on purpose, and an engine has costs of its own.
    BOOST_TEST(loaded.engine_bytes > loaded.expected_bytes / 2);
#ifdef __SANITIZE_THREAD__
    constexpr unsigned kMost = 40; // for each byte of it there are four of the sanitizer's
#else
    constexpr unsigned kMost = 10;
#endif
    BOOST_TEST(loaded.engine_bytes < loaded.expected_bytes * kMost);
}

BOOST_AUTO_TEST_CASE(exactly_the_ratio_is_enough) {
    BOOST_TEST(check_signatures(1000, 900, 0.9).ok());
    BOOST_TEST(!check_signatures(1000, 899, 0.9).ok());
    BOOST_TEST(check_signatures(0, 1, 0.9).ok());
    BOOST_TEST(check_databases({"daily", "main"}, {"bytecode", "daily", "main"}, {}).ok());
}

BOOST_FIXTURE_TEST_CASE(room_is_waited_for_after_what_costs_nothing_and_before_memory_is_looked_at, Load) {
    test::write_bulk_database(folder / "database", 1000);
    order.await_room = [this] { steps.emplace_back("room"); };
    const LoadEnd result = load();
    BOOST_REQUIRE(has_loaded(result));
    BOOST_TEST(steps == (std::vector<std::string>{"snapshot", "room", "load", "compile"}),
               boost::test_tools::per_element());

    order.active_engine = {std::uint64_t{1} << 60U, expected_engine((folder / "database").string())};
    order.generation = 8;
    steps.clear();
    BOOST_TEST(refusal().starts_with("71 "));
    BOOST_TEST(steps == (std::vector<std::string>{"snapshot", "room"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_load_that_will_not_be_asks_for_no_room, Load) {
    order.await_room = [this] { steps.emplace_back("room"); };
    BOOST_TEST(refusal() == "66 no database in ");
    test::write_eicar_database(folder / "database");
    order.active_databases = {"daily"};
    BOOST_TEST(refusal() == "66 database daily has vanished (--force loads without it)");
    order.active_databases.clear();
    const LoadEnd first = load();
    BOOST_REQUIRE(has_loaded(first));
    order.active_digest = (*first)->snapshot.digest;
    order.generation = 8;
    steps.clear();
    BOOST_TEST(refusal() == "unchanged");
    BOOST_TEST(steps == (std::vector<std::string>{"snapshot"}), boost::test_tools::per_element());
}

BOOST_FIXTURE_TEST_CASE(a_rollback_loads_the_named_snapshot_whatever_it_lacks, Load) {
    fs::create_directories(folder / "state/snapshots/3");
    test::write_eicar_database(folder / "state/snapshots/3");
    order.reuse_snapshot = folder / "state/snapshots/3";
    order.active_databases = {"daily"};
    order.active_signatures = 1000000;
    const LoadEnd result = load();
    BOOST_REQUIRE(has_loaded(result));
    BOOST_TEST((*result)->snapshot.path == order.reuse_snapshot);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
