// What the lists of [skip] and of [[senders]] cost: reading them, and asking them for each message.
//     bench_lists [--entries N]
// N networks in one file, N addresses in another (default 100,000 each; every tenth is a domain, every hundredth one
// above others). Messages are of 3 recipients, from clients with an address and a name; none is exempt, so that every
// list is asked. [[senders]] has two lists of the same addresses: for the envelope, and for From with an opt-in. CPU
// time of this process, and the memory that one list takes.
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/bench/report.h"
#include "tests/support/folder.h"
#include "workers/session/policy/from_addresses.h"
#include "workers/session/policy/listener_policy.h"

namespace {

using namespace evermilter;

constexpr std::uint32_t kMessages = 500'000;
constexpr std::uint32_t kRecipients = 3;

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::string ipv4(std::uint32_t number) {
    return std::to_string(number >> 24U) + '.' + std::to_string(number >> 16U & 255U) + '.' +
           std::to_string(number >> 8U & 255U) + '.' + std::to_string(number & 255U);
}

void write_lists(std::uint32_t entries, const std::string& networks, const std::string& addresses) {
    std::ofstream clients(networks);
    std::ofstream people(addresses);
    for (std::uint32_t i = 0; i < entries; ++i) {
        // Networks of 16 addresses with as large a gap behind each.
        clients << ipv4((10U << 24U) + i * 32) << "/28\n";
        const std::string number = std::to_string(i);
        if (i % 100 == 50)
            people << "@." << number << ".example\n";
        else if (i % 10 == 5)
            people << '@' << number << ".example\n";
        else
            people << "user" << number << "@lists.example\n";
    }
}

std::uint64_t resident_bytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0;
    std::uint64_t resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// How many of the messages are of a listed sender: none is to be.
std::uint32_t listed_senders(const std::string& file, std::uint32_t entries) {
    config::Config config;
    for (const char* match : {"envelope", "from"}) {
        config::SenderList& list = config.senders.emplace_back();
        list.name = match;
        list.file = file;
        list.match = {match};
        if (list.match.front() == "from") list.opt_in = file;
    }
    const std::uint64_t before = resident_bytes();
    const auto one = config::load_patterns(file);
    std::printf("a list of %u addresses takes %.1f MB\n", entries,
                1e-6 * static_cast<double>(resident_bytes() - before));
    const auto lists = session::make_sender_lists(config);
    if (!one || !lists) return 1;
    session::prepare_from_addresses();
    std::uint32_t listed = 0;
    const double begin = cpu_seconds();
    for (std::uint32_t i = 0; i < kMessages; ++i) {
        const std::string text = "user" + std::to_string(i % entries) + "@other.example";
        session::ListedSender sender(*lists);
        listed += sender.see_sender(text) != nullptr ? 1U : 0U;
        for (std::uint32_t recipient = 0; recipient < kRecipients; ++recipient) {
            listed += sender.see_recipient(text) != nullptr ? 1U : 0U;
            sender.take_recipient(text);
        }
        sender.see_from(session::from_addresses("Some Body <" + text + ">"));
        listed += sender.decide(session::Decision{}, {}).list.empty() ? 0U : 1U;
    }
    bench::promise("asking lists of senders for a message", 1e6 * (cpu_seconds() - begin) / kMessages, 15, "us");
    return listed;
}

} // namespace

int main(int argc, char** argv) {
    std::uint32_t entries = 100'000;
    if (argc == 3 && argv[1] == std::string("--entries")) {
        entries = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    } else if (argc != 1) {
        std::cerr << "usage: bench_lists [--entries N]\n";
        return 64;
    }
    const test::Folder folder;
    config::Skip skip;
    skip.networks_file = folder / "networks";
    skip.senders_file = folder / "senders";
    skip.recipients_file = skip.senders_file;
    write_lists(entries, skip.networks_file, skip.senders_file);

    double begin = cpu_seconds();
    const auto lists = config::load_skip_lists(skip);
    if (!lists) {
        std::cerr << lists.error().key << ": " << lists.error().reason << '\n';
        return 1;
    }
    bench::promise("reading the lists of networks, senders and recipients", cpu_seconds() - begin, 1, "s");

    std::uint32_t exempt = 0;
    begin = cpu_seconds();
    for (std::uint32_t i = 0; i < kMessages; ++i) {
        const std::uint32_t number = i % entries;
        const std::uint32_t address = (10U << 24U) + number * 32 + 16; // in a gap
        const std::array<std::uint8_t, 4> bytes = {
            static_cast<std::uint8_t>(address >> 24U), static_cast<std::uint8_t>(address >> 16U),
            static_cast<std::uint8_t>(address >> 8U), static_cast<std::uint8_t>(address)};
        const std::string text = "<user" + std::to_string(number) + "@other.example>";
        const session::Client client{config::mapped(bytes), "host.of.a.client.example"};
        exempt += session::exempt_client(*lists, client).has_value() ? 1U : 0U;
        exempt += session::exempt_sender(*lists, "somebody", text).has_value() ? 1U : 0U;
        for (std::uint32_t recipient = 0; recipient < kRecipients; ++recipient)
            exempt += lists->recipients.matches(text) ? 1U : 0U;
    }
    bench::promise("asking them for a message", 1e6 * (cpu_seconds() - begin) / kMessages, 5, "us");
    exempt += listed_senders(skip.senders_file, entries);
    if (exempt != 0) {
        std::cerr << exempt << " of them were exempt or listed: none is to be\n";
        return 1;
    }
    return bench::all_kept() ? 0 : 1;
}
