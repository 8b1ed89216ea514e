// database.watch: sees that the database directory's content has changed and then stayed as it is for
// database.settle. Whether what is there differs from what is active is the loader's to say (by digest): times alone
// never lead to a load. A directory that is not there, or is replaced, is looked for again.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "supervisor/watchers.h"
#include "workers/common/unique_fd.h"

namespace evermilter::supervisor {

// Whether a change of this file can change what is loaded: not freshclam's own and half-written files.
[[nodiscard]] bool is_database_name(std::string_view name);

class DatabaseWatch {
  public:
    DatabaseWatch(Loop* loop, std::function<void()> settled);

    // Watches what `database` says; again after a change of the configuration.
    void apply(const config::Database& database);
    void stop();

  private:
    void watch();
    void read();

    std::function<void()> settled_;
    std::string directory_; // empty: nothing is watched
    std::chrono::nanoseconds settle_{};
    unique_fd inotify_;
    bool complained_ = false;
    IoWatcher readable_;
    TimerWatcher settle_timer_;
    TimerWatcher again_timer_;
};

} // namespace evermilter::supervisor
