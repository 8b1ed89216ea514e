// Transport-Neutral Encapsulation Format: the winmail.dat of Outlook.
#pragma once

#include <string>
#include <vector>

#include "tests/corpus/archive.h"

namespace evermilter::corpus {

[[nodiscard]] std::string tnef(const std::vector<Member>& attachments);

} // namespace evermilter::corpus
