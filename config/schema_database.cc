// Rows of the schema about signature databases and their generations.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kDatabaseRows[] = {
    {.key = "database.directory",
     .kind = Kind::path,
     .field = field<&Database::directory>,
     .default_value = "/var/lib/clamav",
     .applies_by = AppliesBy::new_generation,
     .text = "Where freshclam keeps the signature databases. Never written to; a generation is loaded from a snapshot "
             "of it, so freshclam may change files at any moment."},
    {.key = "database.state_directory",
     .kind = Kind::path,
     .field = field<&Database::state_directory>,
     .default_value = "/var/lib/evermilter",
     .applies_by = AppliesBy::restart,
     .text = "Where snapshots of the generations are kept, and the number of the last one, which only ever grows. "
             "Owned by `process.scanner_user`, made at start where it is missing. Needs room for `database.keep` + 2 "
             "copies of the database, except on file systems that share blocks between copies (btrfs, XFS)."},
    {.key = "database.watch",
     .kind = Kind::boolean,
     .field = field<&Database::watch>,
     .default_value = "true",
     .text = "Reload without being asked when the content of `database.directory` has changed. Where freshclam's "
             "`NotifyClamd` "
             "announces changes as well, nothing is loaded twice."},
    {.key = "database.settle",
     .kind = Kind::duration,
     .field = field<&Database::settle>,
     .default_value = "5s",
     .range = {0, kHour},
     .text = "How long the directory must stay unchanged before `database.watch` reloads, so that an update of several "
             "files makes one generation."},
    {.key = "database.check_interval",
     .kind = Kind::duration,
     .field = field<&Database::check_interval>,
     .default_value = "10m",
     .range = kTimeout,
     .text = "How often `database.watch` looks at the directory in addition to waiting for the kernel's word, for file "
             "systems and "
             "links of which the kernel says nothing (NFS, too many watches)."},
    {.key = "database.vanished_after",
     .kind = Kind::duration,
     .field = field<&Database::vanished_after>,
     .default_value = "1h",
     .range = {0, 168 * kHour},
     .text = "A database file that the active generation has and that is missing refuses a reload, once. After so long "
             "it is taken as given up by its publisher: reloads go on without it, and say what was lost. "
             "`evermilterctl reload --force` does so at once."},
    {.key = "database.broken_file",
     .kind = Kind::choice,
     .field = field<&Database::broken_file>,
     .default_value = "keep_last",
     .allowed = "keep_last refuse",
     .text = "What becomes of a reload, or of a start, where one file that is not `main`, `daily` or `bytecode` cannot "
             "be read or loaded. `keep_last`: its last good version is used, or none where there is none, the state is "
             "`degraded` with the reason, and everything else is loaded. `refuse`: the reload is refused."},
    {.key = "database.keep",
     .kind = Kind::count,
     .field = field<&Database::keep>,
     .default_value = "3",
     .range = {0, 100},
     .text =
         "Snapshots of earlier generations that are kept for `evermilterctl rollback`, in addition to those in use."},
    {.key = "database.min_ratio",
     .kind = Kind::ratio,
     .field = field<&Database::min_ratio>,
     .default_value = "0.9",
     .text = "A new generation must have at least this share of the active one's signatures, or it is refused: a "
             "database that lost a tenth of itself overnight is more likely broken than better. 0 turns this off."},
    {.key = "database.proof_directory",
     .kind = Kind::path,
     .field = field<&Database::proof_directory>,
     .default_value = "",
     .applies_by = AppliesBy::new_generation, // whose proof shows whether it can be read, and what is in it
     .unset = "the built-in proof only",
     .example = "/etc/evermilter/proof",
     .text = "Your own samples for the proof of a new generation: every file below `infected/` must be found and none "
             "below `clean/` may be, or the generation is refused. A place for the message that was once rejected by "
             "mistake."},
    {.key = "database.site_signatures",
     .kind = Kind::path,
     .field = field<&Database::site_signatures>,
     .default_value = "",
     .applies_by = AppliesBy::new_generation,
     .unset = "none",
     .example = "/etc/evermilter/site-signatures",
     .text =
         "A file with signatures of your own, as lines of mail: a line `NAME =`, and below it one or more lines as "
         "they "
         "stand in the message (base64 lines, header fields of a part, a text), 16 to 3,500 bytes in all; an empty "
         "line "
         "ends it, and lines that begin with `#` between signatures do not count. They are looked for in the whole "
         "message as it came, and in what it contains, and are found as `NAME.UNOFFICIAL`. `database.watch` watches "
         "this file too. `process.scanner_user` must be able to read it. A broken one is treated as "
         "`database.broken_file` says, with its line in the reason. One that is found in the clean messages of the "
         "proof "
         "refuses the generation."},
};

constexpr Row kReloadRows[] = {
    {.key = "reload.pin",
     .kind = Kind::choice,
     .field = field<&Reload::pin>,
     .default_value = "session",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "session message scan",
     .text = "What stays on the generation that it began with. `session`: a whole SMTP session; `message`: a message "
             "from its MAIL on; `scan`: only the scan itself."},
    {.key = "reload.drain_timeout",
     .kind = Kind::duration,
     .field = field<&Reload::drain_timeout>,
     .default_value = "2m",
     .range = kTimeout,
     .text = "How long an old generation may live after its successor took over. Then whatever still holds it uses the "
             "current one from its next scan on, the message being received included. Nothing is cut."},
    {.key = "reload.load_timeout",
     .kind = Kind::duration,
     .field = field<&Reload::load_timeout>,
     .default_value = "10m",
     .range = kTimeout,
     .text = "A generation that is not ready after so long is given up, and the active one stays."},
    {.key = "reload.memory_check",
     .kind = Kind::boolean,
     .field = field<&Reload::memory_check>,
     .default_value = "true",
     .text = "Refuse a load for which the machine, or a control group, has not enough memory left. The reason has the "
             "figures. Otherwise the kernel finds out, and ends a process of its own choosing. The need is what the "
             "active engine took, in proportion to the databases; for the first load, and where the databases differ "
             "much in size, a low estimate by the kinds of files. Free swap and cached files count as room."},
    {.key = "reload.mode",
     .kind = Kind::choice,
     .field = field<&Reload::mode>,
     .default_value = "overlap",
     .allowed = "overlap replace",
     .text = "`overlap` loads the new engine while the old one serves, and nobody notices. `replace` is for hosts with "
             "room "
             "for one engine: once the snapshot is taken the old one ends, then the new one is loaded, and messages "
             "wait meanwhile for at most `scanner.queue_timeout`. Where the load is refused, the old database is "
             "loaded again."},
    {.key = "reload.splay",
     .kind = Kind::duration,
     .field = field<&Reload::splay>,
     .default_value = "0s",
     .range = {0, 24 * kHour},
     .text =
         "For several machines that get new databases at the same moment: what `database.watch` has seen, and what "
         "freshclam announces (`NotifyClamd`), is loaded after a while of at most so long, which chance chooses each "
         "time. `evermilterctl reload`, SIGHUP, and a machine whose signatures are missing or stale do not wait."},
};

} // namespace

const Section kDatabaseSection = {"database", one<&Config::database>, kDatabaseRows,
                                  "The signature databases, and what a new one must show before it is trusted."};

const Section kReloadSection = {
    "reload", one<&Config::reload>, kReloadRows,
    "How a new generation takes over.\n\n"
    "A reload loads the new database in a process of its own while the old generation goes on serving. Only when the "
    "new engine is loaded, compiled and proven do new sessions use it; if anything fails before, nothing has changed "
    "but a line in the log. At most two engines are in memory at any time."};

} // namespace evermilter::config
