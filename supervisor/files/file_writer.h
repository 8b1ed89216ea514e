// Keeps one small file on disk by short-lived children: fsync(2) takes as long as the disk wants, and the loop must not
// wait. Of the texts that come while one is being written, only the last is written. If a child dies or the disk is
// full, `done` gets an Error and the file stays as it was.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "supervisor/privileges.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

class FileWriter {
  public:
    using Done = std::function<void(const Result<void>&)>;

    FileWriter(Loop* loop, Done done);
    ~FileWriter(); // waits, for a second at most, until what is being written is written

    // As `owner`; `path` is in a folder of his. Calls `done` from the loop.
    void write(const std::string& path, const Identity& owner, const std::string& text);

  private:
    struct Wanted {
        std::string path;
        Identity owner;
        std::string text;
    };

    void begin(const Wanted& wanted);
    void told();

    Done done_;
    std::optional<Wanted> next_;
    std::string path_; // what is being written
    unique_fd answer_; // readable when it is written, or the child has died
    IoWatcher readable_;
};

} // namespace evermilter::supervisor
