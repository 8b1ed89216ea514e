// Small documents and pictures of the kinds that people attach, made from a number: the same number gives the same
// bytes. They are valid as far as programs that open them check.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace evermilter::corpus {

struct Document {
    std::string name; // "report 12.docx"
    std::string content;
};

// "docx", "xlsx", "pptx", "odt", "epub", "jar", "pdf", "png", "gif", "svg", "html", "csv", "txt", "json", "xml", "rtf",
// "ics", "vcf", "zip", "gz", "tar.gz", "bz2", "xz", "7z", "log", "patch". `size` is the approximate size of the content
// before any compression.
[[nodiscard]] std::vector<std::string> document_kinds();
[[nodiscard]] Document document(const std::string& kind, std::uint64_t number, std::size_t size = 20000);

// Words that make sentences, in lines of at most 76 characters that end with `line_end`.
[[nodiscard]] std::string prose(std::size_t size, std::uint64_t number, const std::string& line_end = "\r\n");
// A newsletter as newsletter programs write it: tables, styles, tracking links.
[[nodiscard]] std::string newsletter(std::size_t size, std::uint64_t number);

// The content of a PDF: one page that shows `text`, its streams deflated or not.
[[nodiscard]] std::string pdf(const std::string& text, bool deflate, const std::string& attached = "");
[[nodiscard]] std::string png(unsigned width, unsigned height, std::uint64_t number);

} // namespace evermilter::corpus
