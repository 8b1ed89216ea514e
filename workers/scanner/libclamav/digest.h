// SHA-256 with libclamav's own functions (they are OpenSSL's, which libclamav links already).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace evermilter::scanner {

class Digest {
  public:
    Digest();

    void add(std::span<const std::byte> bytes);
    void add(std::string_view text);
    // Lower-case hexadecimal, 64 characters; empty when libcrypto failed. Once only.
    [[nodiscard]] std::string finish();

  private:
    struct Destroy {
        void operator()(void* context) const noexcept;
    };
    std::unique_ptr<void, Destroy> context_;
    bool failed_ = false;
};

} // namespace evermilter::scanner
