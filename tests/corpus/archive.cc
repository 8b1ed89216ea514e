#include "tests/corpus/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <memory>
#include <stdexcept>

namespace evermilter::corpus {
namespace {

using Writer = std::unique_ptr<::archive, decltype(&::archive_write_free)>;
using Entry = std::unique_ptr<::archive_entry, decltype(&::archive_entry_free)>;

void need(int code, ::archive* writer, const std::string& what) {
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) {
        const char* said = ::archive_error_string(writer);
        throw std::runtime_error("libarchive: " + what + ": " + (said != nullptr ? said : "no reason given"));
    }
}

la_ssize_t append(::archive*, void* out, const void* bytes, std::size_t size) noexcept {
    static_cast<std::string*>(out)->append(static_cast<const char*>(bytes), size);
    return static_cast<la_ssize_t>(size);
}

} // namespace

std::string archive(const ArchiveForm& form, const std::vector<Member>& members) {
    std::string out;
    const Writer writer(::archive_write_new(), &::archive_write_free);
    const auto check = [&](int code, const std::string& what) { need(code, writer.get(), what); };
    check(::archive_write_set_format_by_name(writer.get(), form.format.c_str()), form.format);
    if (form.filter != "none")
        check(::archive_write_add_filter_by_name(writer.get(), form.filter.c_str()), form.filter);
    if (!form.options.empty()) check(::archive_write_set_options(writer.get(), form.options.c_str()), form.options);
    if (!form.password.empty()) check(::archive_write_set_passphrase(writer.get(), form.password.c_str()), "password");
    check(::archive_write_set_bytes_in_last_block(writer.get(), 1), "block size");
    check(::archive_write_open(writer.get(), &out, nullptr, append, nullptr), "open");
    for (const Member& member : members) {
        const Entry entry(::archive_entry_new(), &::archive_entry_free);
        ::archive_entry_set_pathname(entry.get(), member.name.c_str());
        ::archive_entry_set_size(entry.get(), static_cast<la_int64_t>(member.content.size()));
        ::archive_entry_set_filetype(entry.get(), AE_IFREG);
        ::archive_entry_set_perm(entry.get(), 0644);
        ::archive_entry_set_mtime(entry.get(), 1'700'000'000, 0);
        check(::archive_write_header(writer.get(), entry.get()), member.name);
        if (!member.content.empty() &&
            ::archive_write_data(writer.get(), member.content.data(), member.content.size()) < 0)
            need(ARCHIVE_FATAL, writer.get(), member.name);
        check(::archive_write_finish_entry(writer.get()), member.name);
    }
    check(::archive_write_close(writer.get()), "close");
    return out;
}

std::string filtered(const std::string& filter, std::string_view bytes) {
    // A gzip header holds the time, unless it is left out.
    return archive({"raw", filter, filter == "gzip" ? "gzip:!timestamp" : ""}, {{"data", std::string(bytes)}});
}

std::string deflated(std::string_view bytes) {
    const std::string gz = filtered("gzip", bytes);
    return gz.substr(10, gz.size() - 18); // RFC 1952: 10 bytes before, CRC and size after
}

std::string zlibbed(std::string_view bytes) {
    std::uint32_t low = 1;
    std::uint32_t high = 0;
    for (const char byte : bytes) {
        low = (low + static_cast<unsigned char>(byte)) % 65521;
        high = (high + low) % 65521;
    }
    std::string out = "\x78\x9c" + deflated(bytes);
    for (const std::uint32_t half : {high, low}) {
        out += static_cast<char>(half >> 8U);
        out += static_cast<char>(half & 0xffU);
    }
    return out;
}

} // namespace evermilter::corpus
