// database.watch: sees that the databases of the directory have changed and then stayed as they are for
// database.settle, or for a bound of it while something changes without end. Seen by inotify: the directory, every
// folder on the way to it, and every symbolic link on the way to it and to its databases (a link that is swapped
// changes what is loaded, and no file). So is the file of database.site_signatures.
// What inotify does not see, or cannot be asked to, is seen by a look every database.check_interval. Whether what is
// there differs from what is active is the loader's to say (by digest): times alone never lead to a load.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.h"
#include "workers/common/base/event_loop.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/shared/database_files.h"

namespace evermilter::supervisor {

class DatabaseWatch {
  public:
    struct Handlers {
        std::function<void()> settled;
        std::function<void(const std::string& trouble)> trouble; // why inotify does not watch all of it; "": it does
    };

    DatabaseWatch(Loop* loop, Handlers handlers);

    // Watches what `database` says; again after a change of the configuration.
    void apply(const config::Database& database);
    void stop();

  private:
    void watch();
    void look();
    void read();
    void changed();
    void settle();
    void tell(const std::string& trouble);
    [[nodiscard]] std::optional<std::string> add_watches();
    [[nodiscard]] std::optional<std::vector<DatabaseFile>> files() const;

    Handlers handlers_;
    std::string directory_; // empty: nothing is watched
    std::string site_;      // database.site_signatures; empty: there is none
    std::chrono::nanoseconds settle_{};
    std::chrono::nanoseconds interval_{};
    unique_fd inotify_;
    int content_ = -1;                              // the watch of the directory itself
    std::map<int, std::set<std::string>> links_;    // by watch: names in a folder that are on the way
    std::optional<std::vector<DatabaseFile>> seen_; // as it was when it was looked at last; empty: it could not be
    std::int64_t changing_since_ns_ = 0;            // CLOCK_MONOTONIC; 0: nothing changes
    std::string trouble_;
    IoWatcher readable_;
    TimerWatcher settle_timer_;
    TimerWatcher look_timer_;
};

} // namespace evermilter::supervisor
