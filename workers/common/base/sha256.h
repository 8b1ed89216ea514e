// SHA-256 by libcrypto. A sum that libcrypto could not make is none, never a wrong one. Who uses it links
// evermilter_sha256: the supervisor does not, and needs no libcrypto.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace evermilter {

class Sha256 {
  public:
    using Sum = std::array<unsigned char, 32>;

    Sha256();

    void add(std::string_view bytes);
    void add(std::span<const std::byte> bytes);
    // Once only. nullopt when libcrypto failed, here or before.
    [[nodiscard]] std::optional<Sum> finish();
    // The same in lower-case hexadecimal, 64 characters; empty when libcrypto failed.
    [[nodiscard]] std::string finish_text();

    // Sets libcrypto up; false if it cannot be. At the start of a process that may be short of memory later: libcrypto
    // 3.0 sets itself up at its first use, and crashes where memory is short then (measured: a null lock).
    [[nodiscard]] static bool prepare();

  private:
    struct Free {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, Free> context_;
    bool good_ = false;
};

} // namespace evermilter
