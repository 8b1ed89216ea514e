#include "workers/scanner/loading.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/base/sha256.h"
#include "workers/common/shared/database_files.h"
#include "workers/common/shared/generation_id.h"
#include "workers/scanner/file_repair.h"
#include "workers/scanner/file_trial.h"
#include "workers/scanner/libclamav/database_version.h"
#include "workers/scanner/memory/huge_pages.h"
#include "workers/scanner/memory/left.h"
#include "workers/scanner/proof.h"
#include "workers/scanner/site_signatures.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {
namespace {

// Each repairs or removes a file; more than these are no accident.
constexpr int kMostRepairs = 5;
constexpr std::chrono::seconds kCount{60};

using Progress = std::function<void(const char*)>;

std::string shown_directory(const LoadOrder& order, const std::string& folder) {
    return order.reuse_snapshot.empty() ? order.config.database.directory : folder;
}

std::string digest_of_directory(const Snapshot& snapshot) {
    if (snapshot.unread.empty()) return snapshot.digest;
    Sha256 digest;
    digest.add(snapshot.digest);
    for (const UnreadFile& file : snapshot.unread) digest.add("/" + file.name);
    return digest.finish_text();
}

// The signatures of the databases that are given up, as the active snapshot has them. They are no loss by accident.
std::uint64_t signatures_given_up(const LoadOrder& order, const std::vector<std::string>& given_up) {
    std::uint64_t count = 0;
    const auto files = list_database_files(order.active_snapshot);
    if (given_up.empty() || !files) return 0;
    for (const DatabaseFile& file : *files) {
        if (std::find(given_up.begin(), given_up.end(), database_name(file.name)) == given_up.end()) continue;
        const std::string path = order.active_snapshot + "/" + file.name;
        if (const auto found = try_database_file(order.config.scanner, path, path, order.temp_directory, kCount))
            count += *found;
    }
    return count;
}

std::uint64_t without(std::uint64_t all, std::uint64_t some) {
    return all - std::min(all, some);
}

// An engine with all of the folder, compiled.
Result<Engine, Refusal> load_folder(const LoadOrder& order, const std::string& folder,
                                    const std::vector<std::string>& given_up, const Progress& progress) {
    const std::string shown_as = shown_directory(order, folder);
    auto engine = Engine::create(order.config.scanner);
    if (!engine) return engine.error();
    if (auto set = engine->set_temp_directory(order.temp_directory); !set)
        return Refusal{EX_SOFTWARE, set.error().what};
    if (auto loaded = engine->load(folder, shown_as); !loaded) return loaded.error();
    if (engine->signatures() == 0) return Refusal{EX_DATAERR, "no signature in " + shown_as};
    if (!order.force && order.reuse_snapshot.empty()) {
        // The site's own come and go as their operator wants.
        const std::uint64_t active = without(order.active_signatures, count_site_signatures(order.active_snapshot));
        const std::uint64_t found = without(engine->signatures(), count_site_signatures(folder));
        auto checked = check_signatures(active, found, order.config.database.min_ratio);
        if (!checked && !given_up.empty())
            checked = check_signatures(without(active, signatures_given_up(order, given_up)), found,
                                       order.config.database.min_ratio);
        if (!checked) return checked.error();
    }
    if (auto added = add_builtin_probe(*engine, order.temp_directory); !added) return added.error();
    progress("compile");
    if (auto compiled = engine->compile(); !compiled) return compiled.error();
    return engine;
}

// The same, with broken third-party files repaired where that is wanted.
Result<Engine, Refusal> load_what_can_be(const LoadOrder& order, const std::string& folder,
                                         const std::vector<std::string>& given_up, FileRepair& repair,
                                         const Progress& progress) {
    const bool repairs =
        order.reuse_snapshot.empty() && order.config.database.broken_file == config::BrokenFile::keep_last;
    std::optional<Refusal> first;
    if (repairs && order.check_files) (void)repair.try_changed();
    for (int tries = 0;; ++tries) {
        auto engine = load_folder(order, folder, given_up, progress);
        if (engine) return engine;
        if (!first) first = engine.error();
        // The first reason says what the operator must know, whatever was left after the repairs.
        if (!repairs || tries == kMostRepairs || !repair.after(engine.error())) return *first;
        if (const auto left = list_database_files(folder); !left || left->empty()) return *first;
        progress("load");
    }
}

LoadEnd load_steps(const LoadOrder& order, SnapshotStore& store, const Progress& progress, std::string& digest) {
    const std::string& directory = order.config.database.directory;
    const std::string& state = order.config.database.state_directory;
    const bool reuse = !order.reuse_snapshot.empty();
    const Want want =
        order.config.database.broken_file == config::BrokenFile::keep_last ? Want::what_can_be_read : Want::all;
    std::string books;
    // It only keeps books: the supervisor counts on alone.
    if (auto recorded = record_generation_id(state, order.generation); !recorded) books = recorded.error().what;
    if (auto made = make_empty_directory(order.temp_directory); !made)
        return Refusal{EX_CANTCREAT, "temp directory not usable: " + made.error().what};

    progress("snapshot");
    auto folder = reuse ? store.reuse(order.reuse_snapshot) : store.begin(order.generation);
    if (!folder) return folder.error();
    auto snapshot = reuse ? read_snapshot(*folder)
                          : take_snapshot(directory, *folder, want, {}, order.config.database.site_signatures);
    if (!snapshot) return snapshot.error();
    const std::string source = digest_of_directory(*snapshot);
    digest = source;
    if (!order.force && !order.active_digest.empty() && source == order.active_digest) return std::optional<Loaded>();
    std::vector<std::string> given_up;
    if (!reuse) {
        std::vector<std::string> found = snapshot->databases;
        for (const UnreadFile& file : snapshot->unread) found.push_back(database_name(file.name));
        // Whether there are signatures of the site is the operator's to say.
        std::vector<std::string> active = order.active_databases;
        active.erase(std::remove(active.begin(), active.end(), kSiteDatabase), active.end());
        auto checked = check_databases(active, found, order.force ? order.active_databases : order.may_vanish);
        if (!checked) return checked.error();
        given_up = std::move(*checked);
    }
    // Whatever was wrong so far has cost the active generation nothing.
    if (order.await_room) order.await_room();

    const std::uint64_t expected = expected_engine(*folder);
    if (order.config.reload.memory_check)
        if (auto room = check_memory(engine_need(order.active_engine, expected), read_memory_left()); !room)
            return room.error();
    const std::uint64_t before = private_memory();

    progress("load");
    FileRepair repair({order.config.scanner, *folder, directory, order.temp_directory,
                       reuse ? std::vector<std::string>() : good_snapshots(state, order.active_snapshot)});
    for (const UnreadFile& file : snapshot->unread) repair.unread(file.name, file.why.reason);
    auto engine = load_what_can_be(order, *folder, given_up, repair, progress);
    if (!engine) return engine.error();
    if (!Engine::unpacks_rar())
        log::warning("rar-unsupported", {{"remedy",
                                          "install libclamunrar; until then mail with a RAR archive is not "
                                          "fully scanned"}});
    if (!repair.names().empty()) {
        // What is loaded is no longer what the directory has.
        snapshot = read_snapshot(*folder);
        if (!snapshot) return snapshot.error();
    }
    const std::uint64_t after = private_memory();
    // With "replace" mail waits for this load: it is over as soon as it can be.
    if (!order.await_room) (void)collapse_memory();
    Loaded result{std::move(*engine),
                  std::move(*snapshot),
                  {},
                  0,
                  after > before ? after - before : 0,
                  expected,
                  source,
                  repair.texts(),
                  std::move(given_up),
                  std::move(books)};
    result.database_version = version_text(result.engine.daily_version(), result.engine.daily_time());
    result.database_time = newest_database_time(result.snapshot.path);
    return result;
}

} // namespace

Result<std::vector<std::string>, Refusal> check_databases(const std::vector<std::string>& active,
                                                          const std::vector<std::string>& found,
                                                          const std::vector<std::string>& given_up) {
    const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
        return std::find(names.begin(), names.end(), name) != names.end();
    };
    std::vector<std::string> vanished;
    std::string missed;
    for (const std::string& name : active) {
        if (is_in(found, name)) continue;
        vanished.push_back(name);
        if (!is_in(given_up, name)) missed += (missed.empty() ? "" : ", ") + name;
    }
    if (missed.empty()) return vanished;
    return Refusal{.exit_code = EX_NOINPUT,
                   .reason = "database " + missed + " has vanished (--force loads without it)",
                   .vanished = std::move(vanished)};
}

Result<void, Refusal> check_signatures(std::uint64_t active, std::uint64_t found, double min_ratio) {
    if (static_cast<double>(found) >= static_cast<double>(active) * min_ratio) return {};
    return Refusal{EX_DATAERR, "only " + std::to_string(found) + " signatures where the active generation has " +
                                   std::to_string(active) + ", below database.min_ratio (--force loads them)"};
}

LoadEnd load(const LoadOrder& order, SnapshotStore& store, const std::function<void(const char*)>& progress) {
    try {
        std::string digest;
        LoadEnd result = load_steps(order, store, progress, digest);
        if (!result) result.error().digest = std::move(digest);
        return result;
    } catch (const std::bad_alloc&) {
        return Refusal{EX_OSERR, "out of memory while loading the databases"};
    } catch (const std::exception& exception) {
        return Refusal{EX_SOFTWARE, std::string("while loading the databases: ") + exception.what()};
    }
}

} // namespace evermilter::scanner
