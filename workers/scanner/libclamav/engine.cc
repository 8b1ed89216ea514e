#include "workers/scanner/libclamav/engine.h"

#include <clamav.h>

#include <algorithm>
#include <limits>
#include <new>
#include <optional>
#include <utility>

#include "workers/scanner/libclamav/call_watch.h"
#include "workers/scanner/libclamav/load_error.h"
#include "workers/scanner/libclamav/message_scan.h"
#include "workers/scanner/libclamav/messages.h"
#include "workers/scanner/libclamav/options.h"
#include "workers/scanner/libclamav/unlocked_reading.h"
#include "workers/scanner/memory/allocator.h"

namespace evermilter::scanner {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Every name of a scan, the strong ones when they are found, heuristics at its end (scan_common(), 1.4). The context is
// that of MessageScan.
void on_virus_found(int, const char* name, void* context) noexcept {
    if (context != nullptr && name != nullptr) static_cast<MessageScan*>(context)->on_name(name);
}

// Each layer, before it is taken apart.
cl_error_t on_layer(int, const char* type, const char**, std::size_t, const char* name, std::size_t size,
                    const char* bytes, std::uint32_t level, std::uint32_t attributes, void* context) noexcept {
    if (context == nullptr) return CL_CLEAN;
    Layer layer;
    layer.level = level;
    if (type != nullptr) layer.type = type;
    if (name != nullptr) layer.name = name;
    if (bytes != nullptr) layer.bytes = {bytes, size};
    layer.normalized = (attributes & LAYER_ATTRIBUTES_NORMALIZED) != 0;
    layer.decrypted = (attributes & LAYER_ATTRIBUTES_DECRYPTED) != 0;
    static_cast<MessageScan*>(context)->on_layer(layer);
    return CL_CLEAN;
}

// The limits at which libclamav passes over a file without a word. Where the configuration sets none, they are as large
// as the largest file that is scanned at all. 0 would not be "none" but "nothing" (scanners.c, 1.4).
struct SilentLimit {
    cl_engine_field field;
    std::optional<std::uint64_t> config::Scanner::*value;
    const char* key;
};
constexpr SilentLimit kSilentLimits[] = {
    {CL_ENGINE_MAX_EMBEDDEDPE, &config::Scanner::max_embedded_pe, "max_embedded_pe"},
    {CL_ENGINE_MAX_HTMLNORMALIZE, &config::Scanner::max_html_normalize, "max_html_normalize"},
    {CL_ENGINE_MAX_HTMLNOTAGS, &config::Scanner::max_html_no_tags, "max_html_no_tags"},
    {CL_ENGINE_MAX_SCRIPTNORMALIZE, &config::Scanner::max_script_normalize, "max_script_normalize"},
    {CL_ENGINE_MAX_ZIPTYPERCG, &config::Scanner::max_zip_type_rcg, "max_zip_type_rcg"},
    {CL_ENGINE_PCRE_MAX_FILESIZE, &config::Scanner::pcre_max_file_size, "pcre_max_file_size"},
};

constexpr auto kMostOfLimit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::uint64_t silent_limit(const cl_engine& engine, const SilentLimit& limit, const config::Scanner& config) {
    const std::optional<std::uint64_t>& value = config.*limit.value;
    if (value) return *value == 0 ? kMostOfLimit : *value;
    const auto number = [&](cl_engine_field field) {
        return static_cast<std::uint64_t>(std::max<long long>(cl_engine_get_num(&engine, field, nullptr), 0));
    };
    return std::max(number(limit.field), number(CL_ENGINE_MAX_FILESIZE));
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

bool g_unpacks_rar = true;

cl_error_t initialise() {
    const cl_error_t code = cl_init(CL_INIT_DEFAULT);
    for (const LibraryMessage& message : take_library_messages())
        if (message.text.find("unrar") != std::string::npos || message.text.find("UnRAR") != std::string::npos)
            g_unpacks_rar = false;
    return code;
}

} // namespace

void Engine::Free::operator()(cl_engine* engine) const noexcept {
    cl_engine_free(engine);
}

Engine::Engine(cl_engine* engine, const config::Scanner& config) : engine_(engine), config_(config) {}

Result<Engine, Refusal> Engine::create(const config::Scanner& config) {
    capture_library_messages();
    static const cl_error_t initialised = initialise();
    if (initialised != CL_SUCCESS) return library_refusal(EX_SOFTWARE, "cannot initialise libclamav", initialised);
    cl_engine* made = cl_engine_new();
    if (made == nullptr) return Refusal{EX_OSERR, "cannot make a libclamav engine: out of memory"};
    Engine engine(made, config);
    auto configured = engine.configure();
    if (!configured) return configured.error();
    return engine;
}

Result<void, Refusal> Engine::configure() {
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
        {CL_ENGINE_MAX_PARTITIONS, c.max_partitions, "max_partitions"},
        {CL_ENGINE_MAX_ICONSPE, c.max_icons_pe, "max_icons_pe"},
        {CL_ENGINE_MAX_RECHWP3, c.max_rec_hwp3, "max_rec_hwp3"},
        {CL_ENGINE_PCRE_MATCH_LIMIT, c.pcre_match_limit, "pcre_match_limit"},
        {CL_ENGINE_PCRE_RECMATCH_LIMIT, c.pcre_rec_match_limit, "pcre_rec_match_limit"},
    };
    const auto set = [&](cl_engine_field field, std::uint64_t value, const char* key) -> Result<void, Refusal> {
        const auto number = static_cast<long long>(std::min(value, kMostOfLimit));
        if (const cl_error_t code = cl_engine_set_num(engine_.get(), field, number); code != CL_SUCCESS)
            return library_refusal(EX_CONFIG, std::string("scanner.") + key, code);
        return {};
    };
    for (const Number& number : numbers) {
        if (!number.value) continue;
        if (auto done = set(number.field, *number.value, number.key); !done) return done;
    }
    for (const SilentLimit& limit : kSilentLimits)
        if (auto done = set(limit.field, silent_limit(*engine_, limit, c), limit.key); !done) return done;
    // libclamav keeps what it called clean by MD5 (1.4), also what it did not look at wholly: the second copy of such a
    // file, or the twin of a collision, would be clean.
    if (auto done = set(CL_ENGINE_DISABLE_CACHE, 1, "the clean cache"); !done) return done;
    if (const std::string categories = pua_categories(c); !categories.empty()) {
        const cl_error_t code = cl_engine_set_str(engine_.get(), CL_ENGINE_PUA_CATEGORIES, categories.c_str());
        if (code != CL_SUCCESS) return library_refusal(EX_CONFIG, "scanner.include_pua, scanner.exclude_pua", code);
    }
    cl_engine_set_clcb_virus_found(engine_.get(), on_virus_found);
    cl_engine_set_clcb_file_inspection(engine_.get(), on_layer);
    return {};
}

Result<void, Refusal> Engine::load(const std::string& path, const std::string& shown_as) {
    (void)take_library_messages();
    const UnlockedReading own_streams;
    unsigned int loaded = 0;
    const cl_error_t code = cl_load(path.c_str(), engine_.get(), &loaded, load_options(config_));
    const auto messages = take_library_messages();
    if (code != CL_SUCCESS)
        return Refusal{.exit_code = load_exit_code(code),
                       .reason = describe_load_error(messages, cl_strerror(code), path, shown_as),
                       .file = failed_database(messages, path)};
    signatures_ += loaded;
    // A load that succeeded with an error in it has left something out.
    if (std::any_of(messages.begin(), messages.end(), [](const auto& m) { return m.severity == Severity::error; }))
        return Refusal{.exit_code = EX_DATAERR,
                       .reason = describe_load_error(messages, "not loaded completely", path, shown_as),
                       .file = failed_database(messages, path)};
    return {};
}

Result<void, Refusal> Engine::load_uncounted(const std::string& path) {
    (void)take_library_messages();
    unsigned int loaded = 0;
    const unsigned int options = load_options(config_) & ~static_cast<unsigned int>(CL_DB_OFFICIAL_ONLY);
    const cl_error_t code = cl_load(path.c_str(), engine_.get(), &loaded, options);
    if (code != CL_SUCCESS)
        return Refusal{EX_SOFTWARE, describe_load_error(take_library_messages(), cl_strerror(code), path, path)};
    return {};
}

Result<void, Refusal> Engine::compile() {
    (void)take_library_messages();
    const cl_error_t code = cl_engine_compile(engine_.get());
    if (code != CL_SUCCESS)
        return library_refusal(code == CL_EMEM ? EX_OSERR : EX_DATAERR, "cannot compile the databases", code);
    return {};
}

Result<void> Engine::set_temp_directory(const std::string& path) {
    const cl_error_t code = cl_engine_set_str(engine_.get(), CL_ENGINE_TMPDIR, path.c_str());
    if (code != CL_SUCCESS)
        return Error{0, "libclamav does not take the temp directory: " + std::string(cl_strerror(code))};
    temp_directory_ = path;
    return {};
}

EngineReport Engine::scan(int fd, bool all_names) {
    const HeapGrowth heap;
    const auto begin = steady_clock::now();
    EngineReport report;
    try {
        auto message = MappedMessage::map(fd);
        if (message) {
            MessageScan scan(*engine_, config_, temp_directory_, fd, message->bytes(), look_, all_names);
            report.verdict = scan.run();
            report.scanned = message->bytes().size();
            report.parts_scanned_again = scan.parts_scanned_again();
        } else {
            report.verdict.detail = message.error().what;
        }
    } catch (const std::bad_alloc&) {
        end_call_watch();
        report.verdict = Verdict{};
        report.verdict.detail = "out of memory";
    }
    heap.give_back();
    report.took = steady_clock::now() - begin;
    return report;
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

bool Engine::unpacks_rar() noexcept {
    return g_unpacks_rar;
}

const char* Engine::library_version() noexcept {
    return cl_retver();
}

} // namespace evermilter::scanner
