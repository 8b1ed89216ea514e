// The milter protocol's letters and bits, as far as this program names them. Source: libmilter's mfdef.h and mfapi.h; a
// unit test of the session worker, which has these headers, compares them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace evermilter::milter {

// What a mail server sends (SMFIC_*).
namespace command {
inline constexpr char kNone = '\0'; // not known, or there is none
inline constexpr char kAbort = 'A';
inline constexpr char kBody = 'B';
inline constexpr char kConnect = 'C';
inline constexpr char kMacros = 'D';
inline constexpr char kEndOfMessage = 'E';
inline constexpr char kHelo = 'H';
inline constexpr char kQuitNewConnection = 'K'; // a further SMTP session follows on the connection
inline constexpr char kHeader = 'L';
inline constexpr char kMail = 'M';
inline constexpr char kEndOfHeaders = 'N';
inline constexpr char kNegotiate = 'O';
inline constexpr char kQuit = 'Q';
inline constexpr char kRcpt = 'R';
inline constexpr char kData = 'T';
inline constexpr char kUnknown = 'U'; // an SMTP command that the mail server does not know
} // namespace command

// What a milter answers (SMFIR_*).
namespace reply {
inline constexpr char kAccept = 'a';
inline constexpr char kContinue = 'c';
inline constexpr char kDiscard = 'd';
inline constexpr char kAddHeader = 'h';
inline constexpr char kInsertHeader = 'i';
inline constexpr char kChangeHeader = 'm';
inline constexpr char kProgress = 'p';
inline constexpr char kQuarantine = 'q';
inline constexpr char kReject = 'r';
inline constexpr char kSkip = 's';
inline constexpr char kTempfail = 't';
inline constexpr char kReplyCode = 'y';
} // namespace reply

// The steps of a negotiation (SMFIP_*): what the milter does not want to be sent, what it does not reply to.
namespace step {
inline constexpr std::uint32_t kNoConnect = 0x1;
inline constexpr std::uint32_t kNoHelo = 0x2;
inline constexpr std::uint32_t kNoMail = 0x4;
inline constexpr std::uint32_t kNoRcpt = 0x8;
inline constexpr std::uint32_t kNoBody = 0x10;
inline constexpr std::uint32_t kNoHeaders = 0x20;
inline constexpr std::uint32_t kNoEndOfHeaders = 0x40;
inline constexpr std::uint32_t kNoReplyHeader = 0x80;
inline constexpr std::uint32_t kNoData = 0x200;
inline constexpr std::uint32_t kNoReplyConnect = 0x1000;
inline constexpr std::uint32_t kNoReplyHelo = 0x2000;
inline constexpr std::uint32_t kNoReplyMail = 0x4000;
inline constexpr std::uint32_t kNoReplyRcpt = 0x8000;
inline constexpr std::uint32_t kNoReplyData = 0x10000;
inline constexpr std::uint32_t kNoReplyEndOfHeaders = 0x40000;
inline constexpr std::uint32_t kNoReplyBody = 0x80000;
inline constexpr std::uint32_t kHeaderLeadingSpace = 0x100000;
inline constexpr std::uint32_t kAll = 0x1fffff; // of version 6
} // namespace step

inline constexpr std::uint32_t kLowestVersion = 2;  // SMFI_PROT_VERSION_MIN of libmilter.h, which is not installed
inline constexpr std::uint32_t kHighestVersion = 6; // SMFI_PROT_VERSION
inline constexpr std::uint32_t kAllActions = 0x1ff; // SMFI_CURR_ACTS: every change that version 6 knows

// The largest piece of a body in one packet, in bytes (MILTER_CHUNK_SIZE).
inline constexpr std::size_t kLargestChunk = 65535;
// The most data of a packet, in bytes, that can be negotiated (MILTER_MDS_1M of mfdef.h, where that is negotiated at
// all).
inline constexpr std::size_t kLargestData = 1024UL * 1024 - 1;

} // namespace evermilter::milter
