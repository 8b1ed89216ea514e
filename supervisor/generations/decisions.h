// What was decided about contents and must outlive the supervisor: that reloading by itself is held, by whom and why,
// and which contents were rejected. One file in database.state_directory, "decisions", written whenever it changes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evermilter::supervisor {

struct Hold {
    std::string by;
    std::string why;
    std::int64_t since = 0;     // Unix time
    std::uint64_t snapshot = 0; // what is served meanwhile, 0: none was active
    std::string digest;         // of it, empty: not known
    bool operator==(const Hold&) const = default;
};

// A content that a rollback left, or that a load refused for what it is.
struct RejectedContent {
    std::string digest;
    std::string why;
    std::int64_t at = 0; // Unix time
    bool operator==(const RejectedContent&) const = default;
};

struct Decisions {
    std::optional<Hold> hold;
    std::vector<RejectedContent> rejected; // oldest first, at most kMostRejected
    bool operator==(const Decisions&) const = default;

    static constexpr std::size_t kMostRejected = 32;

    [[nodiscard]] bool rejects(const std::string& digest) const;
    void reject(const std::string& digest, const std::string& why, std::int64_t at);
    // Somebody has chosen it again.
    void accept(const std::string& digest);
};

// As the file holds it.
[[nodiscard]] std::string to_text(const Decisions& decisions);
// nullopt: it is damaged. The text is from a folder that others may write: bounded, and nothing of it is trusted.
[[nodiscard]] std::optional<Decisions> parse_decisions(const std::string& text);

} // namespace evermilter::supervisor
