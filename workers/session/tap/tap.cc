#include "workers/session/tap/tap.h"

#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <exception>
#include <utility>

#include "config/list_file.h"
#include "workers/common/base/log.h"

namespace evermilter::session {
namespace {

// "root", or the number where it has no name.
std::string owner_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return "?";
    std::array<char, 4096> room{};
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(status.st_uid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
        return found->pw_name;
    return std::to_string(status.st_uid);
}

} // namespace

Tap::Tap(const config::Tap& settings, CounterBoard<kSessionWorker>& counters)
    : settings_(settings), counters_(counters) {}

std::shared_ptr<const TapRules> Tap::rules() const {
    const std::lock_guard lock(mutex_);
    return rules_;
}

void Tap::copy(TapCopy copy) {
    std::string queue_id = copy.queue_id;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.size() < kMostWaiting) {
            waiting_.push_back(std::move(copy));
            something_.notify_one();
            return;
        }
    }
    drop("copies are written too slowly", queue_id);
}

void Tap::drop(const std::string& reason, const std::string& queue_id) {
    counters_.add("tap", TapEnd::dropped);
    const auto left_out = lines_.pass(steady_now());
    if (!left_out) return;
    log::error("tap-dropped", {{"reason", reason},
                               {"queue_id", queue_id},
                               {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)},
                               {"remedy",
                                "make room in tap.directory, raise tap.max_size or tap.max_messages, or remove "
                                "the switch; mail is not delayed"}});
}

void Tap::look() {
    std::string state = config::state_of_file(settings_.switch_file);
    if (state == state_) return;
    const bool was_absent = state_.empty() || state_.ends_with(" absent\n");
    const bool absent = state.ends_with(" absent\n");
    state_ = std::move(state);
    std::shared_ptr<const TapRules> rules;
    if (absent) {
        if (!was_absent) log::warning("tap-off", {{"switch", settings_.switch_file}});
    } else if (auto read = read_tap_rules(settings_.switch_file)) {
        rules = std::make_shared<const TapRules>(std::move(*read));
        log::warning("tap-on", {{"switch", settings_.switch_file},
                                {"owner", owner_of(settings_.switch_file)},
                                {"lines", rules->lines()},
                                {"copies", rules->fits_all() ? "all messages" : "messages that fit a line"},
                                {"directory", settings_.directory}});
    } else {
        log::error("tap-failed", {{"reason", read.error()},
                                  {"owner", owner_of(settings_.switch_file)},
                                  {"remedy", "mend the line; meanwhile nothing is copied"}});
    }
    const std::lock_guard lock(mutex_);
    rules_ = std::move(rules);
}

void Tap::write_all() {
    for (;;) {
        std::unique_lock lock(mutex_);
        writing_ = false;
        if (waiting_.empty()) all_written_.notify_all();
        something_.wait(lock, [this] { return !waiting_.empty(); });
        const TapCopy copy = std::move(waiting_.front());
        waiting_.pop_front();
        writing_ = true;
        lock.unlock();
        try {
            const auto written =
                write_to_maildir(settings_.directory, {settings_.max_size, settings_.max_messages}, copy);
            if (written)
                counters_.add("tap", TapEnd::copied);
            else
                drop(written.error().what, copy.queue_id);
        } catch (const std::exception& error) {
            counters_.add("tap", TapEnd::dropped);
        }
    }
}

void Tap::wait_written(SteadyTime until) {
    std::unique_lock lock(mutex_);
    static_cast<void>(all_written_.wait_until(lock, until, [this] { return waiting_.empty() && !writing_; }));
}

Tapped::Tapped(std::shared_ptr<const TapRules> rules, const Client& client, std::string_view sender)
    : rules_(std::move(rules)) {
    if (!rules_) return;
    wanted_ = rules_->fits_all() || rules_->fits_client(client) || rules_->fits_sender(sender);
    sender_ = sender;
}

void Tapped::take_recipient(std::string_view recipient) {
    if (!rules_) return;
    wanted_ = wanted_ || rules_->fits_recipient(recipient);
    if (recipients_.size() < kMostRecipients)
        recipients_.emplace_back(recipient);
    else
        ++more_;
}

TapCopy Tapped::take(unique_fd message, std::uint64_t offset, std::uint64_t size) {
    TapCopy copy;
    copy.message = std::move(message);
    copy.offset = offset;
    copy.size = size;
    copy.sender = sender_;
    copy.recipients = std::exchange(recipients_, {});
    copy.more_recipients = more_;
    return copy;
}

} // namespace evermilter::session
