// Rows of archives and compressed streams.
#include <fstream>

#include "tests/corpus/bytes.h"
#include "tests/corpus/containers.h"
#include "tests/corpus/documents.h"
#include "tests/corpus/fixtures.h"
#include "tests/corpus/old_archives.h"
#include "tests/corpus/rows.h"
#include "tests/corpus/zip.h"
#include "tests/support/messages.h"
#include "tests/support/proc.h"

namespace evermilter::corpus {
namespace {

using Make = std::function<std::string(const std::vector<Member>&)>;

Make by_library(const ArchiveForm& form) {
    return [form](const std::vector<Member>& members) { return archive(form, members); };
}

Make by_hand(std::uint16_t method, std::uint16_t flags = 0, const ZipForm& form = {}, bool zip64 = false) {
    return [=](const std::vector<Member>& members) {
        std::vector<ZipMember> all;
        for (const Member& member : members) {
            ZipMember one;
            one.name = member.name;
            one.content = member.content;
            one.method = method;
            one.flags = flags;
            one.zip64 = zip64;
            all.push_back(one);
        }
        return zip_archive(all, form);
    };
}

Make stream(const std::string& filter) {
    return [filter](const std::vector<Member>& members) { return filtered(filter, members.at(0).content); };
}

ZipMember member(const Member& from, std::uint16_t method = kDeflate) {
    ZipMember made;
    made.name = from.name;
    made.content = from.content;
    made.method = method;
    return made;
}

void add_zip_methods(Rows& rows) {
    const struct {
        const char* name;
        std::uint16_t method;
    } methods[] = {{"shrink", 1},   {"reduce", 2}, {"tokenize", 7},      {"PKWARE's implode", 10},
                   {"LZMA", kLzma}, {"LZ77", 19},  {"Zstandard", kZstd}, {"MP3", 94},
                   {"XZ", kXz},     {"JPEG", 96},  {"WavPack", 97},      {"PPMd", kPpmd},
                   {"200", 200}};
    const ZipMember open = member({"open.txt", bulk(900, 5)});
    for (const auto& one : methods) {
        // For a method that we cannot write, the data need only differ from the content.
        ZipMember odd = member({"odd.txt", marked_member(false).content}, one.method);
        if (odd.method != kLzma && odd.method != kZstd && odd.method != kXz) odd.data = packed(kPpmd, odd.content);
        const ZipMember marked = member(marked_member(false));
        const std::string name = std::string("zip/unknown method ") + one.name;
        rows.add(name + "/in it", "a.zip", zip_archive({odd}));
        rows.add(name + "/in it, behind another", "a.zip", zip_archive({open, odd}));
        rows.add(name + "/before", "a.zip", zip_archive({marked, odd}), Expect::found);
        rows.add(name + "/behind", "a.zip", zip_archive({odd, marked}), Expect::found);
    }
}

void add_zip_encrypted(Rows& rows) {
    const std::vector<Member> members = {{"a.txt", bulk(500)}, marked_member(false)};
    for (const std::string how : {"zipcrypt", "aes128", "aes256"})
        rows.add("zip/encrypted " + how, "a.zip", archive({"zip", "none", "zip:encryption=" + how, "secret"}, members));
    const ZipMember open = member({"open.txt", bulk(900, 5)});
    const ZipMember marked = member(marked_member(false));
    for (const unsigned flags : {0x1U, 0x41U, 0x2041U}) {
        ZipMember secret = marked;
        secret.flags = static_cast<std::uint16_t>(flags);
        secret.data = test::noise(500, flags);
        const std::string name = "zip/encrypted, flags " + std::to_string(flags);
        rows.add(name + "/alone", "a.zip", zip_archive({secret}));
        rows.add(name + "/behind an open one", "a.zip", zip_archive({open, secret}));
        rows.add(name + "/before an open one", "a.zip", zip_archive({secret, open}));
        rows.add(name + "/the marker is before", "a.zip", zip_archive({marked, secret}), Expect::found);
        rows.add(name + "/the marker is behind", "a.zip", zip_archive({secret, marked}), Expect::found);
        rows.add(name + "/in a zip", "a.zip", zip_archive({member({"inner.zip", zip_archive({secret})})}));
        rows.add(name + "/in a tar.gz", "a.tar.gz",
                 archive({"ustar", "gzip", "gzip:!timestamp"}, {{"inner.zip", zip_archive({secret})}}));
    }
    ZipMember aes = marked;
    aes.method = kAes;
    aes.flags = 1;
    aes.data = test::noise(400, 9);
    rows.add("zip/encrypted, method 99", "a.zip", zip_archive({aes}));
}

// Headers that contradict one another: some programs believe one, some the other.
void add_zip_lies(Rows& rows) {
    const ZipMember open = member({"open.txt", bulk(900, 5)});
    const ZipMember marked = member(marked_member(false));
    const auto row = [&](const std::string& name, ZipMember lie) {
        rows.add("zip/lie/" + name, "a.zip", zip_archive({open, lie}));
        rows.add("zip/lie/" + name + ", before another", "a.zip", zip_archive({lie, open}));
    };
    ZipMember lie = marked;
    lie.local_method = 97;
    row("the local header has an unknown method", lie);
    lie.local_method = kStored;
    row("the local header says stored", lie);
    lie.local_method.reset();
    lie.method = kStored;
    lie.local_method = kDeflate;
    lie.data = packed(kDeflate, lie.content);
    row("the directory says stored", lie);
    lie = marked;
    lie.local_flags = 1;
    row("the local header says encrypted", lie);
    lie = marked;
    lie.flags = 1;
    lie.local_flags = 0;
    row("the directory says encrypted", lie);
    lie = marked;
    lie.size = 5;
    row("it is said to be small", lie);
    lie.size = 500U << 20U;
    row("it is said to be large", lie);
    lie = marked;
    lie.packed = 5;
    row("its data is said to be short", lie);
    lie.packed = 1U << 20U;
    row("its data is said to be longer than the archive", lie);
    lie = marked;
    lie.listed = false;
    row("it is not listed", lie);
    lie = member({"large.txt", bulk(kTooLarge) + marker()});
    lie.size = 100;
    row("what is too large is said to be small", lie);
    rows.add("zip/no directory", "a.zip", zip_archive({open, marked}, {"", "", false, false}));
    rows.add("zip/no directory, zip64", "a.zip",
             by_hand(kDeflate, 8, {"", "", false, false}, true)({marked_member(false)}));
}

// Archives after other files: archivers look for a directory at the end, and open files that begin as something else.
std::vector<std::pair<std::string, std::string>> other_files() {
    return {{"a program", "MZ" + test::noise(500, 7)},
            {"an ELF program", std::string("\x7f") + "ELF\2\1\1" + std::string(9, '\0') + test::noise(500, 8)},
            {"a picture", png(20, 20, 3)},
            {"a GIF", "GIF89a" + test::noise(300, 4)},
            {"a JPEG", std::string("\xff\xd8\xff\xe0") + std::string("\0\x10JFIF\0", 7) + test::noise(300, 5)},
            {"a PDF", pdf("text", true)},
            {"a text", "#!/bin/sh\nexec unzip \"$0\"\n"},
            {"a gzip", filtered("gzip", bulk(900, 6))},
            {"an HTML page", "<html><body>" + bulk(900, 6) + "</body></html>\n"},
            {"an RTF text", "{\\rtf1 some text}\n"},
            {"unknown bytes", test::noise(700, 9)}};
}

void add_zip_behind(Rows& rows) {
    const ZipMember open = member({"open.txt", bulk(900, 5)});
    ZipMember deflate64 = member(marked_member(false), kDeflate64);
    ZipMember unknown = member(marked_member(false), kPpmd);
    unknown.data = packed(kPpmd, unknown.content);
    ZipMember secret = member(marked_member(false));
    secret.flags = 1;
    secret.data = test::noise(500, 3);
    for (const auto& [name, file] : other_files()) {
        for (const bool whole : {false, true}) {
            ZipForm form;
            form.prefix = file;
            form.whole = whole;
            const std::string row = std::string("zip/behind ") + name + (whole ? ", of the whole file/" : ", joined/");
            rows.add(row + "deflate", "a.bin", zip_archive({open, member(marked_member(false))}, form));
            rows.add(row + "deflate64", "a.bin", zip_archive({open, deflate64}, form));
            rows.add(row + "unknown method", "a.bin", zip_archive({open, unknown}, form));
            rows.add(row + "encrypted", "a.bin", zip_archive({open, secret}, form));
            rows.add(row + "encrypted alone", "a.bin", zip_archive({secret}, form));
        }
    }
}

} // namespace

std::vector<Row> zip_rows() {
    Rows rows;
    const ZipForm program = {"MZ" + test::noise(500, 7), "", true, false};
    const ZipForm script = {"#!/bin/sh\nexec unzip \"$0\"\n", "", true, false};
    const ZipForm comment = {"", "A comment of some words.", true, false};
    const ZipForm end64 = {"", "", true, true};
    const std::vector<Member> docx = {{"[Content_Types].xml", "<?xml version=\"1.0\"?><Types/>"},
                                      {"word/document.xml", "<?xml version=\"1.0\"?><w:document>text</w:document>"}};
    const std::vector<Member> jar = {{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n\r\n"}};
    const std::vector<Member> xpi = {{"manifest.json", "{\"name\": \"x\"}"}, {"install.rdf", "<RDF/>"}};
    const std::vector<Member> odt = {{"mimetype", "application/vnd.oasis.opendocument.text"}};
    const Container containers[] = {
        {"zip/stored", ".zip", by_hand(kStored), true},
        {"zip/deflate", ".zip", by_hand(kDeflate)},
        {"zip/deflate, sizes behind", ".zip", by_library({"zip"})},
        {"zip/deflate64", ".zip", by_hand(kDeflate64)},
        {"zip/bzip2", ".zip", by_hand(kBzip2)},
        {"zip/zip64", ".zip", by_hand(kDeflate, 0, end64, true)},
        {"zip/behind a program", ".exe", by_hand(kDeflate, 0, program)},
        {"zip/behind a script", ".run", by_hand(kDeflate, 0, script)},
        {"zip/with a comment", ".zip", by_hand(kDeflate, 0, comment)},
        {"docx", ".docx", by_hand(kDeflate), false, false, true, true, docx},
        {"jar", ".jar", by_library({"zip"}), false, false, true, true, jar},
        {"xpi", ".xpi", by_hand(kDeflate), false, false, true, true, xpi},
        {"odt", ".odt", by_hand(kDeflate), false, false, true, true, odt},
    };
    for (const Container& container : containers) add_cases(rows, container);
    add_zip_methods(rows);
    add_zip_encrypted(rows);
    add_zip_lies(rows);
    add_zip_behind(rows);
    rows.add("zip/PPMd by 7-Zip", "a.zip", fixture("ppmd.zip"));
    return rows.take();
}

std::vector<Row> seven_zip_rows() {
    Rows rows;
    for (const std::string method : {"store", "deflate", "bzip2", "lzma1", "lzma2", "ppmd"})
        add_cases(rows, {"7z/" + method, ".7z", by_library({"7zip", "none", "7zip:compression=" + method}),
                         method == "store"});
    for (const std::string name : {"enc.7z", "header-enc.7z", "bcj2.7z", "delta.7z", "d64.7z", "arm64.7z"}) {
        const bool secret = name.find("enc") != std::string::npos;
        rows.add("7z/" + name + "/in it", name, fixture(name), secret ? Expect::never_clean : Expect::found);
        rows.add("7z/" + name + "/in it, in a zip", "a.zip", zip_archive({member({name, fixture(name)})}),
                 secret ? Expect::never_clean : Expect::found);
        rows.add("7z/" + name + "/before", "a.zip",
                 zip_archive({member(marked_member(false)), member({name, fixture(name)})}), Expect::found);
        rows.add("7z/" + name + "/behind", "a.zip",
                 zip_archive({member({name, fixture(name)}), member(marked_member(false))}), Expect::found);
        for (const auto& [other, file] : other_files())
            rows.add("7z/" + name + "/behind " + other, "a.bin", file + fixture(name));
    }
    return rows.take();
}

std::vector<Row> tape_rows() {
    Rows rows;
    for (const std::string format : {"ustar", "pax", "gnutar", "v7tar"}) {
        add_cases(rows, {"tar/" + format, ".tar", by_library({format}), true});
        add_cases(rows, {"tar.gz/" + format, ".tar.gz", by_library({format, "gzip", "gzip:!timestamp"})});
    }
    for (const std::string filter : {"bzip2", "xz", "lzma"})
        add_cases(rows, {"tar." + filter, ".tar." + filter, by_library({"ustar", filter})});
    for (const std::string format : {"odc", "newc", "bin"})
        add_cases(rows, {"cpio/" + format, ".cpio", by_library({format}), true});
    add_cases(rows, {"cpio.gz", ".cpio.gz", by_library({"newc", "gzip", "gzip:!timestamp"})});
    for (const std::string format : {"arbsd", "argnu"})
        add_cases(rows, {"ar/" + format, ".a", by_library({format}), true, false, true, false});
    add_cases(rows, {"deb", ".deb",
                     [](const std::vector<Member>& members) {
                         return archive({"argnu"},
                                        {{"debian-binary", "2.0\n"},
                                         {"control.tar.xz", archive({"ustar", "xz"}, {{"control", "Package: a\n"}})},
                                         {"data.tar.xz", archive({"ustar", "xz"}, members)}});
                     },
                     false, false, true, false});
    add_cases(rows, {"iso9660", ".iso", by_library({"iso9660", "none", "iso9660:!pad"}), true});
    add_cases(rows, {"iso9660.gz", ".iso.gz", by_library({"iso9660", "gzip", "iso9660:!pad,gzip:!timestamp"})});
    add_cases(rows, {"xar/gzip", ".xar", by_library({"xar", "none", "xar:compression=gzip"})});
    add_cases(rows, {"xar/bzip2", ".xar", by_library({"xar", "none", "xar:compression=bzip2"})});
    add_cases(rows, {"xar/xz", ".xar", by_library({"xar", "none", "xar:compression=xz"})});
    add_cases(rows, {"xar/none", ".xar", by_library({"xar", "none", "xar:compression=none"}), true});
    return rows.take();
}

std::vector<Row> stream_rows() {
    Rows rows;
    for (const std::string filter : {"gzip", "bzip2", "xz", "lzma"})
        add_cases(rows, {filter, "." + filter, stream(filter), false, true});
    for (const std::string filter : {"compress", "zstd", "lz4", "lzip"}) // libclamav has none of these
        add_cases(rows,
                  {filter, "." + filter, stream(filter), false, true, filter != "compress", false}); // no end mark
    const std::string first = filtered("gzip", bulk(1000));
    const std::string marked = filtered("gzip", marked_member(false).content);
    rows.add("gzip/two members/behind", "a.gz", first + marked, Expect::found);
    rows.add("gzip/two members/before", "a.gz", marked + first, Expect::found);
    const std::string xz = filtered("xz", bulk(1000));
    rows.add("xz/two streams/behind", "a.xz", xz + filtered("xz", marked_member(false).content));
    rows.add("bzip2/two streams/behind", "a.bz2",
             filtered("bzip2", bulk(1000)) + filtered("bzip2", marked_member(false).content));
    return rows.take();
}

std::vector<Row> old_rows() {
    Rows rows;
    using Old = std::string (*)(const std::vector<Member>&, const OldForm&);
    const auto by = [](Old make, const OldForm& form) -> Make {
        return [make, form](const std::vector<Member>& members) { return make(members, form); };
    };
    const struct {
        const char* name;
        const char* extension;
        Old make;
        int packs; // the compressing method that we can write, -1: none
        bool encrypts;
        std::vector<int> unknown;
        bool opened = true; // RAR needs a library that is not in Debian
    } formats[] = {
        {"cab", ".cab", cab, 1, false, {2, 3, 4, 15}},   {"arj", ".arj", arj, -1, true, {5, 9, 200}},
        {"lha", ".lzh", lha, -1, false, {2, 3}},         {"egg", ".egg", egg, 1, true, {4, 9}},
        {"alz", ".alz", alz, 2, true, {3, 9}},           {"rar4", ".rar", rar4, -1, true, {0x36, 0x33}, false},
        {"rar5", ".rar", rar5, -1, true, {6, 3}, false},
    };
    for (const auto& format : formats) {
        const std::string name = format.name;
        const std::string file = std::string("a") + format.extension;
        add_cases(rows, {name + "/stored", format.extension, by(format.make, {}), true, false, true, format.opened});
        if (format.packs > 0)
            add_cases(rows, {name + "/packed", format.extension, by(format.make, {format.packs, false})});
        // Data that nobody can read: for an encrypted or unknown kind any bytes will do.
        const std::vector<Member> unreadable = {{"a.txt", test::noise(400, 1)}, {"b.txt", test::noise(400, 2)}};
        for (const int method : format.unknown) {
            const std::string what = name + "/unknown method " + std::to_string(method);
            rows.add(what, file, format.make(unreadable, {method, false}));
            rows.add(what + "/in a zip", "a.zip",
                     zip_archive({member({file, format.make(unreadable, {method, false})})}));
        }
        // The formats that archivers look for after another file.
        const bool found_behind = name == "cab" || name.starts_with("rar");
        for (const auto& [other, before] : found_behind ? other_files() : decltype(other_files()){}) {
            rows.add(name + "/behind " + other + "/stored", "a.bin", before + format.make({marked_member(true)}, {}));
            rows.add(name + "/behind " + other + "/unknown method", "a.bin",
                     before + format.make(unreadable, {format.unknown.front(), false}));
            if (format.encrypts)
                rows.add(name + "/behind " + other + "/encrypted", "a.bin",
                         before + format.make(unreadable, {-1, true}));
        }
        if (!format.encrypts) continue;
        rows.add(name + "/encrypted", file, format.make(unreadable, {-1, true}));
        rows.add(name + "/encrypted/in a zip", "a.zip",
                 zip_archive({member({file, format.make(unreadable, {-1, true})})}));
    }
    add_cases(rows, {"bzip2 in egg", ".egg", by(egg, {2, false})});
    add_cases(rows, {"szdd", ".tx_", [](const std::vector<Member>& members) { return szdd(members.at(0).content); },
                     true, true});
    return rows.take();
}

std::vector<Row> test_file_rows() {
    Rows rows;
    const std::filesystem::path folder = "/usr/share/clamav-testfiles";
    std::error_code absent;
    if (!std::filesystem::is_directory(folder, absent)) return {};
    for (const std::string& name : test::entries_below(folder)) {
        const std::string content = test::read_file(folder / name);
        // One file is nested deeper than the limits of these tests.
        const Expect expect = name == "clam_cache_emax.tgz" ? Expect::never_clean : Expect::found;
        rows.add("test files/" + name, name, content, expect);
        if (content.size() < 100000)
            rows.add("test files/" + name + " in a zip", "a.zip", zip_archive({member({name, content})}), expect);
        const std::string end = name.substr(name.rfind('.'));
        for (const char* archive_end : {".7z", ".arj", ".bz2", ".zip", ".cab", ".chm", ".szdd", ".sis", ".gz", ".tnef"})
            if (end == archive_end)
                for (const unsigned share : {40U, 60U, 90U})
                    rows.add("test files/" + name + "/cut off/" + std::to_string(share) + " % are there", name,
                             content.substr(0, content.size() * share / 100));
    }
    return rows.take();
}

} // namespace evermilter::corpus
