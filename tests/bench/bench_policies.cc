// What policies cost.
//     bench_policies [--turns N]
// First in this process: CPU time of the thread that serves a session, for a message of 3 recipients with two lists of
// 100,000 senders, a tap that is off and a policy server that lets all pass, its answers known or asked for. Then a
// real service with EICAR alone: throughput of sessions that ask no policy server beside 200 that wait for one which
// takes 2 s, to that without them, in turns of 5 s each (N, default 5).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "config/parse.h"
#include "tests/bench/load.h"
#include "tests/bench/report.h"
#include "tests/support/fake_policy_server.h"
#include "tests/support/service.h"
#include "tests/support/waiting.h"
#include "workers/session/policy/from_addresses.h"
#include "workers/session/policy/listener_policy.h"
#include "workers/session/tap/tap.h"

namespace {

using namespace evermilter;
using namespace std::chrono_literals;

constexpr std::uint32_t kMessages = 20'000;
constexpr unsigned kWaiting = 200;

double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Microseconds a message.
double cost(const config::Config& config, CounterBoard<kSessionWorker>& counters) {
    const auto policies = session::ListenerPolicies::make(config);
    if (!policies) {
        std::cerr << policies.error().what << '\n';
        std::exit(1);
    }
    session::Tap tap(config.tap, counters);
    tap.look();
    const session::ListenerPolicy& policy = policies->of("");
    const double begin = thread_seconds();
    for (std::uint32_t i = 0; i < kMessages; ++i) {
        const std::string sender = "<user" + std::to_string(i) + "@other.example>";
        session::ListedSender listed(policy.senders);
        session::Tapped tapped(tap.rules(), {}, sender);
        static_cast<void>(listed.see_sender(sender));
        for (const char* recipient : {"<a@here.example>", "<b@here.example>", "<c@here.example>"}) {
            static_cast<void>(listed.see_recipient(recipient));
            session::PolicyQuestion question;
            question.sender = sender;
            question.recipient = recipient;
            static_cast<void>(session::check_recipient(policy.servers, question, counters));
            listed.take_recipient(recipient);
            tapped.take_recipient(recipient);
        }
        if (listed.wants_from()) listed.see_from(session::from_addresses("Some Body " + sender));
        static_cast<void>(listed.decide(session::Decision{}, {}));
    }
    return 1e6 * (thread_seconds() - begin) / kMessages;
}

void costs_in_process() {
    const test::Folder folder;
    std::ofstream list(folder / "list");
    for (int i = 0; i < 100'000; ++i) list << "listed" << i << "@lists.example\n";
    list.close();
    test::FakePolicyServer server([](const test::PolicyAttributes&) { return "action=DUNNO\n\n"; });
    config::Config config = config::defaults();
    CounterBoard<kSessionWorker> counters;
    session::prepare_from_addresses();
    std::vector<double> bare;
    std::vector<double> known;
    std::vector<double> asked;
    config::Config with = config;
    for (const char* match : {"envelope", "from"}) {
        config::SenderList& one = with.senders.emplace_back();
        one.name = match;
        one.file = folder / "list";
        one.match = {match};
    }
    with.tap.switch_file = folder / "switch";
    config::PolicyCheck& policy = with.policies.emplace_back();
    policy.name = "quota";
    policy.servers = {server.address()};
    policy.timeout = 8s;
    policy.connections = 4;
    policy.failures = 5;
    policy.retry_after = 30s;
    policy.cache_by = config::CacheBy::recipient;
    for (int turn = 0; turn < 3; ++turn) {
        bare.push_back(cost(config, counters));
        with.policies.front().cache = 1h;
        known.push_back(cost(with, counters));
        with.policies.front().cache = 0s;
        asked.push_back(cost(with, counters));
    }
    const auto least = [](const std::vector<double>& all) { return *std::min_element(all.begin(), all.end()); };
    bench::promise("every policy, nothing fits, answers known", least(known) - least(bare), 15, "us");
    bench::promise("every policy, nothing fits, answers asked for", least(asked) - least(bare), 15, "us");
}

std::string listener_of(const test::Service& service) {
    const nlohmann::json status = service.status();
    for (const auto& address : status.at("listeners"))
        if (address.get<std::string>().starts_with("inet:")) return address;
    return {};
}

double throughput(const test::Service& service) {
    bench::LoadOptions options;
    options.milter = service.milter_address();
    options.connections = 8;
    options.duration = 5s;
    return bench::run_load(options).throughput();
}

void throughput_beside_waiting(unsigned turns) {
    test::FakePolicyServer slow([](const test::PolicyAttributes&) {
        std::this_thread::sleep_for(2s);
        return "action=DUNNO\n\n";
    });
    test::Service service({{"policy", R"([{name = "slow", servers = )" + slow.servers() +
                                          R"(, timeout = "8s", connections = 256, listeners = ["asks"]}])"},
                           {"listener", R"([{name = "asks", address = ["inet:0@127.0.0.1"]}])"}});
    service.start();
    const std::string asks = listener_of(service);
    std::vector<double> ratios;
    for (unsigned turn = 0; turn < turns; ++turn) {
        const double alone = throughput(service);
        std::atomic<bool> over = false;
        std::vector<std::thread> sessions;
        for (unsigned i = 0; i < kWaiting; ++i)
            sessions.emplace_back([&] {
                test::MilterClient client(asks);
                client.open();
                while (!over) {
                    client.mail();
                    static_cast<void>(client.rcpt());
                    client.abort();
                }
            });
        const std::size_t before = slow.questions().size();
        test::wait_until("all of them wait", [&] { return slow.questions().size() >= before + kWaiting; });
        const double beside = throughput(service);
        over = true;
        for (std::thread& session : sessions) session.join();
        ratios.push_back(beside / alone);
        std::printf("  turn %u: %.0f/s alone, %.0f/s beside %u that wait: %.2f\n", turn + 1, alone, beside, kWaiting,
                    ratios.back());
    }
    std::sort(ratios.begin(), ratios.end());
    bench::promise("throughput lost beside sessions that wait, median", 1 - ratios[ratios.size() / 2], 0.05, "");
}

} // namespace

int main(int argc, char** argv) {
    unsigned turns = 5;
    if (argc == 3 && argv[1] == std::string("--turns")) {
        turns = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
    } else if (argc != 1) {
        std::cerr << "usage: bench_policies [--turns N]\n";
        return 64;
    }
    costs_in_process();
    if (turns > 0) throughput_beside_waiting(turns);
    return bench::all_kept() ? 0 : 1;
}
