// Clean mail of ordinary kinds: what mail programs, lists, calendars, scanners of documents and mail servers send every
// day, in all transfer encodings and many charsets. Mail number n is always the same bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace evermilter::corpus {

struct Mail {
    std::string kind; // "multipart/alternative in koi8-r, base64"
    std::string text; // CRLF, headers first
};

// The mails that need no files of the machine: about 130 kinds, repeated with other texts, charsets and sizes.
[[nodiscard]] Mail ordinary_mail(std::uint64_t number);

// The file as an attachment, in one of the ways in which mail programs attach.
[[nodiscard]] Mail mail_with_file(const std::string& name, const std::string& content, std::uint64_t number);

// A type guessed from the end of the name, as mail programs do.
[[nodiscard]] std::string media_type(const std::string& name);

} // namespace evermilter::corpus
