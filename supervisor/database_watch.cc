#include "supervisor/database_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "workers/common/log.h"
#include "workers/common/result.h"

namespace evermilter::supervisor {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kContent = IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE;
constexpr std::uint32_t kItself = IN_DELETE_SELF | IN_MOVE_SELF;
// How often a directory that cannot be watched is looked for.
constexpr auto kAgain = 10s;

} // namespace

bool is_database_name(std::string_view name) {
    if (name.empty() || name.front() == '.' || name.starts_with("tmp.") || name == "freshclam.dat") return false;
    return name.find('.') != std::string_view::npos && !name.ends_with(".sign") && !name.ends_with(".tmp");
}

DatabaseWatch::DatabaseWatch(Loop* loop, std::function<void()> settled)
    : settled_(std::move(settled)),
      readable_(loop, [this](int) { read(); }),
      settle_timer_(loop, [this] { settled_(); }),
      again_timer_(loop, [this] { watch(); }) {}

void DatabaseWatch::apply(const config::Database& database) {
    settle_ = database.settle;
    const std::string wanted = database.watch ? database.directory : std::string();
    if (wanted == directory_) return;
    stop();
    directory_ = wanted;
    if (!directory_.empty()) watch();
}

void DatabaseWatch::stop() {
    readable_.stop();
    settle_timer_.stop();
    again_timer_.stop();
    inotify_.reset();
    directory_.clear();
    complained_ = false;
}

void DatabaseWatch::watch() {
    readable_.stop();
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_ || ::inotify_add_watch(inotify_.get(), directory_.c_str(), kContent | kItself | IN_ONLYDIR) < 0) {
        if (!complained_) log::warning("database-watch", {{"error", system_error("cannot watch " + directory_).what}});
        complained_ = true;
        again_timer_.start(kAgain);
        return;
    }
    // It was gone for a while: what is there now may be new.
    if (std::exchange(complained_, false)) settle_timer_.start(settle_);
    readable_.start(inotify_.get(), EV_READ);
}

void DatabaseWatch::read() {
    alignas(inotify_event) std::array<char, 16384> buffer{};
    const ssize_t length = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (length <= 0) return;
    bool changed = false;
    bool replaced = false;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(length);) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* const text = buffer.data() + at + sizeof event;
        const std::string_view name(text, ::strnlen(text, event.len));
        at += sizeof event + event.len;
        if ((event.mask & (kItself | IN_IGNORED)) != 0) replaced = true;
        if ((event.mask & IN_Q_OVERFLOW) != 0 || is_database_name(name)) changed = true;
    }
    if (replaced) {
        complained_ = true; // so that its return is a change
        watch();
    } else if (changed) {
        settle_timer_.start(settle_);
    }
}

} // namespace evermilter::supervisor
