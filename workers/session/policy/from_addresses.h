// The addresses of a header field From, as a mail program reads them.
#pragma once

#include <string>
#include <vector>

namespace evermilter::session {

// Once, before any thread: GMime is made ready.
void prepare_from_addresses();

// Of its value, unfolded or not: those of all mailboxes, of groups too, without angle brackets. What is no address list
// has none. Any thread.
[[nodiscard]] std::vector<std::string> from_addresses(const std::string& value);

} // namespace evermilter::session
