// Rows of the schema about [skip]: messages that are not scanned.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kSkipRows[] = {
    {.key = "skip.networks",
     .kind = Kind::clients,
     .field = field<&Skip::networks>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "192.0.2.0/24 .example.org",
     .text =
         "The mail server's clients whose messages are not scanned: CIDR networks, host names (`mail.example.org`), or "
         "all names below a domain (`.example.org`). A name counts only if the mail server has found that it leads "
         "back to the client's address."},
    {.key = "skip.networks_file",
     .kind = Kind::path,
     .field = field<&Skip::networks_file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "/etc/evermilter/skip-networks",
     .text = "A file with more of them, one a line."},
    {.key = "skip.authenticated",
     .kind = Kind::boolean,
     .field = field<&Skip::authenticated>,
     .default_value = "false",
     .applies_by = AppliesBy::new_session_workers,
     .text = "Messages of every user who has authenticated are not scanned. The mail server says so with the macro "
             "`{auth_authen}`; one that does not send it has all of its messages scanned. A stolen password then opens "
             "the way for viruses too."},
    {.key = "skip.users",
     .kind = Kind::patterns,
     .field = field<&Skip::users>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "newsletter /^robot-/",
     .text = "Authenticated users whose messages are not scanned, by `{auth_authen}`."},
    {.key = "skip.users_file",
     .kind = Kind::path,
     .field = field<&Skip::users_file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "/etc/evermilter/skip-users",
     .text = "A file with more of them, one a line."},
    {.key = "skip.senders",
     .kind = Kind::patterns,
     .field = field<&Skip::senders>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "virus-samples@example.org @lists.example.org",
     .text = "Envelope senders whose messages are not scanned. Anybody can write any sender: use this where the mail "
             "server checks it, best in a `[[listener]]`."},
    {.key = "skip.senders_file",
     .kind = Kind::path,
     .field = field<&Skip::senders_file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "/etc/evermilter/skip-senders",
     .text = "A file with more of them, one a line."},
    {.key = "skip.recipients",
     .kind = Kind::patterns,
     .field = field<&Skip::recipients>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "abuse@example.org",
     .text = "Envelope recipients whose messages are not scanned. A message to several is not scanned only if all of "
             "them are in the list."},
    {.key = "skip.recipients_file",
     .kind = Kind::path,
     .field = field<&Skip::recipients_file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "/etc/evermilter/skip-recipients",
     .text = "A file with more of them, one a line."},
};

} // namespace

const Section kSkipSection = {
    "skip", one<&Config::skip>, kSkipRows,
    "Messages that are not scanned. They cost no memory here and no scan, are counted as skipped by their reason "
    "(`network`, `user`, `sender`, `recipient`), and are stamped `Not scanned (exempt)`.\n\n"
    "Patterns of users, senders and recipients are an address (`user@example.org`; `<>` is the null sender), a domain "
    "(`@example.org`), the domains below one (`@.example.org`), or a regular expression in RE2's syntax between "
    "slashes, "
    "which is looked for anywhere in the address (`/^bounce-.*@example\\.org$/`). Upper and lower case are the "
    "same.\n\n"
    "The files hold the same entries, one a line; empty lines and lines that begin with `#` do not count. They are "
    "read "
    "again by `evermilterctl reload-config`, which refuses one with a bad line, names the line, and changes nothing. "
    "`process.user` must be able to read them: what cannot be read when a session worker starts is logged, and counts "
    "as empty, so that more is scanned and not less."};

} // namespace evermilter::config
