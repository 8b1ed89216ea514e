// Files that carry the marker, or nothing, in every container that libclamav opens and some that it does not: ordinary,
// and with a gap, which is what a scanner may pass over: too large, too many, encrypted, of an unknown method, cut off,
// nested too deep. The marker is before the gap, in it or behind it. All rows are the same bytes each time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"

namespace evermilter::corpus {

enum class Expect {
    clean,       // nothing in it, nothing odd about it
    found,       // infected, where clamscan without limits finds it; never clean elsewhere
    never_clean, // infected, incomplete or an error
};

struct Row {
    std::string name;  // "zip/deflate/too large/behind"
    std::string mail;  // as a client sends it
    std::string other; // the same file in another mail; empty where the mail itself is the row
    std::string file;  // the file alone; empty likewise
    Expect expect = Expect::never_clean;
    // Only where clamscan finds the row of this name: it may know the format and still fail at this kind of it, and
    // then a file of it is rightly called incomplete.
    std::string only_if_found = "";
};

// "evermilter corpus marker: found nowhere else"
[[nodiscard]] std::string marker();
// Signatures of the marker (anywhere in a file), of one that only a regular expression finds, and of the file that
// ClamAV's tests pack.
void write_marker_database(const std::filesystem::path& folder);
// Limits that files of a few hundred KiB exceed; `ordinary` rows are below all of them.
void set_small_limits(config::Scanner& scanner);

[[nodiscard]] std::vector<Row> zip_rows();
[[nodiscard]] std::vector<Row> seven_zip_rows();
[[nodiscard]] std::vector<Row> tape_rows();      // tar, cpio, ar, iso9660, xar
[[nodiscard]] std::vector<Row> stream_rows();    // gz, bz2, xz, …
[[nodiscard]] std::vector<Row> old_rows();       // cab, arj, lha, egg, alz, rar, szdd
[[nodiscard]] std::vector<Row> document_rows();  // pdf, rtf, ole2, swf, tnef, html, text
[[nodiscard]] std::vector<Row> mail_rows();      // encodings and types of mail itself
[[nodiscard]] std::vector<Row> test_file_rows(); // Debian's clamav-testfiles; none where they are not installed
// Some that exceed the limits of a default configuration.
[[nodiscard]] std::vector<Row> large_rows();

// Makes rows of attached files.
class Rows {
  public:
    void add(const std::string& name, const std::string& file_name, const std::string& content,
             Expect expect = Expect::never_clean, const std::string& only_if_found = "");
    void add_mail(const std::string& name, const std::string& mail, Expect expect = Expect::never_clean);
    [[nodiscard]] std::vector<Row> take() { return std::move(rows_); }

  private:
    std::vector<Row> rows_;
};

} // namespace evermilter::corpus
