// Documents that carry files: OLE2, RTF, SWF, PDF with a chain of filters.
#pragma once

#include <string>
#include <vector>

#include "tests/corpus/archive.h"

namespace evermilter::corpus {

// A compound file ([MS-CFB]) with these streams, each of which starts at a sector of its own.
[[nodiscard]] std::string ole2(const std::vector<Member>& streams);
// The data of a "\1Ole10Native" stream: a packaged file.
[[nodiscard]] std::string ole_package(const std::string& name, const std::string& content);
[[nodiscard]] std::string rtf_object(const std::vector<Member>& files);
[[nodiscard]] std::string swf(char kind, const std::string& content); // 'C': zlib, 'Z': LZMA, 'F': as it is

// One page, and one stream for each of `streams`, whose dictionary has `filter` ("/FlateDecode") and whose bytes are
// written unchanged. With `encrypted` the file says that it needs a password.
struct PdfStream {
    std::string filter;
    std::string bytes;
};
[[nodiscard]] std::string pdf_of_streams(const std::vector<PdfStream>& streams, bool encrypted = false);
[[nodiscard]] std::string ascii_hex(const std::string& bytes);
[[nodiscard]] std::string ascii85(const std::string& bytes);

} // namespace evermilter::corpus
