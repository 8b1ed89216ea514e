// Rows of the schema about [[policy]]: policy servers that are asked about recipients.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kPolicyRows[] = {
    {.key = "policy.name",
     .kind = Kind::name,
     .field = field<&PolicyCheck::name>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .example = "quota",
     .text = "What the log calls it (`policy=`)."},
    {.key = "policy.servers",
     .kind = Kind::sockets,
     .field = field<&PolicyCheck::servers>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "an error: a policy has at least one",
     .example = "unix:/run/dovecot/quota-status inet:12340@192.0.2.1",
     .text =
         "Where the server is, with numeric addresses. Of several the one that answered last is asked first, and the "
         "next where none takes the connection."},
    {.key = "policy.timeout",
     .kind = Kind::duration,
     .field = field<&PolicyCheck::timeout>,
     .default_value = "2s",
     .applies_by = AppliesBy::new_session_workers,
     .range = {50, 8000},
     .text = "How long a recipient waits for the answer, the connection and a free place included. All policies of a "
             "listener together must stay below `timeouts.rcpt` and below the 10 s that Sendmail waits for a milter."},
    {.key = "policy.on_error",
     .kind = Kind::choice,
     .field = field<&PolicyCheck::on_error>,
     .default_value = "accept",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "accept tempfail",
     .text =
         "What becomes of a recipient where there is no answer, or none that makes sense: `accept`, or `tempfail` with "
         "`451 4.3.5`. No fault of a policy server refuses mail for good."},
    {.key = "policy.connections",
     .kind = Kind::count,
     .field = field<&PolicyCheck::connections>,
     .default_value = "4",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 256},
     .text =
         "The most connections to the server of one session worker. They stay open, and each asks one question at a "
         "time."},
    {.key = "policy.cache",
     .kind = Kind::duration,
     .field = field<&PolicyCheck::cache>,
     .default_value = "0s",
     .applies_by = AppliesBy::new_session_workers,
     .range = {0, kHour},
     .text = "How long an answer is used again, by each session worker for itself, 10,000 answers at most. 0: never."},
    {.key = "policy.cache_by",
     .kind = Kind::choice,
     .field = field<&PolicyCheck::cache_by>,
     .default_value = "question",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "question recipient",
     .text =
         "For what an answer is used again: for the same question (all but queue id and instance), or for the same "
         "recipient, whoever writes: then one to accept holds for messages that are no larger, and one to refuse for "
         "messages that are no smaller, by the size that the sender has announced. `recipient` suits a quota."},
    {.key = "policy.failures",
     .kind = Kind::count,
     .field = field<&PolicyCheck::failures>,
     .default_value = "5",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 1000},
     .text =
         "After so many failures in a row the server is not asked for `policy.retry_after`, and nobody waits for it: "
         "`on_error` holds at once. Logged as `event=policy-suspended`, and as `event=policy-resumed` when it answers "
         "again."},
    {.key = "policy.retry_after",
     .kind = Kind::duration,
     .field = field<&PolicyCheck::retry_after>,
     .default_value = "30s",
     .applies_by = AppliesBy::new_session_workers,
     .range = {100, kHour},
     .text = "When one recipient tries it again."},
    {.key = "policy.listeners",
     .kind = Kind::words,
     .field = field<&PolicyCheck::listeners>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "all of them",
     .example = "submission",
     .text = "The listeners for which it is asked, by their `listener.name`; `milter` is that of `milter.listen`."},
};

} // namespace

const Section kPolicySection = {
    .name = "policy",
    .place = many<&Config::policies>,
    .rows = kPolicyRows,
    .text =
        "Servers that are asked about each recipient, by the protocol of Postfix's policy delegation, such as "
        "Dovecot's "
        "`quota-status`: one block for each, asked in the order of the file until one does not let the recipient pass. "
        "`DUNNO`, `OK` and `PERMIT` go on; `REJECT`, `DEFER`, 4xx and 5xx are the reply to this recipient alone; "
        "`INFO` and `WARN` are logged. Any other action counts as a failure. Sent are `client_address`, `client_name`, "
        "`helo_name`, `sender`, `recipient`, `queue_id`, `instance`, `size`, `sasl_username`.\n\n"
        "The status (`policies`) and the metrics (`evermilter_policy_answers_total`) count the answers: `go_on`, "
        "`refused`, `deferred`, `failed`, and `suspended` for what was not asked.",
    .named_by = "name",
    .ordered = true};

} // namespace evermilter::config
