// The secret by which a session worker knows the messages of `evermilterctl probe`, which are no mail and are not
// counted as such. The supervisor makes one at its start, writes it on each worker's board, and tells it who asks on
// the status socket; the probe sends it as a macro, which no SMTP client can. A message that is taken for a probe's is
// scanned and answered like any other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace evermilter {

using ProbeKey = std::array<std::uint64_t, 2>; // all zero: none

// The macro of SMFIC_CONNECT that carries it.
inline constexpr const char* kProbeMacro = "{evermilter_probe}";
// A probe's messages are shorter; a longer one is mail, whatever came with it.
inline constexpr std::uint64_t kLongestProbe = 4096;

// Of the kernel's random numbers; none where it gives none.
[[nodiscard]] ProbeKey make_probe_key() noexcept;
// 32 hexadecimal digits; "" for none.
[[nodiscard]] std::string probe_key_text(const ProbeKey& key);
// Whether `text` is the text of this key; never for none. Takes as long for a wrong digit wherever it stands.
[[nodiscard]] bool is_probe_key(const ProbeKey& key, std::string_view text);

} // namespace evermilter
