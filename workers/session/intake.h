// The account of the message that a session receives, kept apart from the store and before anything that can fail: is
// there a message, has a callback failed, how many bytes have come. At its end the store must hold just as many, or the
// message is a failure. Allocates nothing and throws nothing. One thread at a time uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evermilter::session {

class Intake {
  public:
    Intake() = default; // no message

    // MAIL was accepted with all that belongs to it.
    void begin() noexcept { *this = Intake(State::receiving); }
    // The message is answered, refused or aborted.
    void over() noexcept { *this = Intake(State::none); }

    // First thing in their callbacks. `leadspc` as in MessageStore::add_header().
    void header(std::string_view name, std::string_view value, bool leadspc) noexcept;
    void body(std::size_t size) noexcept { bytes_ += size; }

    // What has come is not all of the message any more. `reason` is kept: a constant. The first one counts.
    void fail(const char* reason) noexcept;

    [[nodiscard]] bool receiving() const noexcept { return state_ != State::none; }
    // Why it must not be scanned: fail()'s reason, or that no MAIL was accepted. nullptr: it may.
    [[nodiscard]] const char* failure() const noexcept;
    // What came, in bytes as they are stored: headers with CRLF, the empty line, the body.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    enum class State : std::uint8_t { none, receiving, failed };
    static constexpr std::uint64_t kEmptyLine = 2;

    explicit Intake(State state) noexcept : state_(state) {}

    State state_ = State::none;
    const char* reason_ = "";
    std::uint64_t bytes_ = kEmptyLine;
};

} // namespace evermilter::session
