// The tables of contrib/doc/migration.md, written from the options' rows. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "supervisor/ctl/import/clamav_option.h"
#include "workers/common/base/result.h"

namespace evermilter::ctl {

[[nodiscard]] std::string option_table(std::span<const ClamavOption> options);

// The page with both tables as they are now, each between "<!-- table of FILE -->" and "<!-- end of the table -->".
[[nodiscard]] Result<std::string> with_tables(std::string_view page);

} // namespace evermilter::ctl
