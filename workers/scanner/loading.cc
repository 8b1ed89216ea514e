#include "workers/scanner/loading.h"

#include <algorithm>
#include <exception>
#include <new>
#include <utility>

#include "workers/common/generation_id.h"
#include "workers/common/log.h"
#include "workers/scanner/database_version.h"
#include "workers/scanner/huge_pages.h"
#include "workers/scanner/memory_left.h"
#include "workers/scanner/proof.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {
namespace {

LoadResult load_steps(const LoadOrder& order, SnapshotStore& store, const std::function<void(const char*)>& progress,
                      std::string& digest) {
    const std::string& directory = order.config.database.directory;
    const bool reuse = !order.reuse_snapshot.empty();

    if (auto recorded = record_generation_id(order.config.database.state_directory, order.generation); !recorded)
        return Refusal{EX_CANTCREAT, recorded.error().what};
    if (auto made = make_empty_directory(order.temp_directory); !made)
        return Refusal{EX_CANTCREAT, "temp directory not usable: " + made.error().what};

    progress("snapshot");
    auto folder = reuse ? store.reuse(order.reuse_snapshot) : store.begin(order.generation);
    if (!folder) return folder.refusal();
    auto snapshot = reuse ? read_snapshot(*folder) : take_snapshot(directory, *folder);
    if (!snapshot) return snapshot.refusal();
    digest = snapshot->digest;
    if (!order.force && !order.active_digest.empty() && snapshot->digest == order.active_digest) return Unchanged{};
    if (!order.force && !reuse)
        if (auto checked = check_databases(order.active_databases, snapshot->databases); !checked)
            return checked.refusal();
    // Whatever was wrong so far has cost the active generation nothing.
    if (order.await_room) order.await_room();

    const std::uint64_t expected = expected_engine(*folder);
    if (order.config.reload.memory_check)
        if (auto room = check_memory(engine_need(order.active_engine, expected), read_memory_left()); !room)
            return room.refusal();
    const std::uint64_t before = private_memory();

    progress("load");
    auto engine = Engine::create(order.config.scanner);
    if (!engine) return engine.refusal();
    if (!Engine::unpacks_rar())
        log::warning("rar-unsupported", {{"remedy",
                                          "install libclamunrar; until then mail with a RAR archive is not "
                                          "fully scanned"}});
    if (auto set = engine->set_temp_directory(order.temp_directory); !set)
        return Refusal{EX_SOFTWARE, set.error().what};
    if (auto loaded = engine->load(*folder, reuse ? *folder : directory); !loaded) return loaded.refusal();
    if (engine->signatures() == 0) return Refusal{EX_DATAERR, "no signature in " + (reuse ? *folder : directory)};
    if (!order.force && !reuse) {
        auto checked = check_signatures(order.active_signatures, engine->signatures(), order.config.database.min_ratio);
        if (!checked) return checked.refusal();
    }
    if (auto added = add_builtin_probe(*engine, order.temp_directory); !added) return added.refusal();

    progress("compile");
    if (auto compiled = engine->compile(); !compiled) return compiled.refusal();

    const std::uint64_t after = private_memory();
    // With "replace" mail waits for this load: it is over as soon as it can be.
    if (!order.await_room) (void)collapse_memory();
    Loaded result{std::move(*engine), std::move(*snapshot), {}, 0, after > before ? after - before : 0, expected};
    result.database_version = version_text(result.engine.daily_version(), result.engine.daily_time());
    result.database_time = newest_database_time(result.snapshot.path);
    return result;
}

} // namespace

Outcome<Done> check_databases(const std::vector<std::string>& active, const std::vector<std::string>& found) {
    for (const std::string& name : active) {
        if (std::find(found.begin(), found.end(), name) == found.end())
            return Refusal{EX_NOINPUT, "database " + name + " has vanished (--force loads without it)"};
    }
    return Done{};
}

Outcome<Done> check_signatures(std::uint64_t active, std::uint64_t found, double min_ratio) {
    if (static_cast<double>(found) >= static_cast<double>(active) * min_ratio) return Done{};
    return Refusal{EX_DATAERR, "only " + std::to_string(found) + " signatures where the active generation has " +
                                   std::to_string(active) + ", below database.min_ratio (--force loads them)"};
}

LoadResult load(const LoadOrder& order, SnapshotStore& store, const std::function<void(const char*)>& progress) {
    try {
        std::string digest;
        LoadResult result = load_steps(order, store, progress, digest);
        if (auto* refusal = std::get_if<Refusal>(&result)) refusal->digest = std::move(digest);
        return result;
    } catch (const std::bad_alloc&) {
        return Refusal{EX_OSERR, "out of memory while loading the databases"};
    } catch (const std::exception& exception) {
        return Refusal{EX_SOFTWARE, std::string("while loading the databases: ") + exception.what()};
    }
}

} // namespace evermilter::scanner
