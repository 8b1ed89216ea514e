// The lists of [skip], those of the file and those of their own files together.
#pragma once

#include <string>
#include <string_view>

#include "config/client_set.h"
#include "config/config.h"
#include "config/pattern.h"
#include "workers/common/base/result.h"

namespace evermilter::config {

// Files of lists: one entry a line, as in the list of the same name; blanks around it, empty lines and lines that begin
// with # do not count.
inline constexpr std::size_t kLargestList = std::size_t{64} << 20U; // bytes

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

// Which state of the files of the whole configuration there is: their inodes, sizes and times. Equal texts: unchanged.
[[nodiscard]] std::string state_of_lists(const Config& config);

} // namespace evermilter::config
