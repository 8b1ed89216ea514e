// Rows of the schema about the service around the mail: sockets, processes, status, log.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kMilterRows[] = {
    {.key = "milter.listen",
     .kind = Kind::sockets,
     .field = field<&Milter::listen>,
     .default_value = "unix:/run/evermilter/milter.sock",
     .text = "The sockets on which the mail server finds evermilter, each as `unix:/path`, `local:/path`, `/path`, "
             "`inet:port@host` or `inet6:port@host`. Port 0 lets the kernel choose one, which the log and the status "
             "then show. A host that stands for every address of the machine (`0.0.0.0`, `::`, or none at all) is "
             "refused unless `milter.allow` is set in the file: say who may come before you open the door. A changed "
             "list adds and removes sockets without closing the others."},
    {.key = "milter.mode",
     .kind = Kind::choice,
     .field = field<&Milter::mode>,
     .default_value = "enforce",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "enforce observe",
     .text = "`observe` scans, logs, counts and stamps, and lets every message through: to try evermilter, or a new "
             "policy, beside the filter that decides. The line of a message then says what would have been done "
             "(`observed=`)."},
    {.key = "milter.socket_mode",
     .kind = Kind::mode,
     .field = field<&Milter::socket_mode>,
     .default_value = "0660",
     .text = "Mode of the unix sockets, in octal. The mail server must be able to write to the socket: give it the "
             "group (`milter.socket_group`) rather than a wider mode."},
    {.key = "milter.socket_group",
     .kind = Kind::name,
     .field = field<&Milter::socket_group>,
     .default_value = "",
     .unset = "the group of the process",
     .example = "postfix",
     .text = "Group of the unix sockets, for example `postfix` or `smmsp`."},
    {.key = "milter.allow",
     .kind = Kind::networks,
     .field = field<&Milter::allow>,
     .default_value = "127.0.0.0/8 ::1/128",
     .in_file = flag<&Milter::allow_in_file>,
     .text = "Who may speak to the TCP sockets, as CIDR networks; a bare address is a network of one. Anybody else is "
             "closed at accept and counted. Unix sockets are guarded by their mode instead. An IPv4 peer on an IPv6 "
             "socket is looked up by its IPv4 address."},
    {.key = "milter.proxy",
     .kind = Kind::boolean,
     .field = field<&Milter::proxy>,
     .default_value = "false",
     .text = "Whether connections come through a load balancer that tells by the PROXY protocol, version 2, whose they "
             "are (HAProxy: `send-proxy-v2`). Each connection must then begin with that header, within "
             "`timeouts.negotiate`; one without it is closed and counted. `milter.allow`, "
             "`milter.max_sessions_per_peer`, log, status and `sessions` take the address of the mail server from the "
             "header. contrib/doc/several-machines.md has an example. To serve mail servers with and without a load "
             "balancer use a `[[listener]]` for the one kind."},
    {.key = "milter.proxy_from",
     .kind = Kind::networks,
     .field = field<&Milter::proxy_from>,
     .default_value = "127.0.0.0/8 ::1/128",
     .text =
         "The load balancers of `milter.proxy`, as CIDR networks: they are believed what their header says, so name "
         "no network with others in it. Anybody else is closed at accept and counted. On unix sockets whoever may "
         "open the socket is believed. A connection that a load balancer makes for itself (a health check) is "
         "served under its own address, which `milter.allow` need not have."},
    {.key = "milter.max_sessions",
     .kind = Kind::count,
     .field = field<&Milter::max_sessions>,
     .default_value = "12000",
     .range = {1, 1'000'000},
     .text = "The most milter connections at once. Past it new connections are closed at once and counted, and the "
             "mail server does what its own configuration says for a filter that is away (Postfix: "
             "`milter_default_action`). Session workers set a bound of their own: `workers.session_max` times "
             "`workers.sessions_per_worker`."},
    {.key = "milter.max_sessions_per_peer",
     .kind = Kind::count,
     .field = field<&Milter::max_sessions_per_peer>,
     .default_value = "0",
     .range = {0, 1'000'000},
     .text = "The most connections at once from one TCP address; 0 sets no cap. Useful where several mail servers "
             "share one evermilter and none of them may starve the rest."},
};

constexpr Row kWorkersRows[] = {
    {.key = "workers.session_min",
     .kind = Kind::count,
     .field = field<&Workers::session_min>,
     .default_value = "2",
     .range = {1, 1024},
     .text = "Session workers that are always there, so that the first message of the morning waits for nothing and "
             "the death of one worker never leaves none."},
    {.key = "workers.session_max",
     .kind = Kind::count,
     .field = field<&Workers::session_max>,
     .default_value = "64",
     .range = {1, 1024},
     .text = "The most session workers. They are started ahead of need as sessions grow and retired as they shrink."},
    {.key = "workers.sessions_per_worker",
     .kind = Kind::count,
     .field = field<&Workers::sessions_per_worker>,
     .default_value = "200",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 10'000},
     .text = "Sessions that one worker serves at most. libmilter looks at all its connections at every event, so many "
             "workers with few hundred sessions each are faster than few with thousands; and a worker that dies takes "
             "only its own sessions along."},
};

constexpr Row kStatusRows[] = {
    {.key = "status.socket",
     .kind = Kind::socket,
     .field = field<&Status::socket>,
     .default_value = "unix:/run/evermilter/status.sock",
     .applies_by = AppliesBy::restart,
     .text = "The operators' socket: `evermilterctl` speaks to it, and so do freshclam (`NotifyClamd`) and monitoring "
             "made for clamd. A unix socket only; every process that may write to it may command the service."},
    {.key = "status.socket_mode",
     .kind = Kind::mode,
     .field = field<&Status::socket_mode>,
     .default_value = "0660",
     .applies_by = AppliesBy::restart,
     .text = "Mode of the status socket, in octal."},
    {.key = "status.socket_group",
     .kind = Kind::name,
     .field = field<&Status::socket_group>,
     .default_value = "",
     .applies_by = AppliesBy::restart,
     .unset = "the group of the process",
     .example = "clamav",
     .text = "Group of the status socket, for example that of the operators, or `clamav` so that freshclam can "
             "announce new databases."},
};

constexpr Row kLogRows[] = {
    {.key = "log.target",
     .kind = Kind::choice,
     .field = field<&Log::target>,
     .default_value = "syslog",
     .applies_by = AppliesBy::restart,
     .allowed = "syslog stderr",
     .in_file = flag<&Log::target_in_file>,
     .text =
         "`syslog` logs with facility mail, which under systemd is the journal. `stderr` is for containers and for "
         "trying things out, and is also what evermilterd takes in the foreground, but not under systemd, when this "
         "key is not set. Where standard error is the journal, each line has its priority (`journalctl -p err`). A "
         "log that takes no lines loses them and holds up no mail; how many were lost is its next line "
         "(`log-lines-lost`)."},
    {.key = "log.level",
     .kind = Kind::choice,
     .field = field<&Log::level>,
     .default_value = "info",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "error warning info debug",
     .text =
         "The least important lines that are still written. `info` has a line for each message, each session "
         "that ends badly and each change of state; `debug` has one for each session. Scanners take a change "
         "with the next generation. No line is longer than 2 KiB: what clients send is cut, and `[+N]` says how many "
         "bytes are missing."},
    {.key = "log.infected",
     .kind = Kind::choice,
     .field = field<&Log::infected>,
     .default_value = "basic",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "off basic full",
     .text = "What is logged of an infected message beside the line that each message has. `basic`: a line in "
             "clamav-milter's words, `Message from <…> to <…> infected by NAME`, which logwatch counts. `full`: "
             "`message_id`, `subject` and `date` in the message's line too."},
    {.key = "log.clean",
     .kind = Kind::choice,
     .field = field<&Log::clean>,
     .default_value = "off",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "off basic full",
     .text = "Likewise of a clean one: `clean message from <…> to <…>`."},
    {.key = "log.summary",
     .kind = Kind::duration,
     .field = field<&Log::summary>,
     .default_value = "5m",
     .range = {0, 168 * kHour},
     .text =
         "How often a line `event=summary` says how many messages came since the last one, by verdict, and how "
         "often each virus, the largest number first. There is none for a time in which nothing came; `\"0s\"`: none "
         "at all."},
};

constexpr Row kProcessRows[] = {
    {.key = "process.user",
     .kind = Kind::name,
     .field = field<&Process::user>,
     .default_value = "evermilter",
     .applies_by = AppliesBy::restart,
     .text = "Who the session workers run as. They speak with the mail server and hold messages being received."},
    {.key = "process.group",
     .kind = Kind::name,
     .field = field<&Process::group>,
     .default_value = "evermilter",
     .applies_by = AppliesBy::restart,
     .text = "Group of session workers, loaders and scanners, and of the sockets unless they have one of their own."},
    {.key = "process.scanner_user",
     .kind = Kind::name,
     .field = field<&Process::scanner_user>,
     .default_value = "",
     .applies_by = AppliesBy::restart,
     .unset = "`evermilter-scanner` where there is such a user, else as `process.user`",
     .example = "clamav",
     .text = "Who loaders and scanners run as. They open what strangers sent, so a user of their own, which owns "
             "nothing else, is worth its line in the password file: started as root with one user for all, evermilter "
             "warns of it. Needs to read `database.directory`. What the former user has in the state directory is "
             "given to the new one at the start."},
    {.key = "process.ping_timeout",
     .kind = Kind::duration,
     .field = field<&Process::ping_timeout>,
     .default_value = "15s",
     .range = kTimeout,
     .text = "A session worker or a loader that answers no ping of the supervisor for so long is stuck, or was stopped "
             "from outside: it is killed, logged, counted as a crash and replaced. A load does not keep a loader from "
             "answering. Scanners have a bound of their own, `scanner.max_scan_time`."},
};

} // namespace

const Section kMilterSection = {
    "milter", one<&Config::milter>, kMilterRows,
    "Where the mail server meets evermilter.\n\n"
    "A connection is first held by the supervisor, until the mail server's option negotiation has come whole; only "
    "then does it cost a session. Port scanners, web browsers and the merely curious never get that far: they are "
    "closed, counted, and logged as what they are."};

const Section kWorkersSection = {
    "workers", one<&Config::workers>, kWorkersRows,
    "Session workers speak the milter protocol and hold the messages being received. They know no signature and are "
    "small; how many there are follows the number of sessions, between the bounds here."};

const Section kStatusSection = {"status", one<&Config::status>, kStatusRows,
                                "The operators' socket. It answers the words of clamd (`PING`, `VERSION`, `RELOAD`, "
                                "`STATS`) and the commands of `evermilterctl`."};

const Section kLogSection = {"log", one<&Config::log>, kLogRows,
                             "One line an event, as `key=value`, each with role, process, and where there is one "
                             "generation, session and queue id. What a client sent is escaped: it can forge neither "
                             "a field nor a line."};

const Section kProcessSection = {
    "process", one<&Config::process>, kProcessRows,
    "Who the processes run as.\n\n"
    "Started as root, the supervisor stays root but keeps only the few capabilities that it needs to start, place and "
    "end its children; it never sees a byte of mail. Session workers run as `process.user`, loaders and scanners as "
    "`process.scanner_user`, without any capability, and cannot gain one. Started as an ordinary user, everything "
    "runs as that user, and the keys that name users are not looked at."};

} // namespace evermilter::config
