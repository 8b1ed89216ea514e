// Writes mail as ordinary mail programs write it: transfer encodings, charsets, header words, multiparts. Line ends are
// CRLF. It fails only with std::runtime_error, if the C library lacks a charset that a caller insists on.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evermilter::corpus {

enum class Encoding { seven_bit, eight_bit, quoted_printable, base64 };
[[nodiscard]] const char* encoding_name(Encoding encoding); // as written in Content-Transfer-Encoding

// UTF-8 in another charset; nothing if the C library does not know the charset or the text does not fit into it.
[[nodiscard]] std::optional<std::string> in_charset(std::string_view utf8, const std::string& charset);

[[nodiscard]] std::string quoted_printable(std::string_view text); // RFC 2045, 6.7; CRLF stays a line end
[[nodiscard]] std::string uuencoded(std::string_view bytes, const std::string& name);
[[nodiscard]] std::string binhex(std::string_view bytes, const std::string& name); // RFC 1741, data fork only
[[nodiscard]] std::string crlf(std::string_view text);                             // LF made CRLF

// RFC 2047: words of base64 ('B') or quoted-printable ('Q'), folded.
[[nodiscard]] std::string encoded_words(std::string_view bytes, const std::string& charset, char kind);
// RFC 2231: NAME*=charset''percent, or with continuations NAME*0*=…; NAME*1*=…
[[nodiscard]] std::string extended_parameter(const std::string& name, std::string_view bytes,
                                             const std::string& charset, bool continued);

// One part: its header lines (whole, CRLF) and its body as sent.
struct Entity {
    std::string headers;
    std::string body;
    [[nodiscard]] std::string text() const { return headers + "\r\n" + body; }
};

[[nodiscard]] Entity leaf(const std::string& type, std::string_view content, Encoding encoding,
                          const std::string& more_headers = "");
// TYPE is "mixed", "alternative; charset=…"; the boundary is quoted.
[[nodiscard]] Entity multipart(const std::string& type, const std::string& boundary, const std::vector<Entity>& parts,
                               const std::string& preamble = "", const std::string& epilogue = "");
[[nodiscard]] Entity enclosed(const Entity& mail); // message/rfc822

} // namespace evermilter::corpus
