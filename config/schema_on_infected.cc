// Rows of the schema about [on_infected]: a program that is told of infected messages.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kOnInfectedRows[] = {
    {.key = "on_infected.command",
     .kind = Kind::path,
     .field = field<&OnInfected::command>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "no program is run",
     .example = "/usr/local/bin/virus-found",
     .text = "The program. It is run as `process.user`, without a shell and without privileges (what is set-user-ID or "
             "set-group-ID gains nothing, `sendmail` included: send mail by SMTP), with seven arguments, as "
             "clamav-milter's VirusAction: name of the virus, queue id, sender, recipients (separated by commas, the "
             "first ten), subject, message id, date. All but the first are what a stranger wrote, with `?` in the "
             "place of control characters."},
    {.key = "on_infected.timeout",
     .kind = Kind::duration,
     .field = field<&OnInfected::timeout>,
     .default_value = "30s",
     .applies_by = AppliesBy::new_session_workers,
     .range = {100, kHour},
     .text = "The program and what it has started are killed after it."},
    {.key = "on_infected.queue",
     .kind = Kind::count,
     .field = field<&OnInfected::queue>,
     .default_value = "1000",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 100'000},
     .text = "Messages that may wait while four programs run. Of further ones the program is not told, which is logged "
             "and counted as dropped."},
};

} // namespace

const Section kOnInfectedSection = {"on_infected", one<&Config::on_infected>, kOnInfectedRows,
                                    "A program that is run for each infected message, after its answer: no session "
                                    "waits for it. How it ended is counted "
                                    "(`on_infected` in the status, `evermilter_on_infected_total`: `done`, `failed`, "
                                    "`dropped`); a failure is logged as "
                                    "`infected-command-failed`. The messages of `evermilterctl probe` are none."};

} // namespace evermilter::config
