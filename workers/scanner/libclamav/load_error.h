// What libclamav said while a load failed, as one line for the operator: file, line where it is known, reason.
#pragma once

#include <string>
#include <vector>

#include "workers/scanner/libclamav/messages.h"

namespace evermilter::scanner {

// "/var/lib/clamav/local.ndb:3: Malformed database (…)". `loaded_from` is the snapshot's folder, which is shown as
// `shown_as`, the directory that the operator keeps. `code_text` is libclamav's text for the code that it returned.
[[nodiscard]] std::string describe_load_error(const std::vector<LibraryMessage>& messages, const std::string& code_text,
                                              const std::string& loaded_from, const std::string& shown_as);

// The name, within the folder `loaded_from`, of the file that could not be loaded; "" where libclamav named none.
[[nodiscard]] std::string failed_database(const std::vector<LibraryMessage>& messages, const std::string& loaded_from);

} // namespace evermilter::scanner
