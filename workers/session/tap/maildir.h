// A folder of copies in maildir(5)'s form, with a bound: each message is on disk, whole and with its envelope, before
// it appears in new/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::session {

struct MaildirBounds {
    std::uint64_t bytes = 0; // of all messages together
    std::uint64_t messages = 0;
};

// What is copied.
struct TapCopy {
    unique_fd message;        // read with pread(2)
    std::uint64_t offset = 0; // where the message begins in it
    std::uint64_t size = 0;   // bytes from there
    std::string sender;
    std::vector<std::string> recipients;
    std::uint64_t more_recipients = 0; // that are not in the list
    std::string client;
    std::string queue_id;
};

// Writes it as a file of its own: fields X-Tap-From, X-Tap-To for each recipient, X-Tap-Client and X-Tap-Queue-Id, and
// then the message as it came. The folders are made, of mode 0700, where they are missing. Waits for the disk. EDQUOT:
// a bound is reached. On an Error there is no file.
[[nodiscard]] Result<void> write_to_maildir(const std::string& folder, const MaildirBounds& bounds,
                                            const TapCopy& copy);

} // namespace evermilter::session
