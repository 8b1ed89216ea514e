#include "workers/scanner/libclamav/layer_types.h"

#include <algorithm>
#include <array>

namespace evermilter::scanner {
namespace {

constexpr std::array<std::string_view, 38> kQuiet = {
    "CL_TYPE_ANY",
    "CL_TYPE_TEXT_ASCII",
    "CL_TYPE_TEXT_UTF8",
    "CL_TYPE_TEXT_UTF16LE",
    "CL_TYPE_TEXT_UTF16BE",
    "CL_TYPE_BINARY_DATA",
    "CL_TYPE_HTML",
    "CL_TYPE_HTML_UTF16",
    "CL_TYPE_MAIL",
    "CL_TYPE_GRAPHICS",
    "CL_TYPE_GIF",
    "CL_TYPE_PNG",
    "CL_TYPE_JPEG",
    "CL_TYPE_TIFF",
    "CL_TYPE_RIFF",
    "CL_TYPE_SCRIPT",
    "CL_TYPE_SCRENC",
    "CL_TYPE_IGNORED",
    "CL_TYPE_INTERNAL",
    "CL_TYPE_LNK",
    "CL_TYPE_JAVA",
    // Listed and, where need be, unpacked by look/containers.h.
    "CL_TYPE_ZIP",
    "CL_TYPE_OOXML_WORD",
    "CL_TYPE_OOXML_PPT",
    "CL_TYPE_OOXML_XL",
    "CL_TYPE_7Z",
    "CL_TYPE_GZ",
    "CL_TYPE_BZ",
    "CL_TYPE_XZ",
    "CL_TYPE_POSIX_TAR",
    "CL_TYPE_OLD_TAR",
    "CL_TYPE_CPIO_OLD",
    "CL_TYPE_CPIO_ODC",
    "CL_TYPE_CPIO_NEWC",
    "CL_TYPE_CPIO_CRC",
    "CL_TYPE_ISO9660",
    "CL_TYPE_MSCAB",
    "CL_TYPE_XAR",
};
constexpr std::array<std::string_view, 6> kHushed = {"CL_TYPE_TNEF",    "CL_TYPE_LHA_LZH", "CL_TYPE_ALZ",
                                                     "CL_TYPE_ONENOTE", "CL_TYPE_RAR",     "CL_TYPE_RARSFX"};

struct Switch {
    std::string_view type;
    const char* key;
    bool config::Scanner::*on;
};

using config::Scanner;
constexpr std::array<Switch, 16> kSwitches = {{
    {"CL_TYPE_MSEXE", "scanner.scan_pe", &Scanner::scan_pe},
    {"CL_TYPE_ELF", "scanner.scan_elf", &Scanner::scan_elf},
    {"CL_TYPE_MSOLE2", "scanner.scan_ole2", &Scanner::scan_ole2},
    {"CL_TYPE_HWPOLE2", "scanner.scan_ole2", &Scanner::scan_ole2},
    {"CL_TYPE_PDF", "scanner.scan_pdf", &Scanner::scan_pdf},
    {"CL_TYPE_XDP", "scanner.scan_pdf", &Scanner::scan_pdf},
    {"CL_TYPE_SWF", "scanner.scan_swf", &Scanner::scan_swf},
    {"CL_TYPE_XML_WORD", "scanner.scan_xmldocs", &Scanner::scan_xmldocs},
    {"CL_TYPE_XML_XL", "scanner.scan_xmldocs", &Scanner::scan_xmldocs},
    {"CL_TYPE_XML_HWP", "scanner.scan_xmldocs", &Scanner::scan_xmldocs},
    {"CL_TYPE_HWP3", "scanner.scan_hwp3", &Scanner::scan_hwp3},
    {"CL_TYPE_ONENOTE", "scanner.scan_onenote", &Scanner::scan_onenote},
    {"CL_TYPE_HTML", "scanner.scan_html", &Scanner::scan_html},
    {"CL_TYPE_HTML_UTF16", "scanner.scan_html", &Scanner::scan_html},
    {"CL_TYPE_MSCHM", "scanner.scan_archive", &Scanner::scan_archive},
    {"CL_TYPE_BINHEX", "scanner.scan_archive", &Scanner::scan_archive},
}};

constexpr std::array<std::string_view, 27> kArchives = {
    "CL_TYPE_ZIP",     "CL_TYPE_OOXML_WORD", "CL_TYPE_OOXML_PPT", "CL_TYPE_OOXML_XL",  "CL_TYPE_OOXML_HWP",
    "CL_TYPE_GZ",      "CL_TYPE_BZ",         "CL_TYPE_XZ",        "CL_TYPE_RAR",       "CL_TYPE_7Z",
    "CL_TYPE_EGG",     "CL_TYPE_ALZ",        "CL_TYPE_LHA_LZH",   "CL_TYPE_ARJ",       "CL_TYPE_POSIX_TAR",
    "CL_TYPE_OLD_TAR", "CL_TYPE_CPIO_OLD",   "CL_TYPE_CPIO_ODC",  "CL_TYPE_CPIO_NEWC", "CL_TYPE_CPIO_CRC",
    "CL_TYPE_ISO9660", "CL_TYPE_MSCAB",      "CL_TYPE_XAR",       "CL_TYPE_DMG",       "CL_TYPE_NULSFT",
    "CL_TYPE_AUTOIT",  "CL_TYPE_SIS",
};

} // namespace

Loudness loudness(std::string_view type) noexcept {
    if (std::find(kHushed.begin(), kHushed.end(), type) != kHushed.end()) return Loudness::hushed;
    // What is in no list is loud, a type of a later libclamav too.
    return std::find(kQuiet.begin(), kQuiet.end(), type) != kQuiet.end() ? Loudness::quiet : Loudness::loud;
}

const char* turned_off(std::string_view type, const config::Scanner& config) noexcept {
    if (!config.scan_archive && std::find(kArchives.begin(), kArchives.end(), type) != kArchives.end())
        return "scanner.scan_archive";
    for (const Switch& one : kSwitches)
        if (one.type == type && !(config.*one.on)) return one.key;
    return nullptr;
}

} // namespace evermilter::scanner
