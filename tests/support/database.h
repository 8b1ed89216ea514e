// Small signature databases, written wherever a test wants them. libclamav adds ".UNOFFICIAL" to every name.
#pragma once

#include <filesystem>
#include <string>

namespace evermilter::test {

inline constexpr const char* kEicarName = "Evermilter.Test.Eicar.UNOFFICIAL";

// EICAR at any offset of any file, as eicar.ndb.
void write_eicar_database(const std::filesystem::path& folder);
// The signature that makes slow_text() (messages.h) slow, as slow.ldb. It needs scanner.pcre_match_limit = 4e9 and
// scanner.pcre_rec_match_limit = 1e6: with libclamav's own limits it costs nothing.
void write_slow_database(const std::filesystem::path& folder);
// `count` signatures by MD5, as bulk.hdb: 400,000 take libclamav about half a second to load.
void write_bulk_database(const std::filesystem::path& folder, unsigned count);
// A signature that finds `content` anywhere, as NAME.ndb.
void write_signature(const std::filesystem::path& folder, const std::string& name, const std::string& content);

} // namespace evermilter::test
