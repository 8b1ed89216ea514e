#include "tests/corpus/containers.h"

#include "tests/corpus/documents.h"
#include "tests/support/database.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"

namespace evermilter::corpus {
namespace {

void add_too_large(Rows& rows, const Container& c) {
    const auto row = [&](const std::string& where, const std::vector<Member>& members) {
        std::vector<Member> all = c.before;
        all.insert(all.end(), members.begin(), members.end());
        // With methods that only store, this would make a mail that is itself too large.
        const std::string made = c.make(all);
        rows.add(c.name + (c.stores ? " in gz" : "") + "/too large/" + where,
                 "a" + c.extension + (c.stores ? ".gz" : ""), c.stores ? filtered("gzip", made) : made);
    };
    const std::string large = bulk(kTooLarge);
    row("at its head", {{"large.txt", marker() + "\n" + large}});
    row("at its tail", {{"large.txt", large + "\n" + marker() + "\n"}});
    if (c.one_member) return;
    row("before", {marked_member(c.stores), {"large.txt", large}});
    row("behind", {{"large.txt", large}, marked_member(c.stores)});
    row("between", {{"a.txt", large}, marked_member(c.stores), {"b.txt", bulk(kTooLarge, 2)}});
}

void add_too_many(Rows& rows, const Container& c) {
    if (c.one_member) return;
    for (const bool first : {true, false}) {
        std::vector<Member> members = c.before;
        if (first) members.push_back(marked_member(c.stores));
        for (unsigned number = 0; number < kTooMany; ++number)
            members.push_back({"f" + std::to_string(number) + ".txt", "file number " + std::to_string(number) + "\n"});
        if (!first) members.push_back(marked_member(c.stores));
        rows.add(c.name + "/too many/" + (first ? "before" : "behind"), "a" + c.extension, c.make(members));
    }
}

void add_cut_off(Rows& rows, const Container& c) {
    if (!c.knows_end) return;
    std::vector<Member> members = c.before;
    if (!c.one_member) members.push_back({"first.bin", test::noise(3000, 1)});
    Member marked = marked_member(c.stores);
    if (c.one_member) marked.content = test::noise(3000, 1) + marked.content + test::noise(3000, 2);
    members.push_back(marked);
    if (!c.one_member) members.push_back({"last.bin", test::noise(3000, 2)});
    const std::string whole = c.make(members);
    const struct {
        const char* where;
        std::size_t size;
    } cuts[] = {{"a quarter is there", whole.size() / 4},
                {"half is there", whole.size() / 2},
                {"three quarters are there", whole.size() / 4 * 3},
                {"ten bytes are missing", whole.size() - 10}};
    for (const auto& cut : cuts) {
        const std::string left = whole.substr(0, cut.size);
        if (left.find_first_not_of('\0') == std::string::npos) continue; // the image begins with zeros
        rows.add(c.name + "/cut off/" + cut.where, "a" + c.extension, left);
    }
}

void add_nested(Rows& rows, const Container& c) {
    Member inner = marked_member(c.stores);
    for (unsigned depth = 1; depth <= kTooDeep; ++depth) {
        std::vector<Member> members = c.before;
        members.push_back(inner);
        inner = {"inner" + c.extension, c.make(members)};
        if (depth == 2) rows.add(c.name + "/nested twice", "a" + c.extension, inner.content, Expect::found);
        if (depth == kTooDeep) rows.add(c.name + "/nested too deep", "a" + c.extension, inner.content);
    }
}

} // namespace

Member marked_member(bool stored) {
    const std::string text = "Something.\n" + marker() + "\n" + bulk(1000, 3);
    if (stored) return {"marker.gz", filtered("gzip", text)};
    return {"marker.txt", text};
}

std::string bulk(std::size_t size, std::uint64_t seed) {
    const std::string piece = prose(3000, seed, "\n");
    std::string out;
    for (unsigned number = 0; out.size() < size; ++number) out += std::to_string(number) + " " + piece + "\n";
    out.resize(size);
    return out;
}

void add_cases(Rows& rows, const Container& c) {
    const auto ordinary = [&](const std::string& what, const std::vector<Member>& members, Expect expect) {
        std::vector<Member> all = c.before;
        all.insert(all.end(), members.begin(), members.end());
        rows.add(c.name + "/ordinary" + what, "a" + c.extension, c.make(all), expect,
                 expect == Expect::clean ? c.name + "/ordinary" : "");
    };
    if (c.opened) ordinary(", nothing in it", {{"readme.txt", bulk(2000, 4)}}, Expect::clean);
    ordinary("", {marked_member(c.stores)}, Expect::found);
    if (!c.one_member) {
        if (c.opened)
            ordinary(", some files", {{"a.txt", bulk(900, 5)}, {"b.png", png(20, 20, 1)}, {"c.txt", "c"}},
                     Expect::clean);
        ordinary(", behind another", {{"a.txt", bulk(900, 5)}, {"b.png", png(20, 20, 1)}, marked_member(c.stores)},
                 Expect::found);
    }
    add_too_large(rows, c);
    add_too_many(rows, c);
    add_cut_off(rows, c);
    add_nested(rows, c);
}

std::string marker() {
    return "evermilter corpus marker: found nowhere else";
}

void write_marker_database(const std::filesystem::path& folder) {
    test::write_signature(folder, "Marker", marker());
    test::write_file(folder / "testfile.hdb", "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n");
    // "everregex" in any file, then a regular expression.
    test::write_file(folder / "regex.ldb",
                     "Evermilter.Test.Regex;Engine:81-255,Target:0;0&1;657665727265676578;0/everregex [0-9]+ times/\n");
}

void set_small_limits(config::Scanner& scanner) {
    constexpr std::uint64_t kib = 1024;
    scanner.max_file_size = 256 * kib;
    scanner.max_scan_size = 4096 * kib;
    scanner.max_files = 40;
    scanner.max_recursion = 8;
    scanner.max_html_normalize = 64 * kib;
    scanner.max_html_no_tags = 32 * kib;
    scanner.max_script_normalize = 32 * kib;
    scanner.pcre_max_file_size = 128 * kib;
}

void Rows::add(const std::string& name, const std::string& file_name, const std::string& content, Expect expect,
               const std::string& only_if_found) {
    Row row;
    row.name = name;
    row.mail = test::multipart_mail({test::text_part("See the file."), test::attachment(file_name, content)});
    row.other = test::multipart_mail({test::attachment(file_name, content), test::text_part("This is another mail.")});
    row.file = content;
    row.expect = expect;
    row.only_if_found = only_if_found;
    rows_.push_back(std::move(row));
}

void Rows::add_mail(const std::string& name, const std::string& mail, Expect expect) {
    Row row;
    row.name = name;
    row.mail = mail;
    row.expect = expect;
    rows_.push_back(std::move(row));
}

} // namespace evermilter::corpus
