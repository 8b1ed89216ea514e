#include "tests/bench/load.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/support/messages.h"
#include "tests/support/milter_client.h"

namespace evermilter::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
}

// The state that all connections share: the schedule, and the figures as they come in.
class Run {
  public:
    explicit Run(const LoadOptions& options)
        : options_(options), start_(Clock::now()), end_(start_ + options.duration), last_answer_(start_) {}

    // The number of the next message and the moment when it is due; nullopt when the run is over.
    struct Due {
        std::uint64_t number;
        Clock::time_point at;
    };
    [[nodiscard]] std::optional<Due> next() {
        const std::uint64_t number = next_.fetch_add(1);
        if (options_.stop != nullptr && options_.stop->load()) return std::nullopt;
        const auto now = Clock::now();
        Clock::time_point at = now;
        if (options_.rate > 0)
            at = start_ + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(static_cast<double>(number) / options_.rate));
        if (std::max(at, now) >= end_) return std::nullopt;
        if (at > now) std::this_thread::sleep_until(at);
        return Due{number, at};
    }

    // Every fiftieth message at 2 %: spread evenly, so that short runs get their share.
    [[nodiscard]] bool infected(std::uint64_t number) const {
        const auto upto = [&](std::uint64_t n) { return std::floor(static_cast<double>(n) * options_.infected); };
        return upto(number + 1) > upto(number);
    }

    void answered(const Due& due, bool infected, const test::Verdict& verdict) {
        const auto now = Clock::now();
        const std::lock_guard lock(mutex_);
        ++figures_.messages;
        figures_.latencies.push_back(seconds_between(due.at, now));
        figures_.longest_gap = std::max(figures_.longest_gap, seconds_between(last_answer_, now));
        last_answer_ = now;
        const bool refused = verdict.reply.command == 'y' && verdict.reply.data.starts_with("550");
        const bool passed = verdict.reply.command == 'a' || verdict.reply.command == 'c';
        if (verdict.reply.command == 't' || (verdict.reply.command == 'y' && verdict.reply.data.starts_with('4')))
            ++figures_.tempfails;
        else if (infected ? !refused : !passed)
            ++figures_.wrong;
    }
    void lost() {
        const std::lock_guard lock(mutex_);
        ++figures_.lost;
    }

    [[nodiscard]] LoadFigures finish() {
        figures_.seconds = seconds_between(start_, Clock::now());
        std::sort(figures_.latencies.begin(), figures_.latencies.end());
        return std::move(figures_);
    }

  private:
    const LoadOptions& options_;
    const Clock::time_point start_;
    const Clock::time_point end_;
    std::atomic<std::uint64_t> next_{0};
    std::mutex mutex_;
    LoadFigures figures_;
    Clock::time_point last_answer_;
};

// One connection after the other until the run is over.
void serve_connection(const LoadOptions& options, Run& run) {
    std::optional<test::MilterClient> client;
    unsigned sent = 0;
    while (const auto due = run.next()) {
        const bool infected = run.infected(due->number);
        const std::string mail = varied_mail(options.body_bytes, options.seed * 1'000'000'007 + due->number, infected);
        try {
            if (!client) {
                client.emplace(options.milter);
                client->open();
                sent = 0;
            }
            run.answered(*due, infected, client->message(mail));
            if (++sent >= options.messages_per_session) {
                client->quit();
                client.reset();
            }
        } catch (const std::exception&) {
            run.lost();
            client.reset();
        }
    }
    if (client) client->quit();
}

} // namespace

double LoadFigures::quantile(double share) const {
    if (latencies.empty()) return 0;
    const auto index = static_cast<std::size_t>(share * static_cast<double>(latencies.size() - 1));
    return latencies[index];
}

std::string LoadFigures::text() const {
    std::string line(300, '\0');
    const int length = std::snprintf(
        line.data(), line.size(),
        "%llu messages, %.1f/s, p50 %.1f ms, p99 %.1f ms, max %.1f ms, longest gap %.1f ms, %llu wrong, %llu tempfail, "
        "%llu lost",
        static_cast<unsigned long long>(messages), throughput(), quantile(0.5) * 1000, quantile(0.99) * 1000,
        quantile(1) * 1000, longest_gap * 1000, static_cast<unsigned long long>(wrong),
        static_cast<unsigned long long>(tempfails), static_cast<unsigned long long>(lost));
    line.resize(static_cast<std::size_t>(std::max(length, 0)));
    return line;
}

LoadFigures run_load(const LoadOptions& options) {
    Run run(options);
    {
        std::vector<std::jthread> connections;
        for (unsigned i = 0; i < options.connections; ++i)
            connections.emplace_back([&] { serve_connection(options, run); });
    }
    return run.finish();
}

std::string varied_mail(std::size_t body_bytes, std::uint64_t seed, bool infected) {
    const auto part = static_cast<unsigned>(seed ^ (seed >> 32U));
    const std::string text = test::base64(test::noise(body_bytes * 3 / 4, part));
    const std::string file = test::noise(body_bytes / 3, part + 0x9e3779b9U);
    return test::multipart_mail(
        {test::text_part(text), test::attachment("data.bin", infected ? file + test::eicar() : file)});
}

} // namespace evermilter::bench
