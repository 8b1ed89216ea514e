#include "supervisor/summary.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

constexpr std::size_t kMostNames = 20;

// Boards are read while their owners write.
std::uint64_t more(std::uint64_t before, std::uint64_t now) {
    return now > before ? now - before : 0;
}

} // namespace

std::string new_viruses(const Counters& before, const Counters& now) {
    std::vector<std::pair<std::uint64_t, std::string>> found;
    for (const auto& [name, count] : now.viruses) {
        const auto known = before.viruses.find(name);
        const std::uint64_t fresh = more(known == before.viruses.end() ? 0 : known->second, count);
        if (fresh > 0) found.emplace_back(fresh, name);
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::string text;
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (i < kMostNames)
            text += (text.empty() ? "" : ", ") + found[i].second + " " + std::to_string(found[i].first);
        else
            rest += found[i].first;
    }
    return rest > 0 ? text + ", others " + std::to_string(rest) : text;
}

Summary::Summary(TimeSource& time, std::function<Counters()> total, Say say)
    : time_(time),
      total_(std::move(total)),
      say_(std::move(say)),
      timer_(time.timer([this] { sum_up(); })),
      since_(time.now()) {}

void Summary::apply(std::chrono::nanoseconds period) {
    if (period == period_) return;
    period_ = period;
    if (period == std::chrono::nanoseconds::zero())
        timer_->stop();
    else
        timer_->start(period, period);
}

void Summary::stop() {
    if (period_ != std::chrono::nanoseconds::zero()) sum_up();
    timer_->stop();
}

void Summary::sum_up() {
    Counters now = total_();
    const Moment moment = time_.now();
    WhatCame came;
    came.seconds = std::chrono::duration_cast<std::chrono::seconds>(moment - since_).count();
    for (std::size_t i = 0; i < kDispositions; ++i) {
        const auto verdict = static_cast<Disposition>(i);
        came.by.at(i) = more(last_.get("messages", verdict), now.get("messages", verdict));
        came.messages += came.by.at(i);
    }
    came.viruses = new_viruses(last_, now);
    last_ = std::move(now);
    since_ = moment;
    if (came.messages > 0) say_(came);
}

void log_summary(const WhatCame& came) {
    const auto count = [&](Disposition verdict) { return came.by.at(static_cast<std::size_t>(verdict)); };
    log::info("summary", {{"seconds", came.seconds},
                          {"messages", came.messages},
                          {"clean", count(Disposition::clean)},
                          {"infected", count(Disposition::infected)},
                          {"error", count(Disposition::error)},
                          {"oversize", count(Disposition::oversize)},
                          {"incomplete", count(Disposition::incomplete)},
                          {"skipped", count(Disposition::skipped)},
                          {"viruses", came.viruses}});
}

} // namespace evermilter::supervisor
