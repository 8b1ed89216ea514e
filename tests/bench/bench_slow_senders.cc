// Busy senders while slow ones are connected:
//     bench_slow_senders [COUNT...] [WAY...]      (default: 500 2000 5000 10000, and all ways; "mid-body" is one)
// For every stage at which a sender may park, and for bytes, headers and body trickled once a second: 16 busy
// connections and COUNT slow sessions, with reloads of a database of 500,000 signatures meanwhile. The comparison is
// with a second service without slow sessions on the same machine, in turns of a second (the mean of the turns; of the
// reloads the median), because other load on the machine changes within minutes. In the end the parked messages are
// finished and their verdicts checked. Prints figures and whether each promise was kept; exits 1 if one was not.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/averages.h"
#include "tests/bench/load.h"
#include "tests/bench/reload.h"
#include "tests/support/command.h"
#include "tests/support/messages.h"
#include "tests/support/service.h"

namespace {

using namespace evermilter;
using namespace std::chrono_literals;

constexpr unsigned kBusy = 16;
constexpr auto kRun = 1s;
constexpr unsigned kTurns = 12;
constexpr unsigned kReloads = 5;

bool g_all_kept = true;

// One slow session: how it is brought to its place, and how it is kept slow.
struct Way {
    const char* name;
    std::function<void(test::MilterClient&)> park;
    std::function<void(test::MilterClient&)> trickle; // once a second; empty: it only waits
    std::function<void(test::MilterClient&)> finish;  // the rest of the message; empty: its budget does not allow it
    unsigned most = 1'000'000;                        // evermilter keeps no more of them, by design
};

// So many connections fit before hand-over (supervisor/front/gate.h); then the oldest silent one is closed.
constexpr unsigned kGate = 1024;

std::vector<Way> ways() {
    using test::MilterClient;
    const auto mail = [](MilterClient& c) {
        c.open();
        c.mail();
    };
    const auto rcpt = [mail](MilterClient& c) {
        mail(c);
        c.rcpt();
    };
    const auto data = [rcpt](MilterClient& c) {
        rcpt(c);
        c.data();
    };
    const auto header = [data](MilterClient& c) {
        data(c);
        c.header("Subject", "parked");
    };
    const auto body = [header](MilterClient& c) {
        header(c);
        c.end_of_headers();
        c.body("the first line of an infected mail\r\n");
    };
    const auto end = [](MilterClient& c) {
        c.body(test::eicar() + "\r\n");
        c.send('E');
    };
    const auto end_headers = [end](MilterClient& c) {
        c.end_of_headers();
        end(c);
    };
    const auto from_data = [end_headers](MilterClient& c) {
        c.header("Subject", "parked");
        end_headers(c);
    };
    const auto from_rcpt = [from_data](MilterClient& c) {
        c.data();
        from_data(c);
    };
    const auto from_mail = [from_rcpt](MilterClient& c) {
        c.rcpt();
        from_rcpt(c);
    };
    const auto from_negotiated = [from_mail](MilterClient& c) {
        c.connect();
        c.helo();
        c.mail();
        from_mail(c);
    };
    const auto from_nothing = [from_negotiated](MilterClient& c) {
        c.negotiate();
        from_negotiated(c);
    };
    const auto part_of_helo = [](MilterClient& c) {
        c.negotiate();
        c.connect();
        c.send_raw(std::string("\0\0\x03\0H", 5)); // 767 further bytes are promised
    };
    return {
        {"connected", [](MilterClient&) {}, {}, from_nothing, kGate - kBusy},
        {"negotiated", [](MilterClient& c) { c.negotiate(); }, {}, from_negotiated},
        {"after MAIL", mail, {}, from_mail},
        {"after RCPT", rcpt, {}, from_rcpt},
        {"after DATA", data, {}, from_data},
        {"after the first header", header, {}, end_headers},
        {"mid-body", body, {}, end},
        {"trickled bytes", part_of_helo, [](MilterClient& c) { c.send_raw("x"); }, {}},
        {"trickled headers", data, [](MilterClient& c) { c.header("X-Slow", "one a second"); }, end_headers},
        {"trickled body", body, [](MilterClient& c) { c.body("one line a second\r\n"); }, end},
    };
}

// The slow sessions; their sockets are driven by one thread.
class SlowSessions {
  public:
    SlowSessions(const test::Service& service, const Way& way, unsigned count) : way_(way) {
        for (unsigned i = 0; i < count; ++i) {
            auto client = std::make_unique<test::MilterClient>(service.milter_address());
            try {
                way.park(*client);
                clients_.push_back(std::move(client));
            } catch (const test::ConnectionEnded&) {
                ++refused_;
            }
        }
        if (way.trickle) trickler_ = std::jthread([this](const std::stop_token& stop) { trickle(stop); });
    }

    // The trickling pauses while something else is measured.
    void pause(bool paused) { paused_ = paused; }

    // Ends the trickling and finishes what can be finished.
    struct Finished {
        unsigned right = 0, wrong = 0, closed = 0;
    };
    Finished finish() {
        if (trickler_.joinable()) {
            trickler_.request_stop();
            trickler_.join();
        }
        Finished finished;
        finished.closed = refused_;
        // Many at a time, because each may have to wait for its turn; not all, because they would wait too long for
        // scanners.
        for (std::size_t begin = 0; begin < clients_.size(); begin += kBatch) {
            const std::size_t end = std::min(begin + kBatch, clients_.size());
            for (std::size_t i = begin; i < end; ++i)
                if (way_.finish) unless_closed(clients_[i], way_.finish);
            for (std::size_t i = begin; i < end; ++i) {
                if (way_.finish)
                    unless_closed(clients_[i], [&](test::MilterClient& client) {
                        ++(client.receive_verdict().reply.data.starts_with("550") ? finished.right : finished.wrong);
                        client.quit();
                    });
                if (!clients_[i]) ++finished.closed;
            }
        }
        return finished;
    }

  private:
    // To each session once per second of unpaused time, spread evenly over that second.
    void trickle(const std::stop_token& stop) {
        for (std::size_t slice = 0; !stop.stop_requested(); slice = (slice + 1) % kSlices) {
            while (paused_ && !stop.stop_requested()) std::this_thread::sleep_for(1ms);
            const auto next = std::chrono::steady_clock::now() + 1000ms / kSlices;
            const std::size_t end = (slice + 1) * clients_.size() / kSlices;
            for (std::size_t i = slice * clients_.size() / kSlices; i < end; ++i)
                unless_closed(clients_[i], way_.trickle);
            std::this_thread::sleep_until(next);
        }
    }

    static void unless_closed(std::unique_ptr<test::MilterClient>& client,
                              const std::function<void(test::MilterClient&)>& act) {
        if (!client) return;
        try {
            act(*client);
        } catch (const std::exception&) {
            client.reset(); // its budget was over
        }
    }

    static constexpr std::size_t kBatch = 500;
    static constexpr std::size_t kSlices = 100;
    const Way& way_;
    std::vector<std::unique_ptr<test::MilterClient>> clients_;
    unsigned refused_ = 0;
    std::atomic<bool> paused_{true};
    std::jthread trickler_;
};

double busy_throughput(const test::Service& service, std::uint64_t seed) {
    bench::LoadOptions options;
    options.milter = service.milter_address();
    options.connections = kBusy;
    options.duration = kRun;
    options.seed = seed;
    const bench::LoadFigures figures = bench::run_load(options);
    if (figures.wrong + figures.lost + figures.tempfails > 0) {
        std::printf("  busy: %s\n", figures.text().c_str());
        g_all_kept = false;
    }
    return figures.throughput();
}

double reload_seconds(const test::Service& service) {
    bench::wait_drained(service);
    return bench::reload_seconds(service);
}

// The configuration of both services; each has its own folders.
test::Keys keys(unsigned sessions) {
    return {{"milter.max_sessions", std::to_string(sessions)},
            {"scanner.processes", std::to_string(std::thread::hardware_concurrency())},
            {"timeouts.negotiate", "\"10m\""},
            {"timeouts.header", "\"10m\""},
            {"timeouts.body", "\"10m\""},
            {"timeouts.connect", "\"10m\""},
            {"reload.drain_timeout", "\"1s\""},
            {"log.level", "\"warning\""}};
}

// Adds signatures to EICAR, so that a load takes long enough to be measured.
void start(test::Service& service) {
    const std::string folder = service.database();
    const test::Outcome made = test::run({test::program("bench_make_database"), folder, "500000"});
    if (made.status != 0) {
        std::cerr << made.errors;
        std::exit(1);
    }
    service.start();
    (void)busy_throughput(service, 1); // warms up
}

// The same figure for the service without slow sessions and for the one with them.
struct Compared {
    double alone = 0;
    double beside = 0;
    [[nodiscard]] double ratio() const { return beside / alone; }
};

Compared compare(unsigned turns, SlowSessions& slow, const std::function<double(bool crowded)>& measure,
                 const std::function<double(const std::vector<double>&)>& average) {
    std::vector<double> alone;
    std::vector<double> beside;
    for (unsigned turn = 0; turn < turns; ++turn) {
        for (const bool crowded : {turn % 2 == 0, turn % 2 == 1}) {
            slow.pause(!crowded);
            (crowded ? beside : alone).push_back(measure(crowded));
        }
    }
    slow.pause(false);
    return {average(alone), average(beside)};
}

double resident_of_session_workers_kib(const test::Service& service) {
    double sum = 0;
    for (const pid_t pid : service.pids("session")) sum += static_cast<double>(test::pss_kib(pid));
    return sum;
}

} // namespace

int main(int argc, char** argv) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    std::vector<unsigned> counts;
    std::vector<std::string> asked_ways;
    for (int i = 1; i < argc; ++i) {
        char* end = nullptr;
        const auto number = std::strtoul(argv[i], &end, 10);
        if (*end == '\0')
            counts.push_back(static_cast<unsigned>(number));
        else
            asked_ways.emplace_back(argv[i]);
    }
    if (counts.empty()) counts = {500, 2000, 5000, 10000};
    const unsigned most = *std::max_element(counts.begin(), counts.end());

    test::Service quiet(keys(100));
    test::Service service(keys(most + 500));
    start(quiet);
    start(service);
    std::uint64_t seed = 1;
    std::printf("%-24s %7s %10s %10s %7s %9s %9s %7s  %s\n", "slow senders", "count", "alone /s", "beside /s", "ratio",
                "reload s", "beside s", "ratio", "finished right/wrong/closed, KiB a session");
    // Memory of workers that have served only busy sessions: they later keep what they allocate for slow ones.
    const double memory_before = resident_of_session_workers_kib(service);
    for (const Way& way : ways()) {
        if (!asked_ways.empty() && std::find(asked_ways.begin(), asked_ways.end(), way.name) == asked_ways.end())
            continue;
        unsigned last = 0;
        for (const unsigned asked : counts) {
            const unsigned count = std::min(asked, way.most);
            if (count == std::exchange(last, count)) continue;
            SlowSessions slow(service, way, count);
            const double memory = (resident_of_session_workers_kib(service) - memory_before) / count;
            const Compared busy = compare(
                kTurns, slow, [&](bool crowded) { return busy_throughput(crowded ? service : quiet, ++seed); },
                bench::mean);
            const Compared reload = compare(
                kReloads, slow, [&](bool crowded) { return reload_seconds(crowded ? service : quiet); }, bench::median);
            const auto finished = slow.finish();
            const bool kept = busy.ratio() >= 0.9 && reload.ratio() <= 1.2 && finished.wrong == 0;
            g_all_kept = g_all_kept && kept;
            std::printf("%-24s %7u %10.1f %10.1f %7.2f %9.3f %9.3f %7.2f  %u/%u/%u, %.1f%s\n", way.name, count,
                        busy.alone, busy.beside, busy.ratio(), reload.alone, reload.beside, reload.ratio(),
                        finished.right, finished.wrong, finished.closed, memory, kept ? "" : "  NOT KEPT");
            if (finished.closed > 0)
                std::printf("  timed out so far: %s\n",
                            service.status().at("sessions").at("timed_out_total").dump().c_str());
            std::fflush(stdout);
        }
    }
    service.stop();
    quiet.stop();
    return g_all_kept ? 0 : 1;
}
