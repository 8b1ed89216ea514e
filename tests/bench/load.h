// A load of mail on a milter socket, as many sessions of an MTA would make it, and its figures.
// Closed loop: each connection sends its next message when the last was answered. Open loop: messages fall due at a
// fixed rate whatever the service does, and their latency counts from that moment, so that a pause of the service
// cannot hide the messages that it kept waiting.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace evermilter::bench {

struct LoadOptions {
    std::string milter; // address as MilterClient takes it
    unsigned connections = 16;
    double rate = 0; // messages a second over all connections; 0: closed loop
    std::chrono::milliseconds duration{10000};
    const std::atomic<bool>* stop = nullptr; // ends the load early; null: duration alone
    double infected = 0.02;                  // share of the messages
    std::size_t body_bytes = 3000;           // text; every message also carries an attachment of a third of this size
    unsigned messages_per_session = 20;
    std::uint64_t seed = 1;
};

struct LoadFigures {
    std::uint64_t messages = 0; // answered
    std::uint64_t wrong = 0;    // infected ones that passed, or clean ones that were refused
    std::uint64_t tempfails = 0;
    std::uint64_t lost = 0; // the connection ended where an answer was due
    double seconds = 0;
    std::vector<double> latencies; // seconds, sorted
    double longest_gap = 0;        // seconds without any answer, from the first to the last

    [[nodiscard]] double throughput() const { return seconds > 0 ? static_cast<double>(messages) / seconds : 0; }
    // 0 ≤ share ≤ 1; 0 if there was no message.
    [[nodiscard]] double quantile(double share) const;
    // "1234 messages, 56.7/s, p50 1.2 ms, p99 3.4 ms, max 5.6 ms, longest gap 7.8 ms, 0 wrong, 0 tempfail, 0 lost"
    [[nodiscard]] std::string text() const;
};

// Runs the load and waits for its end. Throws nothing: failures are counted as lost.
[[nodiscard]] LoadFigures run_load(const LoadOptions& options);

// A mail with a text and an attachment that differ with `seed`, so that libclamav's cache of clean files cannot answer.
[[nodiscard]] std::string varied_mail(std::size_t body_bytes, std::uint64_t seed, bool infected);

} // namespace evermilter::bench
