// Collects one message as the scanners will see it: a synthetic Received: field, the headers as they came by SMTP,
// an empty line, the body verbatim. Held in a memfd up to 1 MiB, beyond it or past the memory budget in an unlinked
// file of the spool directory. A failure is kept (state() is failed), and finish() returns it: from then on nothing is
// stored, and the message gets actions.error. One thread at a time uses a store.
//
// "Received: " is what makes libclamav take it for a mail whatever comes next. No mbox line `From ` stands before it:
// that makes libclamav split the message at each later line of the body that begins with `From ` after an empty one,
// and a base64 attachment behind such a line passes (measured with 1.4.6: OK with `From `, found without).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/scanning/memory_budget.h"

namespace evermilter::scanning {

// What the synthetic Received: field says. Clients choose most of it: whatever cannot stand in a header line is
// replaced, long values are cut.
struct Preamble {
    std::string sender;   // envelope sender, with or without angle brackets; empty: the null sender
    std::string helo;     // what the client said, may be empty
    std::string client;   // its name or address, may be empty
    std::string host;     // the MTA's own name ({j}), may be empty
    std::string queue_id; // may be empty
    std::time_t received = 0;
};

struct StoreSettings {
    std::uint64_t max_size = 0;  // message.max_size in bytes, of headers and body as they came
    std::string spool_directory; // message.spool_directory
};

enum class StoreState : std::uint8_t {
    collecting,
    oversize, // past max_size: what was stored is freed, the rest is ignored
    failed,   // out of memory and spool: freed likewise; error() has the reason
    finished,
};

// A finished message. `fd` is a sealed memfd or a read-only descriptor of an unlinked file; scanners read it with
// pread(2) from 0 on. The budget's bytes are given back when the object ends.
struct StoredMessage {
    unique_fd fd;
    std::uint64_t size = 0;          // bytes, synthetic lines included
    std::uint64_t header_offset = 0; // where the message's own header begins in `fd`, behind the synthetic lines
    std::uint64_t body_offset = 0;   // where its body begins
    BudgetShare memory;
};

class MessageStore {
  public:
    // The most of a message that is kept in memory, in bytes.
    static constexpr std::uint64_t kMemoryLimit = std::uint64_t{1024} * 1024;
    // What is gathered before a write(2), in bytes.
    static constexpr std::size_t kBuffer = std::size_t{32} * 1024;

    // Allocates nothing. `settings` and `budget` must outlive the store.
    MessageStore(const StoreSettings& settings, MemoryBudget& budget) : settings_(&settings), budget_(&budget) {}

    // A new message: forgets what was there. Call at MAIL (or before the first header). Nothing large is allocated
    // before the first header, body or finish().
    void begin(Preamble preamble);

    // One header, and a chunk below, do not throw: out of memory is a failure like any other. `leadspc`:
    // SMFIP_HDR_LEADSPC was negotiated, so `value` begins with what followed the colon; without it one space is put
    // between. MTAs pass folded lines with a bare LF: they get their CR back.
    void add_header(std::string_view name, std::string_view value, bool leadspc) noexcept;
    // The empty line. Implied by add_body() and finish(); later calls do nothing.
    void end_of_headers() noexcept;
    // A chunk, any bytes.
    void add_body(std::string_view chunk) noexcept;

    [[nodiscard]] StoreState state() const noexcept { return state_; }
    // Only when failed.
    [[nodiscard]] Error error() const;
    // Bytes of headers and body so far, also of what was not stored.
    [[nodiscard]] std::uint64_t seen() const noexcept { return seen_; }

    // Something else went wrong with this message: what was stored is freed, the rest is ignored. Needs no memory;
    // `reason` is kept: a constant.
    void fail(const char* reason) noexcept;

    // Ends the message. Valid also without a header and a body. An Error when the state is failed or oversize
    // (ask state() first), or when the last bytes cannot be stored. Call once a message.
    [[nodiscard]] Result<StoredMessage> finish();

    // Frees everything: abort, close, RSET.
    void clear() noexcept;

  private:
    enum class Place : std::uint8_t { none, memory, spool };

    void start_if_new() noexcept;
    [[nodiscard]] bool count(std::uint64_t bytes) noexcept;
    void append(std::string_view bytes) noexcept;
    void fail(Error error) noexcept;
    void flush();
    [[nodiscard]] Result<void> write_out(std::string_view bytes);
    [[nodiscard]] Result<void> open_memory();
    [[nodiscard]] Result<void> move_to_spool();
    void drop() noexcept;

    const StoreSettings* settings_;
    MemoryBudget* budget_;
    Preamble preamble_;
    StoreState state_ = StoreState::collecting;
    Place place_ = Place::none;
    bool started_ = false;      // the synthetic field is written
    bool headers_over_ = false; // the empty line is written
    std::uint64_t seen_ = 0;
    std::uint64_t written_ = 0; // bytes in file_
    std::uint64_t header_offset_ = 0;
    std::uint64_t body_offset_ = 0;
    std::string buffer_;
    unique_fd file_;
    BudgetShare memory_;
    Error error_;
    const char* reason_ = ""; // where error_ has no text
};

} // namespace evermilter::scanning
