// What is wrong in a configuration, and where.
#pragma once

#include <string>
#include <vector>

namespace evermilter::config {

struct Fault {
    std::string file;
    unsigned line = 0;   // from 1; 0 where the fault has no place in the file (a missing file, a default)
    unsigned column = 0; // from 1
    std::string key;     // "timeouts.eom", may be empty (a syntax error)
    std::string message;

    // "FILE:LINE:COL: key: message"
    [[nodiscard]] std::string text() const;
};

// Values that are right each, but not together. `keys` are all that take part, the one to be changed first; the fault
// is shown at the first of them that stands in the file. Keys of a repeated section are those of key_of() (entries.h).
struct Conflict {
    std::vector<std::string> keys;
    std::string reason;
};

} // namespace evermilter::config
