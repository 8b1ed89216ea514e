// Rows of the schema about [[rule]]: what becomes of a message by the name of what was found in it.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kRuleRows[] = {
    {.key = "rule.name",
     .kind = Kind::name,
     .field = field<&Rule::name>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .example = "unwanted",
     .text = "What the log calls it (`rule=`)."},
    {.key = "rule.match",
     .kind = Kind::globs,
     .field = field<&Rule::match>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "an error: a rule has at least one",
     .example = "PUA.* *.UNOFFICIAL Heuristics.Phishing.*",
     .text =
         "Names of signatures: `*` is any text, `?` any character; upper and lower case are the same. Names of third "
         "parties end in `.UNOFFICIAL`."},
    {.key = "rule.action",
     .kind = Kind::choice,
     .field = field<&Rule::action>,
     .default_value = "reject",
     .applies_by = AppliesBy::new_session_workers,
     .allowed = "accept reject tempfail discard quarantine",
     .text = "What is done, as for `actions.infected`."},
    {.key = "rule.header",
     .kind = Kind::header,
     .field = field<&Rule::header>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "none",
     .example = "X-Spam-Tag: {virus}",
     .text =
         "A header field that a message gets which goes on (`accept`, `quarantine`). `{virus}` is the name. Fields of "
         "this name that came with the message stay: whoever reads them must know which is the last."},
    {.key = "rule.text",
     .kind = Kind::reply,
     .field = field<&Rule::text>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "`actions.reject_text`",
     .example = "550 5.7.1 unwanted program {virus}",
     .text = "The reply to a message that is refused, in the form of `actions.reject_text`."},
    {.key = "rule.listeners",
     .kind = Kind::words,
     .field = field<&Rule::listeners>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "all of them",
     .example = "submission",
     .text = "The listeners for which it holds, by their `listener.name`; `milter` is that of `milter.listen`."},
};

} // namespace

const Section kRuleSection = {
    .name = "rule",
    .place = many<&Config::rules>,
    .rows = kRuleRows,
    .text =
        "What becomes of an infected message by the name of what was found, instead of `actions.infected`: one block "
        "for "
        "each rule, with a name. The first rule that fits a name, in the order of the file, decides for that name; "
        "where "
        "none fits, `actions.infected` does. Of several names in one message the strictest decision holds: `reject` "
        "before "
        "`tempfail`, `quarantine`, `discard`, `accept`. The message's line then has `rule=`, and `also=` with the "
        "other "
        "names. Where there are rules, a message is scanned to its end although something was found.",
    .named_by = "name",
    .ordered = true};

} // namespace evermilter::config
