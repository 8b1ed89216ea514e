// Rows of documents, and of files that libclamav reads as text.
#include "tests/corpus/bytes.h"
#include "tests/corpus/compound.h"
#include "tests/corpus/containers.h"
#include "tests/corpus/documents.h"
#include "tests/corpus/rows.h"
#include "tests/corpus/tnef.h"
#include "tests/corpus/zip.h"
#include "tests/support/messages.h"

namespace evermilter::corpus {
namespace {

using Members = std::vector<Member>;

std::string one_zip(const std::string& name, const std::string& content) {
    ZipMember member;
    member.name = name;
    member.content = content;
    return zip_archive({member});
}

void add_pdf(Rows& rows) {
    const auto with = [](const std::string& filter, std::string (*pack)(const std::string&)) {
        return [filter, pack](const Members& members) {
            std::vector<PdfStream> streams;
            for (const Member& member : members) streams.push_back({filter, pack(member.content)});
            return pdf_of_streams(streams);
        };
    };
    const auto flate = [](const std::string& bytes) { return zlibbed(bytes); };
    const auto hex = [](const std::string& bytes) { return ascii_hex(bytes); };
    const auto a85 = [](const std::string& bytes) { return ascii85(bytes); };
    const auto both = [](const std::string& bytes) { return ascii85(zlibbed(bytes)); };
    const auto none = [](const std::string& bytes) { return bytes; };
    // Readers repair a PDF that is cut off, and so does libclamav: the content is found or gone.
    const Container containers[] = {
        {"pdf/Flate", ".pdf", with("/FlateDecode", flate), false, false, false},
        {"pdf/hex", ".pdf", with("/ASCIIHexDecode", hex), false, false, false},
        {"pdf/85", ".pdf", with("/ASCII85Decode", a85), false, false, false},
        {"pdf/85 and Flate", ".pdf", with("[/ASCII85Decode /FlateDecode]", both), false, false, false},
        {"pdf/plain", ".pdf", with("", none), true, false, false}};
    for (const Container& container : containers) add_cases(rows, container);
    const std::string text = marked_member(false).content;
    const PdfStream open = {"/FlateDecode", zlibbed(text)};
    const PdfStream odd = {"/EvermilterDecode", test::noise(600, 1)};
    rows.add("pdf/unknown filter/before", "a.pdf", pdf_of_streams({open, odd}), Expect::found);
    rows.add("pdf/unknown filter/behind", "a.pdf", pdf_of_streams({odd, open}), Expect::found);
    rows.add("pdf/unknown filter/in it", "a.pdf",
             pdf_of_streams({{"[/EvermilterDecode /FlateDecode]", test::noise(600, 1)}}));
    rows.add("pdf/encrypted", "a.pdf", pdf_of_streams({{"/FlateDecode", test::noise(600, 2)}}, true));
    rows.add("pdf/encrypted, in a zip", "a.zip",
             one_zip("a.pdf", pdf_of_streams({{"/FlateDecode", test::noise(600, 2)}}, true)));
    const std::string corrupt = "\x78\x9c" + test::noise(500, 3);
    rows.add("pdf/corrupt stream/behind", "a.pdf", pdf_of_streams({{"/FlateDecode", corrupt}, open}), Expect::found);
}

void add_ole2(Rows& rows) {
    const Container container = {"ole2/package",
                                 ".doc",
                                 [](const Members& members) {
                                     Members streams = {{"WordDocument", test::noise(5000, 1)}};
                                     for (const Member& member : members)
                                         streams.push_back({"\1Ole10Native", ole_package(member.name, member.content)});
                                     return ole2(streams);
                                 },
                                 true,
                                 false,
                                 false};
    add_cases(rows, container);
    const std::string secret =
        ole2({{"EncryptionInfo", little(0x00040004, 4) + little(0x40, 4) + "<?xml version=\"1.0\"?><encryption/>"},
              {"EncryptedPackage", little(6000, 8) + test::noise(6000, 2)}});
    rows.add("ole2/encrypted docx", "a.docx", secret);
    rows.add("ole2/encrypted docx, in a zip", "a.zip", one_zip("a.docx", secret));
    const std::string whole = ole2({{"WordDocument", test::noise(9000, 1)},
                                    {"\1Ole10Native", ole_package("m.gz", marked_member(true).content)},
                                    {"Last", test::noise(9000, 2)}});
    for (const unsigned share : {25U, 50U, 75U, 95U}) // the table of sectors is at the end
        rows.add("ole2/cut off/" + std::to_string(share) + " % are there", "a.doc",
                 whole.substr(0, whole.size() * share / 100));
}

// libclamav silently passes over text above limits of its own.
void add_texts(Rows& rows) {
    const std::string hidden = "<p>evermilter&#32;corpus marker:&#32;found nowhere else</p>\r\n";
    const auto html = [](const std::string& head, const std::string& tail, std::size_t size) {
        return "<html><head><title>t</title></head><body>\r\n" + head + newsletter(size, 5) + tail +
               "</body></html>\r\n";
    };
    const std::string script = "<script>var a = 'evermilter corpus' + ' marker: found nowhere else';</script>\r\n";
    const std::string regex = "everregex 42 times\r\n";
    const struct {
        const char* name;
        const char* file;
        std::string content;
        Expect expect;
    } files[] = {
        {"html/ordinary, nothing in it", "a.html", html("", "", 4000), Expect::clean},
        {"html/ordinary", "a.html", html(marker(), "", 4000), Expect::found},
        {"html/ordinary, as entities", "a.html", html(hidden, "", 4000), Expect::found},
        {"html/ordinary, put together by a script", "a.html", html(script, "", 4000), Expect::found},
        {"html/ordinary, regular expression", "a.html", html(regex, "", 4000), Expect::found},
        {"html/too large/at its head", "a.html", html(marker(), "", 120000), Expect::never_clean},
        {"html/too large/at its tail", "a.html", html("", marker(), 120000), Expect::never_clean},
        {"html/too large/as entities", "a.html", html(hidden, "", 120000), Expect::never_clean},
        {"html/too large/as entities, at its tail", "a.html", html("", hidden, 120000), Expect::never_clean},
        {"html/too large/put together by a script", "a.html", html(script, "", 120000), Expect::never_clean},
        {"text/ordinary, nothing in it", "a.txt", bulk(20000), Expect::clean},
        {"text/ordinary", "a.txt", bulk(9000) + marker(), Expect::found},
        {"text/ordinary, regular expression", "a.txt", regex + bulk(9000), Expect::found},
        {"text/too large for regular expressions", "a.txt", regex + bulk(150000), Expect::never_clean},
        {"text/too large for regular expressions, at its tail", "a.txt", bulk(150000) + regex, Expect::never_clean},
        {"script/ordinary, nothing in it", "a.js", "function a() { return 1; }\n" + bulk(9000), Expect::clean},
        {"script/ordinary", "a.js", "function a() { return 'Evermilter  Corpus'; }\n" + marker(), Expect::found},
        // Only libclamav's normalisation, to small letters, turns this into the marker.
        {"script/too large, in capitals", "a.js",
         "EVERMILTER CORPUS MARKER: FOUND NOWHERE ELSE\nfunction a() {}\n" + bulk(90000), Expect::never_clean},
    };
    for (const auto& one : files) {
        rows.add(one.name, one.file, one.content, one.expect);
        rows.add(std::string(one.name) + ", in a zip", "a.zip", one_zip(one.file, one.content), one.expect);
    }
}

} // namespace

std::vector<Row> document_rows() {
    Rows rows;
    add_pdf(rows);
    add_ole2(rows);
    add_texts(rows);
    add_cases(rows,
              {"rtf/object", ".rtf", [](const Members& members) { return rtf_object(members); }, true, false, false});
    add_cases(rows, {"tnef", ".dat", [](const Members& members) { return tnef(members); }, true});
    for (const char kind : {'C', 'Z', 'F'})
        add_cases(rows, {std::string("swf/") + kind + "WS", ".swf",
                         [kind](const Members& members) { return swf(kind, members.at(0).content); }, kind == 'F', true,
                         kind != 'F'});
    return rows.take();
}

} // namespace evermilter::corpus
