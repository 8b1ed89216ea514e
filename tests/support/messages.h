// Mails to scan. All line ends are CRLF unless a builder says otherwise. EICAR is put together at run time, so that no
// scanner finds it in this source.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evermilter::test {

[[nodiscard]] std::string eicar();

struct Part {
    std::string headers; // whole lines
    std::string body;
};

// "From", "To", "Subject", "Message-ID" lines.
[[nodiscard]] std::string ordinary_headers(std::string_view subject = "test");
[[nodiscard]] std::string clean_mail(std::string_view text = "Nothing to see here.");
[[nodiscard]] std::string multipart_mail(const std::vector<Part>& parts);
[[nodiscard]] Part text_part(std::string_view text);
[[nodiscard]] Part attachment(std::string_view name, std::string_view content); // base64

[[nodiscard]] std::string eicar_in_body();
[[nodiscard]] std::string eicar_attached();
[[nodiscard]] std::string eicar_in_zip();
[[nodiscard]] std::string forwarded(const std::string& mail); // as message/rfc822

[[nodiscard]] std::string base64(std::string_view bytes); // in lines of 76, CRLF
struct ZipEntry {
    std::string name;
    std::string content;
};
// Deflated (fixed codes, literals only), so that the archive does not show its content unchanged.
[[nodiscard]] std::string zip(const std::vector<ZipEntry>& entries);

// A text that costs libclamav about 2^(cost - 24) s of one CPU with the signature of slow_database() (measured: 24 is
// 1.1 s). libclamav cannot interrupt it; above 34 the scan does not end.
[[nodiscard]] std::string slow_text(unsigned cost);
inline constexpr const char* kSlowMark = "everslow"; // every such text contains it

// Bytes that differ with `seed`, so that libclamav's cache of clean files cannot answer.
[[nodiscard]] std::string noise(std::size_t size, unsigned seed);

} // namespace evermilter::test
