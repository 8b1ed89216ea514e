#include "workers/scanner/engine.h"

#include <clamav.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "workers/scanner/allocator.h"
#include "workers/scanner/load_error.h"
#include "workers/scanner/scan_options.h"
#include "workers/scanner/stdio_watch.h"
#include "workers/scanner/temp_directory.h"
#include "workers/scanner/temp_filling.h"
#include "workers/scanner/unlocked_reading.h"

namespace evermilter::scanner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// libclamav hands the name of a message above MaxFileSize only to an engine that has this callback.
void on_virus_found(int, const char*, void*) noexcept {}

ScanCode scan_code(cl_error_t code) {
    switch (code) {
        case CL_CLEAN:
            return ScanCode::clean;
        case CL_VIRUS:
            return ScanCode::detection;
        case CL_EOPEN:
        case CL_ECREAT:
        case CL_EUNLINK:
        case CL_EWRITE:
        case CL_EACCES:
        case CL_ETMPFILE:
        case CL_ETMPDIR:
            return ScanCode::temp_failure;
        default:
            return ScanCode::failure;
    }
}

int load_exit_code(cl_error_t code) {
    switch (code) {
        case CL_EMEM:
            return EX_OSERR;
        case CL_EACCES:
            return EX_NOPERM;
        default:
            return EX_DATAERR;
    }
}

Refusal library_refusal(int exit_code, const std::string& what, cl_error_t code) {
    std::string reason = what + ": " + cl_strerror(code);
    for (const auto& message : take_library_messages())
        if (message.severity == Severity::error) reason += " (" + message.text + ")";
    return {exit_code, std::move(reason)};
}

} // namespace

void Engine::Free::operator()(cl_engine* engine) const noexcept {
    cl_engine_free(engine);
}

Engine::Engine(cl_engine* engine, const config::Scanner& config) : engine_(engine), config_(config) {}

Outcome<Engine> Engine::create(const config::Scanner& config) {
    capture_library_messages();
    static const cl_error_t initialised = cl_init(CL_INIT_DEFAULT);
    if (initialised != CL_SUCCESS) return library_refusal(EX_SOFTWARE, "cannot initialise libclamav", initialised);
    cl_engine* made = cl_engine_new();
    if (made == nullptr) return Refusal{EX_OSERR, "cannot make a libclamav engine: out of memory"};
    Engine engine(made, config);
    auto configured = engine.configure();
    if (!configured) return configured.refusal();
    return engine;
}

Outcome<Done> Engine::configure() {
    struct Number {
        cl_engine_field field;
        std::optional<std::uint64_t> value;
        const char* key;
    };
    const auto count = [](milliseconds time) { return static_cast<std::uint64_t>(time.count()); };
    const config::Scanner& c = config_;
    const Number numbers[] = {
        {CL_ENGINE_MAX_SCANTIME, count(c.max_scan_time), "max_scan_time"},
        {CL_ENGINE_MAX_FILESIZE, c.max_file_size, "max_file_size"},
        {CL_ENGINE_MAX_SCANSIZE, c.max_scan_size, "max_scan_size"},
        {CL_ENGINE_MAX_RECURSION, c.max_recursion, "max_recursion"},
        {CL_ENGINE_MAX_FILES, c.max_files, "max_files"},
        {CL_ENGINE_MIN_CC_COUNT, c.structured_min_credit_card_count, "structured_min_credit_card_count"},
        {CL_ENGINE_MIN_SSN_COUNT, c.structured_min_ssn_count, "structured_min_ssn_count"},
        {CL_ENGINE_BYTECODE_TIMEOUT, count(c.bytecode_timeout), "bytecode_timeout"},
        {CL_ENGINE_MAX_EMBEDDEDPE, c.max_embedded_pe, "max_embedded_pe"},
        {CL_ENGINE_MAX_HTMLNORMALIZE, c.max_html_normalize, "max_html_normalize"},
        {CL_ENGINE_MAX_HTMLNOTAGS, c.max_html_no_tags, "max_html_no_tags"},
        {CL_ENGINE_MAX_SCRIPTNORMALIZE, c.max_script_normalize, "max_script_normalize"},
        {CL_ENGINE_MAX_ZIPTYPERCG, c.max_zip_type_rcg, "max_zip_type_rcg"},
        {CL_ENGINE_MAX_PARTITIONS, c.max_partitions, "max_partitions"},
        {CL_ENGINE_MAX_ICONSPE, c.max_icons_pe, "max_icons_pe"},
        {CL_ENGINE_MAX_RECHWP3, c.max_rec_hwp3, "max_rec_hwp3"},
        {CL_ENGINE_PCRE_MATCH_LIMIT, c.pcre_match_limit, "pcre_match_limit"},
        {CL_ENGINE_PCRE_RECMATCH_LIMIT, c.pcre_rec_match_limit, "pcre_rec_match_limit"},
        {CL_ENGINE_PCRE_MAX_FILESIZE, c.pcre_max_file_size, "pcre_max_file_size"},
    };
    for (const Number& number : numbers) {
        if (!number.value) continue;
        constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<long long>::max());
        const auto value = static_cast<long long>(std::min(*number.value, most));
        if (const cl_error_t code = cl_engine_set_num(engine_.get(), number.field, value); code != CL_SUCCESS)
            return library_refusal(EX_CONFIG, std::string("scanner.") + number.key, code);
    }
    if (const std::string categories = pua_categories(c); !categories.empty()) {
        const cl_error_t code = cl_engine_set_str(engine_.get(), CL_ENGINE_PUA_CATEGORIES, categories.c_str());
        if (code != CL_SUCCESS) return library_refusal(EX_CONFIG, "scanner.include_pua, scanner.exclude_pua", code);
    }
    cl_engine_set_clcb_virus_found(engine_.get(), on_virus_found);
    return Done{};
}

Outcome<Done> Engine::load(const std::string& path, const std::string& shown_as) {
    (void)take_library_messages();
    const UnlockedReading own_streams;
    unsigned int loaded = 0;
    const cl_error_t code = cl_load(path.c_str(), engine_.get(), &loaded, load_options(config_));
    const auto messages = take_library_messages();
    if (code != CL_SUCCESS)
        return Refusal{load_exit_code(code), describe_load_error(messages, cl_strerror(code), path, shown_as)};
    signatures_ += loaded;
    // A load that succeeded with an error in it has left something out.
    if (std::any_of(messages.begin(), messages.end(), [](const auto& m) { return m.severity == Severity::error; }))
        return Refusal{EX_DATAERR, describe_load_error(messages, "not loaded completely", path, shown_as)};
    return Done{};
}

Outcome<Done> Engine::load_uncounted(const std::string& path) {
    (void)take_library_messages();
    unsigned int loaded = 0;
    const unsigned int options = load_options(config_) & ~static_cast<unsigned int>(CL_DB_OFFICIAL_ONLY);
    const cl_error_t code = cl_load(path.c_str(), engine_.get(), &loaded, options);
    if (code != CL_SUCCESS)
        return Refusal{EX_SOFTWARE, describe_load_error(take_library_messages(), cl_strerror(code), path, path)};
    return Done{};
}

Outcome<Done> Engine::compile() {
    (void)take_library_messages();
    const cl_error_t code = cl_engine_compile(engine_.get());
    if (code != CL_SUCCESS)
        return library_refusal(code == CL_EMEM ? EX_OSERR : EX_DATAERR, "cannot compile the databases", code);
    return Done{};
}

Result<void> Engine::set_temp_directory(const std::string& path) {
    const cl_error_t code = cl_engine_set_str(engine_.get(), CL_ENGINE_TMPDIR, path.c_str());
    if (code != CL_SUCCESS)
        return Error{0, "libclamav does not take the temp directory: " + std::string(cl_strerror(code))};
    temp_directory_ = path;
    return {};
}

ScanFacts Engine::scan_once(int fd, bool report_limits, milliseconds limit) {
    (void)take_library_messages();
    const unsigned long flushes_failed = failed_flushes();
    watch_temp_directory(temp_directory_);
    cl_scan_options options = scan_options(config_);
    if (!report_limits) options.heuristic &= ~static_cast<std::uint32_t>(CL_SCAN_HEURISTIC_EXCEEDS_MAX);

    // 0 would be no limit at all.
    const long long limit_ms = std::max<long long>(limit.count(), 1);
    ScanFacts facts;
    facts.temp_directory = temp_directory_;
    cl_error_t code = cl_engine_set_num(engine_.get(), CL_ENGINE_MAX_SCANTIME, limit_ms);
    if (code != CL_SUCCESS) {
        facts.code_text = "the scan time limit cannot be set";
        return facts;
    }
    const char* name = nullptr;
    unsigned long scanned = 0;
    code = cl_scandesc_callback(fd, nullptr, &name, &scanned, engine_.get(), &options, nullptr);
    facts.code = scan_code(code);
    facts.code_text = cl_strerror(code);
    if (facts.code == ScanCode::detection) facts.name = name != nullptr ? name : "unnamed";
    facts.messages = take_library_messages();
    facts.lost_output = failed_flushes() != flushes_failed || room_ran_out();
    facts.temp_filled = temp_directory_filled();
    return facts;
}

ScanReport Engine::scan(int fd) {
    const HeapGrowth heap;
    const auto begin = steady_clock::now();
    const milliseconds limit = config_.max_scan_time;
    const auto passed = [&] { return limit.count() > 0 && steady_clock::now() - begin >= limit; };

    ScanFacts facts = scan_once(fd, true, limit);
    facts.time_limit_passed = passed();
    Verdict verdict = judge(facts);
    bool doubt = leaves_doubt(facts);
    // libclamav gives one name: a limit that was reached may stand before another heuristic that would count, and
    // with heuristic_scan_precedence it has ended the scan before a signature matched. What the same scan
    // finds without the limits' heuristic is what clamd's own default finds.
    if (verdict.outcome == messages::ScanOutcome::incomplete && !exceeded_limit(facts.name).empty()) {
        const auto left = limit - std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
        ScanFacts again = scan_once(fd, false, left);
        again.time_limit_passed = passed();
        const Verdict second = judge(again);
        doubt = doubt || leaves_doubt(again);
        if (second.outcome != messages::ScanOutcome::clean) verdict = second;
    }
    // libclamav leaves files behind where it could not finish them.
    if (facts.temp_filled && !make_empty_directory(temp_directory_))
        verdict.outcome = messages::ScanOutcome::temp_failed;
    heap.give_back();
    return {std::move(verdict), steady_clock::now() - begin, doubt};
}

std::uint64_t Engine::daily_version() const {
    return static_cast<std::uint64_t>(cl_engine_get_num(engine_.get(), CL_ENGINE_DB_VERSION, nullptr));
}

std::int64_t Engine::daily_time() const {
    return cl_engine_get_num(engine_.get(), CL_ENGINE_DB_TIME, nullptr);
}

void Engine::keep_temp_files() {
    (void)cl_engine_set_num(engine_.get(), CL_ENGINE_KEEPTMP, 1);
}

const char* Engine::library_version() noexcept {
    return cl_retver();
}

} // namespace evermilter::scanner
