// The lists of [skip], those of the file and those of their own files together, and of [[senders]].
#pragma once

#include <string>
#include <string_view>

#include "config/client_set.h"
#include "config/config.h"
#include "config/pattern.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

struct SkipLists {
    ClientSet networks;
    bool authenticated = false; // every user
    PatternSet users;
    PatternSet senders;
    PatternSet recipients;

    [[nodiscard]] bool empty() const noexcept {
        return networks.empty() && !authenticated && users.empty() && senders.empty() && recipients.empty();
    }
};

// What is wrong with a list's file: the key that names it ("skip.senders_file"), and the place and the remedy.
struct ListFault {
    std::string key;
    std::string reason;
};

// Reads the files: waits for the disk. A million lines take about a second.
[[nodiscard]] Result<SkipLists, ListFault> load_skip_lists(const Skip& skip);

// The patterns of one file (list_file.h). An error says what is wrong with it, with the place and the remedy.
[[nodiscard]] Result<PatternSet, std::string> load_patterns(const std::string& path);

// Which state of the files of [skip] and of the listeners there is. Equal texts: unchanged.
[[nodiscard]] std::string state_of_lists(const Config& config);

} // namespace evermilter::config
