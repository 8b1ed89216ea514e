// Rows of the schema about [[senders]]: what becomes of mail from senders that are in a list.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kSendersRows[] = {
    {.key = "senders.name",
     .kind = Kind::name,
     .field = field<&SenderList::name>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .example = "spammers",
     .text = "What the log calls it (`list=`)."},
    {.key = "senders.file",
     .kind = Kind::path,
     .field = field<&SenderList::file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "an error: a list has a file",
     .example = "/etc/evermilter/spammers",
     .text =
         "The senders, one a line, as in the files of `[skip]`: addresses, domains (`@example.org`), the domains below "
         "one (`@.example.org`), regular expressions. Up to 64 MiB: more than a million lines. A change is seen within "
         "a "
         "second; a file with a bad line is logged, and the list stays as it was."},
    {.key = "senders.match",
     .kind = Kind::words,
     .field = field<&SenderList::match>,
     .default_value = "envelope",
     .applies_by = AppliesBy::new_session_workers,
     .text = "What is looked for in the list: `envelope`, the sender of MAIL; `from`, each address of the header field "
             "From."},
    {.key = "senders.action",
     .kind = Kind::choice,
     .field = field<&SenderList::action>,
     .default_value = "reject",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "accept reject tempfail discard quarantine",
     .text =
         "What is done. `reject` and `tempfail` of an envelope sender are answered at once: at MAIL, or at RCPT where "
         "there is `opt_in`. Everything else is done at the end of the message, if what was found in it is not treated "
         "more strictly."},
    {.key = "senders.text",
     .kind = Kind::reply,
     .field = field<&SenderList::text>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "`550 5.7.1 sender not accepted here`, or 451 for `tempfail`",
     .example = "550 5.7.1 mail of this sender is not accepted",
     .text = "The reply, in the form of `actions.reject_text`; `{virus}` is the name of the list."},
    {.key = "senders.header",
     .kind = Kind::header,
     .field = field<&SenderList::header>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "X-Listed-Sender: {virus}",
     .text = "A header field for messages of these senders that go on. `{virus}` is the name of the list."},
    {.key = "senders.opt_in",
     .kind = Kind::path,
     .field = field<&SenderList::opt_in>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "it holds for all recipients",
     .example = "/etc/evermilter/spammers-opt-in",
     .text =
         "A file of the recipients who want it, in the same form. An envelope sender is refused for these recipients "
         "alone; what is done at the end of a message is done only if all of its recipients are in the file, but the "
         "header field is added for any."},
    {.key = "senders.listeners",
     .kind = Kind::words,
     .field = field<&SenderList::listeners>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "all of them",
     .example = "submission",
     .text = "The listeners for which it holds, by their `listener.name`; `milter` is that of `milter.listen`."},
};

} // namespace

const Section kSendersSection = {
    .name = "senders",
    .place = many<&Config::senders>,
    .rows = kSendersRows,
    .text =
        "What becomes of mail from senders that are in a list: one block for each list, asked in the order of the "
        "file. "
        "Anybody can write any sender; so a list refuses those who do not care, and proves nothing about the others. "
        "The "
        "message's line in the log has `list=`, a refusal at MAIL or RCPT a line of its own, "
        "`event=sender-refused`.",
    .named_by = "name",
    .ordered = true};

} // namespace evermilter::config
