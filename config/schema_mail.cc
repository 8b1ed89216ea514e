// Rows of the schema about a session and its message: stage budgets, actions, headers, memory.
#include "config/schema.h"
#include "workers/common/shared/graces.h"

namespace evermilter::config {
namespace {

constexpr std::string_view kAnyAction = "accept reject tempfail discard quarantine";

constexpr Row kTimeoutsRows[] = {
    {.key = "timeouts.negotiate",
     .kind = Kind::duration,
     .field = field<&Timeouts::negotiate>,
     .default_value = "10s",
     .range = kTimeout,
     .text = "From accept until the mail server's option negotiation has come whole. At the end of it the connection "
             "is closed, and has cost no more than a descriptor."},
    {.key = "timeouts.packet",
     .kind = Kind::duration,
     .field = field<&Timeouts::packet>,
     .default_value = "15s",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "For the rest of a milter packet, once its first byte has come. Then the connection is closed. This is "
             "the only time for which a mail server that stalls can hold a thread."},
    {.key = "timeouts.connect",
     .kind = Kind::duration,
     .field = field<&Timeouts::connect>,
     .default_value = "30s",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "From the negotiation until the mail server tells who its client is. Then the connection is closed."},
    {.key = "timeouts.helo",
     .kind = Kind::duration,
     .field = field<&Timeouts::helo>,
     .default_value = "10m",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "Waiting for the client's HELO or EHLO. Then the connection is closed."},
    {.key = "timeouts.mail",
     .kind = Kind::duration,
     .field = field<&Timeouts::mail>,
     .default_value = "10m",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "Waiting for MAIL, also between two messages of one session. Then the connection is closed."},
    {.key = "timeouts.rcpt",
     .kind = Kind::duration,
     .field = field<&Timeouts::rcpt>,
     .default_value = "10m",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "Waiting for each RCPT, and after the last of them for DATA. Then the connection is closed."},
    {.key = "timeouts.data",
     .kind = Kind::duration,
     .field = field<&Timeouts::data>,
     .default_value = "1h",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "From DATA until the first header: the client's whole upload, because Postfix and Sendmail both collect "
             "the message before they pass on its first line. Keep it above the time that your slowest honest sender "
             "takes for your largest message. Then the connection is closed."},
    {.key = "timeouts.header",
     .kind = Kind::duration,
     .field = field<&Timeouts::header>,
     .default_value = "1m",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "All headers, from the first to the last. The mail server reads them from its own disk, so this is short; "
             "headers that trickle in do not extend it. Then the connection is closed."},
    {.key = "timeouts.body",
     .kind = Kind::duration,
     .field = field<&Timeouts::body>,
     .default_value = "2m",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "The whole body, from the end of the headers to the end of the message. Then the connection is closed."},
    {.key = "timeouts.eom",
     .kind = Kind::duration,
     .field = field<&Timeouts::eom>,
     .default_value = "2m",
     .applies_by = AppliesBy::new_session_workers,
     .range = {100, static_cast<std::uint64_t>(graces::kMailServer.count()) - 1},
     .text = "For our own answer, from the end of the message on. At the end of it the message is answered with "
             "`actions.error` and the session goes on. Must be below 300 s, at which Postfix gives up "
             "(`milter_content_timeout`), and above `scanner.queue_timeout` + `scanner.max_scan_time` + 7 s, so that a "
             "scan that is "
             "still allowed to run is never cut off by the session that waits for it."},
    {.key = "timeouts.session",
     .kind = Kind::duration,
     .field = field<&Timeouts::session>,
     .default_value = "4h",
     .applies_by = AppliesBy::new_session_workers,
     .range = kTimeout,
     .text = "For a whole session, however busy. After it the next MAIL is answered with 421, upon which a client "
             "connects again and loses nothing; if none comes within `timeouts.mail`, the connection is closed."},
    {.key = "timeouts.shutdown",
     .kind = Kind::duration,
     .field = field<&Timeouts::shutdown>,
     .default_value = "1m",
     .range = kTimeout,
     .text = "For a graceful stop. From SIGTERM on the sockets are closed, messages begun are finished, and the next "
             "MAIL of a session gets 421; after this time what is left is closed. A second SIGTERM stops at once."},
};

constexpr Row kActionsRows[] = {
    {.key = "actions.infected",
     .kind = Kind::choice,
     .field = field<&Actions::infected>,
     .default_value = "reject",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text = "A virus was found. `reject` answers with `actions.reject_text`, `quarantine` puts the message into the "
             "mail server's hold queue, `discard` takes it and drops it without a word to anyone. `accept` delivers "
             "it with the headers of `headers.add` and leaves the rest to those who read them."},
    {.key = "actions.error",
     .kind = Kind::choice,
     .field = field<&Actions::error>,
     .default_value = "tempfail",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text =
         "The message could not be scanned: no scanner in time, a scanner that died or hung, a fault of the "
         "engine. `tempfail` answers with `actions.error_text`, and the sender tries again later. `accept` lets "
         "unscanned mail pass whenever something is broken, marked `Not scanned` and never `Clean`; `quarantine` holds "
         "it; `discard` loses it without a word, whatever it was."},
    {.key = "actions.oversize",
     .kind = Kind::choice,
     .field = field<&Actions::oversize>,
     .default_value = "accept",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text = "The message is larger than `message.max_size` and was not scanned. An accepted one is marked `Not "
             "scanned`."},
    {.key = "actions.incomplete",
     .kind = Kind::choice,
     .field = field<&Actions::incomplete>,
     .default_value = "accept",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text = "A part of the message was not looked at, and nothing was found in the rest. The reason "
             "is one of the six below, each with a key of its own; this is the action of those that "
             "are not set. An accepted message is marked `Not fully scanned (LABELS)`, with a label "
             "for each thing that was met (`MaxFileSize`, `encrypted` and so on), never `Clean`. "
             "`accept` leaves the decision to those who read that header; to everybody else the "
             "message looks like any other."},
    {.key = "actions.partial",
     .kind = Kind::choice,
     .field = field<&Actions::partial>,
     .default_value = "reject",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text = "The message is a fragment (`message/partial`, RFC 2046 section 5.2.2). The recipient's "
             "mail program puts the fragments together when all have come, and no scanner on the way "
             "ever sees the whole: anyone can pass any virus by spreading it over several messages, "
             "whatever the signatures know. So it is rejected by default, with a reply that names the "
             "RFC and asks to send the message whole."},
    {.key = "actions.encrypted",
     .kind = Kind::choice,
     .field = field<&Actions::encrypted>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .unset = "as `actions.incomplete`",
     .example = "quarantine",
     .text = "An archive, a document or a mail (S/MIME, OpenPGP) is encrypted. Anyone can hide "
             "anything in it from every scanner on the way, and write the password into the text "
             "beside it; but honest people send encrypted content too, and nothing tells the one from "
             "the other before it is opened."},
    {.key = "actions.limit",
     .kind = Kind::choice,
     .field = field<&Actions::limit>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .unset = "as `actions.incomplete`",
     .example = "tempfail",
     .text = "libclamav stopped at a limit: of size (`MaxFileSize`, `MaxScanSize`), of number "
             "(`MaxFiles`), of depth (`MaxRecursion`), of effort, or of the room for temporary files "
             "(`TempSize`). Who knows the limits can pad or nest a file until a virus lies behind "
             "one, and a compressed one stays small. Higher limits (`scanner.max_file_size` and its "
             "kin) help, and cost time and memory. The limit of time is `actions.error` instead."},
    {.key = "actions.unsupported",
     .kind = Kind::choice,
     .field = field<&Actions::unsupported>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .unset = "as `actions.incomplete`",
     .example = "quarantine",
     .text = "libclamav cannot take apart a container, a method of compression or a kind of message: "
             "RAR where the unrar library is not installed, or mail whose body is kept elsewhere "
             "(`message/external-body`). Anyone can choose a form that the recipient's program knows "
             "and libclamav does not."},
    {.key = "actions.malformed",
     .kind = Kind::choice,
     .field = field<&Actions::malformed>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .unset = "as `actions.incomplete`",
     .example = "quarantine",
     .text = "An attachment is cut off or corrupt, so that libclamav did not take it apart to its "
             "end. It may be of no use to the recipient either; but programs that forgive or repair "
             "more than libclamav does can open a file that was damaged on purpose."},
    {.key = "actions.ambiguous",
     .kind = Kind::choice,
     .field = field<&Actions::ambiguous>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .unset = "as `actions.incomplete`",
     .example = "reject",
     .text = "Mail programs take the message apart in different ways (boundaries, encodings or "
             "headers that contradict each other), and the difference could not be resolved. A sender "
             "can use that to show the recipient an attachment where the scanner has seen only text."},
    {.key = "actions.forged",
     .kind = Kind::choice,
     .field = field<&Actions::forged>,
     .default_value = "reject",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text =
         "The message would go on, but brings more forged `X-Virus-Status` and `X-Virus-Scanned` fields than "
         "`headers.max_forged`, so that they cannot all be removed. `accept` leaves all of them in the message, adds "
         "ours, and says so in the log (`forged=`); a reader of these fields downstream may then believe a "
         "wrong one. What was found in the message decides first: an infected one is handled by "
         "`actions.infected`, and this only where that would let it through."},
    {.key = "actions.clean",
     .kind = Kind::choice,
     .field = field<&Actions::clean>,
     .default_value = "accept",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = kAnyAction,
     .text = "All of the message was scanned, without an error, and nothing was found. Anything but `accept` is for a "
             "listener through which nothing is to come, or whose mail an operator looks at (`quarantine`)."},
    {.key = "actions.reject_text",
     .kind = Kind::reply,
     .field = field<&Actions::reject_text>,
     .default_value = "550 5.7.1 virus found: {virus}",
     .applies_by = AppliesBy::new_session_workers,
     .text =
         "The reply to an infected message that is rejected: code, enhanced code (RFC 3463) and text. `{virus}`, "
         "`{queue_id}`, `{generation}` and `{limit}` (`message.max_size` in bytes) are filled in. ASCII; both codes "
         "of the same class; at most 32 lines, which `\\n` separates, of 300 characters. A text that reveals nothing "
         "is one without `{virus}` and `{generation}`: `550 5.7.1 message refused`."},
    {.key = "actions.error_text",
     .kind = Kind::reply,
     .field = field<&Actions::error_text>,
     .default_value = "451 4.7.1 scanner unavailable, try again later",
     .applies_by = AppliesBy::new_session_workers,
     .text = "The reply to a message that could not be scanned, in the same form."},
    {.key = "actions.oversize_text",
     .kind = Kind::reply,
     .field = field<&Actions::oversize_text>,
     .default_value = "552 5.3.4 message is too large to be scanned for viruses",
     .applies_by = AppliesBy::new_session_workers,
     .text = "The reply to a message above `message.max_size` where `actions.oversize` refuses it, in the same form."},
    {.key = "actions.incomplete_text",
     .kind = Kind::reply,
     .field = field<&Actions::incomplete_text>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "a text that names what was not looked at, such as `message has encrypted content, which cannot be "
              "scanned for viruses (encrypted)`",
     .example = "550 5.7.1 message cannot be scanned for viruses as a whole",
     .text = "The reply to a message that is refused because a part of it was not looked at, in the same form."},
};

constexpr Row kPoisonRows[] = {
    {.key = "poison.keep",
     .kind = Kind::duration,
     .field = field<&Poison::keep>,
     .default_value = "24h",
     .range = {0, 720 * kHour},
     .text = "How long a message is remembered after the last scan that it has cost; `0s` remembers none. After it the "
             "message is scanned again, by then perhaps with databases or a libclamav that can do it."},
    {.key = "poison.action",
     .kind = Kind::choice,
     .field = field<&Poison::action>,
     .default_value = "tempfail",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "tempfail reject quarantine",
     .text = "What becomes of a poison message that comes again. `tempfail` leaves it with the sender, who tries again "
             "until it is forgotten here; `reject` sends it back; `quarantine` puts it into the mail server's hold "
             "queue, not scanned."},
};

constexpr Row kMessageRows[] = {
    {.key = "message.max_size",
     .kind = Kind::size,
     .field = field<&MessageLimits::max_size>,
     .default_value = "50MiB",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 2 * kGiB - 3},
     .text = "A message above it is not scanned but handled by `actions.oversize`. At least what your mail server "
             "takes (Postfix: `message_size_limit`) leaves nothing out; `scanner.max_file_size` and "
             "`scanner.max_scan_size` must then be as large, or such a message ends as incomplete (`actions.limit`)."},
    {.key = "message.memory_budget",
     .kind = Kind::size,
     .field = field<&MessageLimits::memory_budget>,
     .default_value = "512MiB",
     .applies_by = AppliesBy::new_session_workers,
     .text = "Memory for the messages of all sessions together. A message of up to 1 MiB stays in memory while the "
             "budget lasts; larger ones, and all that come when it is used up, go to `message.spool_directory`. A "
             "message for which neither has room gets a 4xx reply."},
    {.key = "message.spool_directory",
     .kind = Kind::path,
     .field = field<&MessageLimits::spool_directory>,
     .default_value = "/var/spool/evermilter",
     .applies_by = AppliesBy::restart,
     .text = "Folder for messages that do not stay in memory. Its files have no names, so nothing is left over, "
             "whatever happens to the process. Owned by `process.user`, made at start where it is missing."},
};

constexpr Row kHeadersRows[] = {
    {.key = "headers.add",
     .kind = Kind::choice,
     .field = field<&Headers::add>,
     .default_value = "replace",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "no add replace",
     .text =
         "`replace` removes every such header that the message brought along, and then adds ours; `add` leaves "
         "them and adds ours; `no` does neither. Only a mail server that lets filters change headers can remove any "
         "(`SMFIF_CHGHDRS`; Postfix and Sendmail do): with another, headers that a sender forged stay next to ours."},
    {.key = "headers.max_forged",
     .kind = Kind::count,
     .field = field<&Headers::max_forged>,
     .default_value = "100",
     .applies_by = AppliesBy::new_session_workers,
     .range = {0, 1000},
     .text =
         "How many of them `replace` removes from a message. Each is an operation of the mail server's, and the time "
         "that Postfix takes grows with the square of their number (8,000 took it 6 s, 40,000 the whole of its "
         "patience), so a message with more of them is handled by `actions.forged`. Each filter on the way of an "
         "honest message adds two at most."},
};

} // namespace

const Section kTimeoutsSection = {
    "timeouts", one<&Config::timeouts>, kTimeoutsRows,
    "How long each stage of a session may take. The clock of a stage starts when the session enters it and stops for "
    "nothing: bytes, headers and chunks that trickle in extend no budget. A slow sender thus holds a descriptor and a "
    "few kilobytes, never a scanner, another session, or a reload.\n\n"
    "Where a stage ends with a closed connection, the mail server answers as if the filter had gone away (451, unless "
    "it has other orders). No budget depends on another one; only `timeouts.eom` must fit around the times of the "
    "scanner, and below those of the mail server."};

const Section kActionsSection = {
    "actions", one<&Config::actions>, kActionsRows,
    "What becomes of a message. A message counts as clean only if a scanner of a proven generation has scanned all of "
    "it without an error; whatever goes wrong is an error, and never a clean message.\n\n"
    "`accept` delivers, `reject` refuses for good (5xx), `tempfail` asks the sender to come again (4xx), `quarantine` "
    "puts into the mail server's hold queue, `discard` takes the message and drops it silently.\n\n"
    "A message that was not fully scanned may have several reasons for it (`actions.partial` to `actions.ambiguous`). "
    "The "
    "strictest of their actions is taken, in the order `reject`, `tempfail`, `quarantine`, `discard`, `accept`: first "
    "what keeps the message from the recipient and tells its sender, then what keeps it for an operator, then what "
    "drops "
    "it without a word, so that one more reason never lets a message through and never loses one that another reason "
    "would have kept. Of reasons with the same action the first in the order of the keys is named in the reply and "
    "counted (`messages.incomplete_by` of the status); the header and the log name all."};

const Section kPoisonSection = {
    "poison", one<&Config::poison>, kPoisonRows,
    "A message of which scanners die, or whose scan takes more CPU time than `scanner.max_scan_time`, in two different "
    "scanners, is poison: it is remembered by the SHA-256 of the whole message and of its body alone, and when it or "
    "another with the same body comes, it is not scanned but answered by `poison.action`. So a message that brings "
    "down libclamav, sent a thousand times, costs a few scanners and no more. `evermilterctl poison` lists what is "
    "remembered, and forgets it on demand. At most 1024 such messages are remembered."};

const Section kMessageSection = {"message", one<&Config::message>, kMessageRows,
                                 "How large a message may be, and where it is kept."};

const Section kHeadersSection = {
    "headers", one<&Config::headers>, kHeadersRows,
    "The headers that tell the reader what was done: `X-Virus-Scanned` names the filter, `X-Virus-Status` is `Clean`, "
    "`Infected (NAME)`, `Not scanned (REASON)` or `Not fully scanned (LABELS)`."};

} // namespace evermilter::config
