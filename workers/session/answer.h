// What a callback may return to libmilter. Each command of the MTA gets one answer, or none where the MTA awaits none;
// so how many answers a packet gets depends on the packet alone, never on whether a callback did its work or failed.
// A callback says what it came to in a type that has no other answers, and only these functions make a return value of
// it. Pure; they cannot fail.
//
// libmilter's rules (engine.c, sendreply and st_bodyend, 8.17.1): it sends what xxfi_eom and the commands return. For
// headers, end of headers and body SMFIP_NR_HDR, _EOH and _BODY are always negotiated (libmilter plays them to an MTA
// that lacks them), so SMFIS_NOREPLY is their return value. A chunk that comes in one packet with the end of the
// message (SMFIC_BODYEOB) is another matter: libmilter sends whatever xxfi_body returns but SMFIS_CONTINUE, does not
// call xxfi_eom, and then sends it again; of SMFIS_NOREPLY it sends nothing, ever.
#pragma once

#include <libmilter/mfapi.h>

#include <cstdint>

namespace evermilter::session {

// Negotiation, CONNECT, HELO, MAIL, RCPT, DATA. A refused negotiation closes the connection; the others are a 4xx, or
// a 5xx where they are refused for good.
enum class Go : std::uint8_t { on, refused, refused_for_good };

// End of message.
enum class Final : std::uint8_t { accept, reject, tempfail, discard };

[[nodiscard]] sfsistat answer_command(Go go) noexcept;
// Header and end of headers.
[[nodiscard]] sfsistat answer_header() noexcept;
// Body; `command` is that of the packet that the chunk came in, '\0' where that is not known.
[[nodiscard]] sfsistat answer_chunk(char command) noexcept;
[[nodiscard]] sfsistat answer_end_of_message(Final final) noexcept;
// Abort and close, of which libmilter looks at no return value.
[[nodiscard]] sfsistat answer_nothing() noexcept;

} // namespace evermilter::session
