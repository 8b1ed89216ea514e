#include "workers/scanner/libclamav/options.h"

#include <cstdint>

namespace evermilter::scanner {

cl_scan_options scan_options(const config::Scanner& config) {
    cl_scan_options options{};
    const auto set = [](std::uint32_t& word, bool wanted, std::uint32_t bit) {
        if (wanted) word |= bit;
    };
    // All names, so that one which only says that something was not looked at hides no other.
    set(options.general, true, CL_SCAN_GENERAL_ALLMATCHES);
    set(options.general, config.heuristic_alerts, CL_SCAN_GENERAL_HEURISTICS);
    set(options.general, config.heuristic_scan_precedence, CL_SCAN_GENERAL_HEURISTIC_PRECEDENCE);

    set(options.parse, true, CL_SCAN_PARSE_MAIL);
    set(options.parse, config.scan_archive, CL_SCAN_PARSE_ARCHIVE);
    set(options.parse, config.scan_elf, CL_SCAN_PARSE_ELF);
    set(options.parse, config.scan_pdf, CL_SCAN_PARSE_PDF);
    set(options.parse, config.scan_swf, CL_SCAN_PARSE_SWF);
    set(options.parse, config.scan_hwp3, CL_SCAN_PARSE_HWP3);
    set(options.parse, config.scan_xmldocs, CL_SCAN_PARSE_XMLDOCS);
    set(options.parse, config.scan_ole2, CL_SCAN_PARSE_OLE2);
    set(options.parse, config.scan_html, CL_SCAN_PARSE_HTML);
    set(options.parse, config.scan_pe, CL_SCAN_PARSE_PE);
    set(options.parse, config.scan_onenote, CL_SCAN_PARSE_ONENOTE);
    set(options.parse, config.scan_image, CL_SCAN_PARSE_IMAGE);
    set(options.parse, config.scan_image_fuzzy_hash, CL_SCAN_PARSE_IMAGE_FUZZY_HASH);

    set(options.heuristic, true, CL_SCAN_HEURISTIC_EXCEEDS_MAX);
    set(options.heuristic, config.alert_broken_executables && (config.scan_pe || config.scan_elf),
        CL_SCAN_HEURISTIC_BROKEN);
    set(options.heuristic, config.alert_broken_media, CL_SCAN_HEURISTIC_BROKEN_MEDIA);
    // Asked for always: what is encrypted was not looked at (scan_verdict.h, kind_of_name()).
    set(options.heuristic, true, CL_SCAN_HEURISTIC_ENCRYPTED_ARCHIVE);
    set(options.heuristic, true, CL_SCAN_HEURISTIC_ENCRYPTED_DOC);
    set(options.heuristic, config.alert_macros && config.scan_ole2, CL_SCAN_HEURISTIC_MACROS);
    set(options.heuristic, config.alert_phishing_ssl_mismatch && config.phishing_scan_urls,
        CL_SCAN_HEURISTIC_PHISHING_SSL_MISMATCH);
    set(options.heuristic, config.alert_phishing_cloak && config.phishing_scan_urls, CL_SCAN_HEURISTIC_PHISHING_CLOAK);
    set(options.heuristic, config.alert_partition_intersection, CL_SCAN_HEURISTIC_PARTITION_INTXN);
    if (config.structured_data_detection) {
        set(options.heuristic, true, CL_SCAN_HEURISTIC_STRUCTURED);
        set(options.heuristic, config.structured_cc_only, CL_SCAN_HEURISTIC_STRUCTURED_CC);
        set(options.heuristic, config.structured_ssn_format_normal, CL_SCAN_HEURISTIC_STRUCTURED_SSN_NORMAL);
        set(options.heuristic, config.structured_ssn_format_stripped, CL_SCAN_HEURISTIC_STRUCTURED_SSN_STRIPPED);
    }
    return options;
}

unsigned int load_options(const config::Scanner& config) {
    unsigned int options = 0;
    if (config.phishing_signatures) options |= CL_DB_PHISHING;
    if (config.phishing_scan_urls) options |= CL_DB_PHISHING_URLS;
    if (config.bytecode) options |= CL_DB_BYTECODE;
    if (config.official_database_only) options |= CL_DB_OFFICIAL_ONLY;
    if (config.detect_pua) {
        options |= CL_DB_PUA;
        if (!config.include_pua.empty())
            options |= CL_DB_PUA_INCLUDE;
        else if (!config.exclude_pua.empty())
            options |= CL_DB_PUA_EXCLUDE;
    }
    return options;
}

std::string pua_categories(const config::Scanner& config) {
    const auto& categories = config.include_pua.empty() ? config.exclude_pua : config.include_pua;
    if (!config.detect_pua || categories.empty()) return {};
    std::string text = ".";
    for (const auto& category : categories) text += category + ".";
    return text;
}

} // namespace evermilter::scanner
