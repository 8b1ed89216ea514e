// database.site_signatures: a site's own signatures, as lines of mail, made into a database for libclamav.
//   NAME =
//   first line as it stands in the mail
//   the next one
// An empty line ends a signature, and so does the next name. Lines that begin with # between signatures do not count.
// Pure but for those that read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "workers/common/base/result.h"

namespace evermilter::scanner {

// The file of the snapshot that holds them.
inline constexpr const char* kSiteDatabase = "evermilter-site.ndb";

// Of one signature, without line ends, in bytes. A shorter one would be found in ordinary mail; a longer one does not
// fit a line of libclamav's (8,192 bytes; readdb.c), and says no more.
inline constexpr std::size_t kShortestSignature = 16;
inline constexpr std::size_t kLongestSignature = 3500;
// The largest file that is taken, in bytes.
inline constexpr std::size_t kLargestSiteFile = std::size_t{1} << 20U;

// The lines of an .ndb database, each ended; "" where the file has no signature. A line end of a signature fits CR LF
// and LF. An Error says "PATH:LINE: what is wrong, and the remedy".
[[nodiscard]] Result<std::string> compile_site_signatures(std::string_view text, const std::string& path);

// How many there are in a snapshot; 0 where it has none.
[[nodiscard]] std::uint64_t count_site_signatures(const std::string& snapshot);

// What compile_site_signatures() makes of a file. An Error has the errno of what could not be read; 0: a line is wrong.
[[nodiscard]] Result<std::string> read_site_signatures(const std::string& path);

} // namespace evermilter::scanner
