// Files that carry the marker, or nothing, in every container that libclamav opens and some that it does not: ordinary
// ones, and ones with a gap, a part that a scanner may pass over because it is too large, one of too many, encrypted,
// of an unknown method, cut off, or nested too deep. The marker is before the gap, in it or after it. All rows are the
// same bytes each time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"

namespace evermilter::corpus {

enum class Expect {
    clean,       // nothing in it, nothing odd about it
    found,       // infected if clamscan without limits finds it; otherwise never clean
    never_clean, // infected, incomplete or an error
};

struct Row {
    std::string name;  // "zip/deflate/too large/behind"
    std::string mail;  // as a client sends it
    std::string other; // the same file in another mail; empty if the mail itself is the row
    std::string file;  // the file alone; empty likewise
    Expect expect = Expect::never_clean;
    // Only if clamscan finds the row of this name: clamscan may know the format and still fail at this kind of it, and
    // then it is right to call a file of it incomplete.
    std::string only_if_found = "";
};

// "evermilter corpus marker: found nowhere else"
[[nodiscard]] std::string marker();
// Signatures of the marker (anywhere in a file), of a marker that only a regular expression finds, and of the file that
// ClamAV's tests pack.
void write_marker_database(const std::filesystem::path& folder);
// Limits that files of a few hundred KiB exceed; `ordinary` rows stay below all of them.
void set_small_limits(config::Scanner& scanner);

[[nodiscard]] std::vector<Row> zip_rows();
[[nodiscard]] std::vector<Row> seven_zip_rows();
[[nodiscard]] std::vector<Row> tape_rows();      // tar, cpio, ar, iso9660, xar
[[nodiscard]] std::vector<Row> stream_rows();    // gz, bz2, xz, …
[[nodiscard]] std::vector<Row> old_rows();       // cab, arj, lha, egg, alz, rar, szdd
[[nodiscard]] std::vector<Row> document_rows();  // pdf, rtf, ole2, swf, tnef, html, text
[[nodiscard]] std::vector<Row> mail_rows();      // encodings and types of mail itself
[[nodiscard]] std::vector<Row> test_file_rows(); // Debian's clamav-testfiles; none if they are not installed
// Some rows that exceed the limits of a default configuration.
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
