#include "tests/corpus/documents.h"

#include <array>
#include <stdexcept>
#include <string_view>

#include "tests/corpus/archive.h"
#include "tests/corpus/bytes.h"

namespace evermilter::corpus {
namespace {

constexpr std::array<std::string_view, 48> kWords = {
    "the",     "meeting",  "report",  "of",      "Monday",   "and",    "please",  "find",    "attached", "our",
    "invoice", "for",      "your",    "order",   "with",     "best",   "regards", "project", "budget",   "is",
    "due",     "next",     "week",    "we",      "have",     "to",     "discuss", "new",     "figures",  "before",
    "a",       "customer", "asks",    "whether", "delivery", "can",    "be",      "earlier", "than",     "planned",
    "thanks",  "in",       "advance", "from",    "office",   "number", "see",     "below"};

std::string xml_text(std::string_view tag, std::size_t size, std::uint64_t number) {
    std::string out;
    const std::string end = "</" + std::string(tag.substr(0, tag.find(' '))) + ">";
    for (std::uint64_t part = 0; out.size() < size; ++part)
        out += "<" + std::string(tag) + ">" + prose(60 + part % 7 * 40, number + part, " ") + end;
    return out;
}

constexpr const char* kXml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n";

std::string types(const std::string& part, const std::string& type) {
    return std::string(kXml) +
           "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"><Default "
           "Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+"
           "xml\"/><Default Extension=\"png\" ContentType=\"image/png\"/><Override PartName=\"/" +
           part + "\" ContentType=\"application/vnd.openxmlformats-officedocument." + type + ".main+xml\"/></Types>";
}

std::string relation(const std::string& target) {
    return std::string(kXml) +
           "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">"
           "<Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/"
           "relationships/officeDocument\" Target=\"" +
           target + "\"/></Relationships>";
}

std::string office(const std::string& part, const std::string& type, const std::string& xml, const std::string& folder,
                   std::uint64_t number) {
    return archive({"zip"}, {{"[Content_Types].xml", types(part, type)},
                             {"_rels/.rels", relation(part)},
                             {part, kXml + xml},
                             {folder + "/media/image1.png", png(64, 48, number)},
                             {"docProps/app.xml", std::string(kXml) +
                                                      "<Properties xmlns=\"http://schemas."
                                                      "openxmlformats.org/officeDocument/2006/extended-properties\">"
                                                      "<Application>Office</Application></Properties>"}});
}

std::string docx(std::size_t size, std::uint64_t number) {
    return office("word/document.xml", "wordprocessingml.document",
                  "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>" +
                      xml_text("w:p", size, number) + "</w:body></w:document>",
                  "word", number);
}

std::string xlsx(std::size_t size, std::uint64_t number) {
    return office("xl/workbook.xml", "spreadsheetml.sheet",
                  "<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">" +
                      xml_text("row", size, number) + "</workbook>",
                  "xl", number);
}

std::string pptx(std::size_t size, std::uint64_t number) {
    return office("ppt/presentation.xml", "presentationml.presentation",
                  "<p:presentation xmlns:p=\"http://schemas.openxmlformats.org/presentationml/2006/main\">" +
                      xml_text("p:sld", size, number) + "</p:presentation>",
                  "ppt", number);
}

std::string open_document(const std::string& type, std::size_t size, std::uint64_t number) {
    return archive({"zip"}, {{"mimetype", type},
                             {"content.xml", kXml + xml_text("text:p", size, number)},
                             {"styles.xml", kXml + xml_text("style:style", 800, number)},
                             {"META-INF/manifest.xml", std::string(kXml) + "<manifest:manifest/>"},
                             {"Thumbnails/thumbnail.png", png(32, 24, number)}});
}

std::string gif(std::uint64_t number) { // one frame of uncompressed LZW codes
    std::string out = "GIF89a" + little(16, 2) + little(16, 2) + "\x80" + std::string(2, '\0');
    out += std::string(3, static_cast<char>(number & 0x7fU)) + "\xff\xff\xff";
    out += "," + little(0, 4) + little(16, 2) + little(16, 2) + '\0' + "\x07";
    std::string codes; // 8 bits each: clear, then 64 pixels, and again
    for (int row = 0; row < 4; ++row) {
        codes += '\x80';
        for (int pixel = 0; pixel < 64; ++pixel) codes += static_cast<char>((number >> (pixel % 13)) & 1U);
    }
    codes += '\x81';
    for (std::size_t at = 0; at < codes.size(); at += 200) {
        const std::string block = codes.substr(at, 200);
        out += little(block.size(), 1) + block;
    }
    return out + '\0' + ";";
}

std::string rtf(std::size_t size, std::uint64_t number) {
    return "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0\\fswiss Helvetica;}}\r\n\\pard\\f0\\fs24 " +
           prose(size, number, "\\par\r\n") + "}\r\n";
}

std::string csv(std::size_t size, std::uint64_t number) {
    std::string out = "Date;Number;Text;Amount\r\n";
    Random random(number);
    while (out.size() < size)
        out += "2026-0" + std::to_string(1 + random.below(9)) + "-1" + std::to_string(random.below(9)) + ";" +
               std::to_string(random.below(100000)) + ";" + std::string(random.of(kWords)) + ";" +
               std::to_string(random.below(10000)) + ",00\r\n";
    return out;
}

std::string json(std::size_t size, std::uint64_t number) {
    std::string out = "[";
    Random random(number);
    while (out.size() < size)
        out += "{\"id\": " + std::to_string(random.below(1000000)) + ", \"name\": \"" + std::string(random.of(kWords)) +
               "\", \"ok\": true},\n ";
    return out + "{}]\n";
}

std::string patch(std::size_t size, std::uint64_t number) {
    std::string out = "diff --git a/main.c b/main.c\nindex 1234567..89abcde 100644\n--- a/main.c\n+++ b/main.c\n";
    for (std::uint64_t part = 0; out.size() < size; ++part)
        out += "@@ -" + std::to_string(10 * part + 1) + ",3 +" + std::to_string(10 * part + 1) + ",3 @@\n" +
               " int value;\n-\tvalue = " + std::to_string(part) + ";\n+\tvalue = " + std::to_string(number) + "; /* " +
               prose(40, number + part, " ") + " */\n";
    return out;
}

std::string log_text(std::size_t size, std::uint64_t number) {
    std::string out;
    Random random(number);
    while (out.size() < size)
        out += "Nov 20 09:3" + std::to_string(random.below(10)) + ":11 mail postfix/smtpd[" +
               std::to_string(random.below(30000)) + "]: " + prose(50, random(), " ") + "\n";
    return out;
}

} // namespace

std::string prose(std::size_t size, std::uint64_t number, const std::string& line_end) {
    std::string out;
    std::size_t column = 0;
    bool begins = true;
    Random random(number);
    while (out.size() < size) {
        std::string word(random.of(kWords));
        if (begins) word[0] = static_cast<char>(word[0] >= 'a' ? word[0] - 'a' + 'A' : word[0]);
        begins = random.below(9) == 0;
        if (begins) word += '.';
        if (column + word.size() > 70) {
            out += line_end;
            column = 0;
        } else if (column > 0) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out;
}

std::string newsletter(std::size_t size, std::uint64_t number) {
    std::string out =
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"http://www.w3.org/TR/xhtml1/DTD/"
        "xhtml1-transitional.dtd\">\r\n<html xmlns=\"http://www.w3.org/1999/xhtml\"><head><meta http-equiv="
        "\"Content-Type\" content=\"text/html; charset=utf-8\"/><title>News</title>\r\n<style type=\"text/css\">"
        "body{margin:0;padding:0;font-family:Arial,sans-serif} .a{color:#333}\r\n@media only screen and (max-width:"
        "600px){.b{width:100%!important}}</style></head>\r\n<body bgcolor=\"#f4f4f4\">";
    Random random(number);
    while (out.size() < size)
        out +=
            "<table width=\"600\" border=\"0\" cellpadding=\"0\" cellspacing=\"0\" class=\"b\"><tr><td align="
            "\"center\" style=\"padding:10px 20px;\">\r\n<a href=\"https://news.example.org/c/" +
            std::to_string(random()) + "?u=" + std::to_string(number) + "\"><img src=\"https://img.example.org/" +
            std::to_string(random.below(9999)) + ".png\" alt=\"picture\" width=\"560\"/></a>\r\n<p class=\"a\">" +
            prose(160, random(), "<br/>\r\n") + "&nbsp;&ndash; M&uuml;nchen</p></td></tr></table>\r\n";
    return out + "<img src=\"https://news.example.org/o/1.gif\" width=\"1\" height=\"1\"/></body></html>\r\n";
}

std::string pdf(const std::string& text, bool deflate, const std::string& attached) {
    const auto stream = [&](const std::string& content, const std::string& more) {
        const std::string stored = deflate ? zlibbed(content) : content;
        return "<< /Length " + std::to_string(stored.size()) + more + (deflate ? " /Filter /FlateDecode" : "") +
               " >>\nstream\n" + stored + "\nendstream";
    };
    std::vector<std::string> objects = {
        attached.empty() ? "<< /Type /Catalog /Pages 2 0 R >>"
                         : "<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(a.bin) 6 0 R] >> >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> "
        ">>",
        stream("BT /F1 12 Tf 50 800 Td (" + text + ") Tj ET", ""),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
    if (!attached.empty()) {
        objects.emplace_back("<< /Type /Filespec /F (a.bin) /EF << /F 7 0 R >> >>");
        objects.push_back(stream(attached, " /Type /EmbeddedFile"));
    }
    std::string out = "%PDF-1.4\n%\xe2\xe3\xcf\xd3\n";
    std::string table = "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
    for (std::size_t number = 0; number < objects.size(); ++number) {
        const std::string offset = std::to_string(out.size());
        table += std::string(10 - offset.size(), '0') + offset + " 00000 n \n";
        out += std::to_string(number + 1) + " 0 obj\n" + objects[number] + "\nendobj\n";
    }
    return out + table + "trailer\n<< /Size " + std::to_string(objects.size() + 1) + " /Root 1 0 R >>\nstartxref\n" +
           std::to_string(out.size()) + "\n%%EOF\n";
}

std::string png(unsigned width, unsigned height, std::uint64_t number) {
    const auto chunk = [](const std::string& type, const std::string& data) {
        return big(data.size(), 4) + type + data + big(crc32(type + data), 4);
    };
    std::string rows;
    Random random(number);
    for (unsigned row = 0; row < height; ++row) {
        rows += '\0';
        for (unsigned pixel = 0; pixel < width; ++pixel) rows += big(random(), 3);
    }
    return "\x89PNG\r\n\x1a\n" + chunk("IHDR", big(width, 4) + big(height, 4) + big(0x0802000000, 5)) +
           chunk("IDAT", zlibbed(rows)) + chunk("IEND", "");
}

std::vector<std::string> document_kinds() {
    return {"docx", "xlsx", "pptx", "odt", "epub", "jar", "pdf", "png",    "gif", "svg", "html", "csv", "txt",
            "json", "xml",  "rtf",  "ics", "vcf",  "zip", "gz",  "tar.gz", "bz2", "xz",  "7z",   "log", "patch"};
}

Document document(const std::string& kind, std::uint64_t number, std::size_t size) {
    const std::string text = prose(size, number, "\n");
    const std::string name = "document " + std::to_string(number) + "." + kind;
    const auto content = [&]() -> std::string {
        if (kind == "docx") return docx(size, number);
        if (kind == "xlsx") return xlsx(size, number);
        if (kind == "pptx") return pptx(size, number);
        if (kind == "odt") return open_document("application/vnd.oasis.opendocument.text", size, number);
        if (kind == "epub") return open_document("application/epub+zip", size, number);
        if (kind == "jar")
            return archive({"zip"}, {{"META-INF/MANIFEST.MF", "Manifest-Version: 1.0\r\n"},
                                     {"a/Main.class", "\xca\xfe\xba\xbe" + big(0x34, 4) + text}});
        if (kind == "pdf") return pdf(prose(size, number, " "), number % 4 != 0);
        if (kind == "png") {
            const auto side = static_cast<unsigned>(8 + size / 400);
            return png(side, std::min(side, 400U), number);
        }
        if (kind == "gif") return gif(number);
        if (kind == "svg")
            return std::string(kXml) + "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">" +
                   xml_text("text", size, number) + "</svg>\n";
        if (kind == "html") return newsletter(size, number);
        if (kind == "csv") return csv(size, number);
        if (kind == "txt") return text + "\n";
        if (kind == "json") return json(size, number);
        if (kind == "xml") return std::string(kXml) + "<all>" + xml_text("one", size, number) + "</all>\n";
        if (kind == "rtf") return rtf(size, number);
        if (kind == "ics")
            return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:" +
                   std::to_string(number) + "@example.org\r\nDTSTART:20261120T090000Z\r\nDTEND:20261120T100000Z\r\n" +
                   "SUMMARY:Meeting\r\nDESCRIPTION:" + prose(200, number, "\\n") +
                   "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        if (kind == "vcf")
            return "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Doe;Jane;;;\r\nFN:Jane Doe\r\nEMAIL:jane@example.org\r\nNOTE:" +
                   prose(100, number, " ") + "\r\nEND:VCARD\r\n";
        if (kind == "zip")
            return archive({"zip"}, {{"readme.txt", text},
                                     {"picture.png", png(30, 30, number)},
                                     {"folder/table.csv", csv(size / 4, number)}});
        if (kind == "gz") return filtered("gzip", text);
        if (kind == "tar.gz")
            return archive({"ustar", "gzip", "gzip:!timestamp"}, {{"a.txt", text}, {"b.csv", csv(size, number)}});
        if (kind == "bz2") return filtered("bzip2", text);
        if (kind == "xz") return filtered("xz", text);
        if (kind == "7z") return archive({"7zip"}, {{"a.txt", text}, {"b.csv", csv(size / 2, number)}});
        if (kind == "log") return log_text(size, number);
        if (kind == "patch") return patch(size, number);
        throw std::runtime_error("no such document: " + kind);
    };
    return {name, content()};
}

} // namespace evermilter::corpus
