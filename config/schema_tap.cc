// Rows of the schema about [tap]: copies of messages while a file exists.
#include "config/schema.h"

namespace evermilter::config {
namespace {

constexpr Row kTapRows[] = {
    {.key = "tap.switch",
     .kind = Kind::path,
     .field = field<&Tap::switch_file>,
     .default_value = "",
     .applies_by = AppliesBy::new_session_workers,
     .unset = "nothing is ever copied",
     .example = "/etc/evermilter/tap",
     .text =
         "While this file exists, messages that fit one of its lines are copied: `sender PATTERN` and "
         "`recipient PATTERN` as in `[skip]`, `client CLIENT` as in `skip.networks`. A file without lines is for all "
         "messages. It comes, changes and goes without a reload; each session worker sees that within a second, and "
         "logs "
         "it with the owner of the file (`event=tap-on`, `event=tap-off`). With a line that is wrong nothing is "
         "copied."},
    {.key = "tap.directory",
     .kind = Kind::path,
     .field = field<&Tap::directory>,
     .default_value = "/var/lib/evermilter-tap",
     .applies_by = AppliesBy::new_session_workers,
     .text =
         "Where the copies are put, in the form of a maildir; `process.user` must be able to write there. A copy has "
         "the "
         "fields `X-Tap-From`, `X-Tap-To` for each recipient, `X-Tap-Client` and `X-Tap-Queue-Id` before the message "
         "as it came, and is on disk before it appears in `new/`."},
    {.key = "tap.max_size",
     .kind = Kind::size,
     .field = field<&Tap::max_size>,
     .default_value = "1GiB",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1024},
     .text =
         "The most that all copies in the directory take together; what exceeds it is not copied, counted as dropped "
         "and logged once a minute (`event=tap-dropped`). Mail is never delayed."},
    {.key = "tap.max_messages",
     .kind = Kind::count,
     .field = field<&Tap::max_messages>,
     .default_value = "10000",
     .applies_by = AppliesBy::new_session_workers,
     .range = {1, 1'000'000},
     .text = "The most copies in the directory."},
};

} // namespace

const Section kTapSection = {
    "tap", one<&Config::tap>, kTapRows,
    "Copies of messages for an investigation, while a file exists. Whoever may make that file reads "
    "other people's mail: let root own its folder. Messages that are exempt are copied too; those "
    "larger than `message.max_size` are not kept, and count as dropped. The status (`tap`) and the "
    "metrics (`evermilter_tap_total`) count `copied` and `dropped`."};

} // namespace evermilter::config
