// The configuration as values. Every field is one row of the schema (schema.cc), which gives its key, default,
// range and documentation; nothing here is read from a global: a part that needs a value is given it.
// Durations are milliseconds, sizes bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workers/common/base/log_level.h"

namespace evermilter::config {

using Duration = std::chrono::milliseconds;
using Size = std::uint64_t;

// What becomes of a message; which values a key allows is in the schema.
enum class Action : std::uint8_t { accept, reject, tempfail, discard, quarantine };
enum class Pin : std::uint8_t { session, message, scan };
enum class ReloadMode : std::uint8_t { overlap, replace };
enum class BrokenFile : std::uint8_t { keep_last, refuse };
enum class HeaderMode : std::uint8_t { no, add, replace };
enum class Mode : std::uint8_t { enforce, observe };
enum class CacheBy : std::uint8_t { question, recipient };
enum class LogDetail : std::uint8_t { off, basic, full };
using LogTarget = log::Target;
using LogLevel = log::Level;

struct Milter {
    std::vector<std::string> listen;
    Mode mode = Mode::enforce;
    std::uint32_t socket_mode = 0;
    std::string socket_group;
    std::vector<std::string> allow;
    bool allow_in_file = false; // milter.allow stood in the file; not a key of its own
    bool proxy = false;         // each connection begins with a PROXY header
    std::vector<std::string> proxy_from;
    std::uint32_t max_sessions = 0;
    std::uint32_t max_sessions_per_peer = 0; // 0: no cap
};

struct Workers {
    std::uint32_t session_min = 0;
    std::uint32_t session_max = 0;
    std::uint32_t sessions_per_worker = 0;
};

// Options that libclamav takes; nullopt leaves libclamav's own default.
struct Scanner {
    std::uint32_t processes = 0; // 0: one a CPU
    Duration max_scan_time{};
    std::optional<Size> max_file_size;
    std::optional<Size> max_scan_size;
    std::optional<std::uint32_t> max_recursion;
    std::optional<std::uint32_t> max_files;
    std::string temp_directory;
    std::optional<Size> temp_size;
    Duration queue_timeout{};
    std::uint32_t retries = 0;
    std::uint32_t max_jobs = 0;
    Duration max_age{};

    bool scan_pe = true;
    bool scan_elf = true;
    bool scan_ole2 = true;
    bool scan_pdf = true;
    bool scan_swf = true;
    bool scan_xmldocs = true;
    bool scan_hwp3 = true;
    bool scan_onenote = true;
    bool scan_image = true;
    bool scan_image_fuzzy_hash = true;
    bool scan_html = true;
    bool scan_archive = true;
    bool heuristic_alerts = true;
    bool heuristic_scan_precedence = false;
    bool alert_broken_executables = false;
    bool alert_broken_media = false;
    bool alert_encrypted = false;
    bool alert_encrypted_archive = false;
    bool alert_encrypted_doc = false;
    bool alert_macros = false;
    bool alert_phishing_ssl_mismatch = false;
    bool alert_phishing_cloak = false;
    bool alert_partition_intersection = false;
    bool phishing_signatures = true;
    bool phishing_scan_urls = true;
    bool structured_data_detection = false;
    std::uint32_t structured_min_credit_card_count = 3;
    std::uint32_t structured_min_ssn_count = 3;
    bool structured_cc_only = false;
    bool structured_ssn_format_normal = true;
    bool structured_ssn_format_stripped = false;
    bool detect_pua = false;
    std::vector<std::string> exclude_pua;
    std::vector<std::string> include_pua;
    bool bytecode = true;
    Duration bytecode_timeout{};
    bool official_database_only = false;
    std::optional<Size> max_embedded_pe;
    std::optional<Size> max_html_normalize;
    std::optional<Size> max_html_no_tags;
    std::optional<Size> max_script_normalize;
    std::optional<Size> max_zip_type_rcg;
    std::optional<std::uint32_t> max_partitions;
    std::optional<std::uint32_t> max_icons_pe;
    std::optional<std::uint32_t> max_rec_hwp3;
    std::optional<std::uint64_t> pcre_match_limit;
    std::optional<std::uint64_t> pcre_rec_match_limit;
    std::optional<Size> pcre_max_file_size;
};

struct Database {
    std::string directory;
    std::string state_directory;
    bool watch = true;
    Duration settle{};
    Duration check_interval{};
    Duration vanished_after{};
    BrokenFile broken_file = BrokenFile::keep_last;
    std::uint32_t keep = 0;
    double min_ratio = 0;
    std::string proof_directory;
    std::string site_signatures; // empty: none
};

struct Reload {
    Pin pin = Pin::session;
    Duration drain_timeout{};
    Duration load_timeout{};
    bool memory_check = true;
    ReloadMode mode = ReloadMode::overlap;
    Duration splay{};
};

struct Timeouts {
    Duration negotiate{};
    Duration packet{};
    Duration connect{};
    Duration helo{};
    Duration mail{};
    Duration rcpt{};
    Duration data{};
    Duration header{};
    Duration body{};
    Duration eom{};
    Duration session{};
    Duration shutdown{};
};

struct Actions {
    Action infected = Action::reject;
    Action error = Action::tempfail;
    Action oversize = Action::accept;
    Action incomplete = Action::accept;
    // By the reason why a message is incomplete; nullopt: as `incomplete`.
    Action partial = Action::reject;
    std::optional<Action> encrypted;
    std::optional<Action> limit;
    std::optional<Action> unsupported;
    std::optional<Action> malformed;
    std::optional<Action> ambiguous;
    Action forged = Action::reject; // more forged fields than headers.max_forged
    Action clean = Action::accept;
    std::string reject_text;
    std::string error_text;
    std::string oversize_text;
    std::string incomplete_text; // empty: in words of the reason
};

// Messages that are not scanned. The files have one entry a line; see skip_lists.h.
struct Skip {
    std::vector<std::string> networks;
    std::string networks_file;
    bool authenticated = false;
    std::vector<std::string> users;
    std::string users_file;
    std::vector<std::string> senders;
    std::string senders_file;
    std::vector<std::string> recipients;
    std::string recipients_file;
};

struct Poison {
    Duration keep{}; // 0: nothing is remembered
    Action action = Action::tempfail;
};

struct MessageLimits {
    Size max_size = 0;
    Size memory_budget = 0;
    std::string spool_directory;
};

struct Headers {
    HeaderMode add = HeaderMode::replace;
    std::uint32_t max_forged = 0;
};

// Sockets with a policy of their own.
struct Listener {
    std::string name;
    std::vector<std::string> address;
    std::uint32_t socket_mode = 0;
    std::string socket_group;
    std::vector<std::string> allow;
    bool allow_in_file = false; // as Milter's
    bool proxy = false;         // likewise
    std::vector<std::string> proxy_from;
    Mode mode = Mode::enforce;
    Actions actions;
    Headers headers;
    Skip skip;
};

struct Status {
    std::string socket;
    std::uint32_t socket_mode = 0;
    std::string socket_group;
};

struct Log {
    LogTarget target = LogTarget::syslog;
    bool target_in_file = false; // log.target stood in the file; not a key of its own
    LogLevel level = LogLevel::info;
    LogDetail infected = LogDetail::basic;
    LogDetail clean = LogDetail::off;
    Duration summary{};
};

// What becomes of an infected message by the name of what was found.
struct Rule {
    std::string name;
    std::vector<std::string> match;
    Action action = Action::reject;
    std::string header;                 // empty: none
    std::string text;                   // empty: actions.reject_text
    std::vector<std::string> listeners; // empty: all
};

// A policy server that is asked about each recipient.
struct PolicyCheck {
    std::string name;
    std::vector<std::string> servers;
    Duration timeout{};
    Action on_error = Action::accept;
    std::uint32_t connections = 0;
    Duration cache{}; // 0: nothing is kept
    CacheBy cache_by = CacheBy::question;
    std::uint32_t failures = 0;
    Duration retry_after{};
    std::vector<std::string> listeners; // empty: all
};

// What becomes of mail from senders that are in a file.
struct SenderList {
    std::string name;
    std::string file;
    std::vector<std::string> match; // "envelope", "from"
    Action action = Action::reject;
    std::string text;                   // empty: a text of ours
    std::string header;                 // empty: none
    std::string opt_in;                 // a file of recipients; empty: it holds for all
    std::vector<std::string> listeners; // empty: all
};

// Copies of messages while a file exists.
struct Tap {
    std::string switch_file; // empty: none
    std::string directory;
    Size max_size = 0;
    std::uint32_t max_messages = 0;
};

// A program that is told of infected messages.
struct OnInfected {
    std::string command; // empty: none
    Duration timeout{};
    unsigned queue = 0;
};

struct Process {
    std::string user;
    std::string group;
    std::string scanner_user; // empty: as `user`
    Duration ping_timeout{};
};

struct Config {
    Milter milter;
    std::vector<Listener> listeners;
    Workers workers;
    Scanner scanner;
    Database database;
    Reload reload;
    Timeouts timeouts;
    Actions actions;
    std::vector<Rule> rules;
    std::vector<PolicyCheck> policies;
    std::vector<SenderList> senders;
    Skip skip;
    Poison poison;
    MessageLimits message;
    Headers headers;
    Status status;
    Tap tap;
    OnInfected on_infected;
    Log log;
    Process process;
};

} // namespace evermilter::config
