// Archives and compressed streams in memory, written by libarchive. The same input gives the same bytes: all times are
// fixed. Every failure is a std::runtime_error with libarchive's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace evermilter::corpus {

struct Member {
    std::string name;
    std::string content;
};

struct ArchiveForm {
    std::string format;          // as archive_write_set_format_by_name(3) knows it: "zip", "7zip", "ustar", "newc", …
    std::string filter = "none"; // as archive_write_add_filter_by_name(3) knows it: "gzip", "bzip2", "xz", …
    std::string options = "";    // as archive_write_set_options(3) takes them: "zip:compression=store"
    std::string password = "";
};

[[nodiscard]] std::string archive(const ArchiveForm& form, const std::vector<Member>& members);
// `bytes` through one filter: a .gz, .bz2, .xz, .lzma, .zst, .Z
[[nodiscard]] std::string filtered(const std::string& filter, std::string_view bytes);
[[nodiscard]] std::string deflated(std::string_view bytes); // RFC 1951, without a header
[[nodiscard]] std::string zlibbed(std::string_view bytes);  // RFC 1950

} // namespace evermilter::corpus
