#include "workers/scanner/libclamav/message_scan.h"

#include <clamav.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "workers/scanner/libclamav/call_watch.h"
#include "workers/scanner/libclamav/message_texts.h"
#include "workers/scanner/libclamav/options.h"
#include "workers/scanner/libclamav/regex_watch.h"
#include "workers/scanner/temp_directory.h"

namespace evermilter::scanner {
namespace {

// Of further ones only that there are some is told.
constexpr std::size_t kMostNames = 64;

using std::chrono::milliseconds;
using std::chrono::steady_clock;

ScanCode scan_code(int code) {
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

std::uint64_t limit_of(const cl_engine& engine, cl_engine_field field) {
    return static_cast<std::uint64_t>(std::max<long long>(::cl_engine_get_num(&engine, field, nullptr), 0));
}

ContentLimits limits_of(const cl_engine& engine) {
    ContentLimits limits;
    limits.max_file_size = limit_of(engine, CL_ENGINE_MAX_FILESIZE);
    limits.max_html_normalize = limit_of(engine, CL_ENGINE_MAX_HTMLNORMALIZE);
    limits.max_html_no_tags = limit_of(engine, CL_ENGINE_MAX_HTMLNOTAGS);
    limits.max_embedded_pe = limit_of(engine, CL_ENGINE_MAX_EMBEDDEDPE);
    limits.max_script_normalize = limit_of(engine, CL_ENGINE_MAX_SCRIPTNORMALIZE);
    limits.pcre_max_file_size = limit_of(engine, CL_ENGINE_PCRE_MAX_FILESIZE);
    limits.max_files = limit_of(engine, CL_ENGINE_MAX_FILES);
    limits.max_scan_size = limit_of(engine, CL_ENGINE_MAX_SCANSIZE);
    return limits;
}

AskedFor asked_for(const config::Scanner& config) {
    return {config.alert_encrypted || config.alert_encrypted_archive,
            config.alert_encrypted || config.alert_encrypted_doc};
}

struct CloseMap {
    void operator()(cl_fmap_t* map) const noexcept { ::cl_fmap_close(map); }
};

// 0 would be no limit at all.
steady_clock::time_point end_of(steady_clock::time_point begin, milliseconds limit) {
    return limit.count() > 0 ? begin + limit : steady_clock::time_point::max();
}

} // namespace

// ---------------------------------------------------------------- the message's bytes

Result<MappedMessage> MappedMessage::map(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return system_error("the message");
    if (status.st_size <= 0) return MappedMessage(std::string_view());
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED) return system_error("cannot map the message"); // NOLINT(performance-no-int-to-ptr)
    return MappedMessage({static_cast<const char*>(memory), size});
}

MappedMessage::MappedMessage(MappedMessage&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedMessage::~MappedMessage() {
    if (!bytes_.empty()) (void)::munmap(const_cast<char*>(bytes_.data()), bytes_.size()); // NOLINT: it was not const
}

// ---------------------------------------------------------------- the scans

MessageScan::MessageScan(cl_engine& engine, const config::Scanner& config, const std::string& temp_directory, int fd,
                         std::string_view bytes, bool look, bool all_names)
    : engine_(engine),
      config_(config),
      fd_(fd),
      look_(look),
      all_names_(all_names),
      bytes_(bytes),
      begin_(steady_clock::now()),
      watch_(limits_of(engine), end_of(begin_, config.max_scan_time)) {
    facts_.temp_directory = temp_directory;
    facts_.code = ScanCode::clean;
}

milliseconds MessageScan::time_left() const {
    if (config_.max_scan_time.count() <= 0) return milliseconds(0);
    return config_.max_scan_time - std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin_);
}

bool MessageScan::decided() const noexcept {
    return (!facts_.detection.empty() && !all_names_) || !facts_.error.empty() || facts_.lost_output ||
           facts_.time_limit_passed || facts_.code == ScanCode::failure || facts_.code == ScanCode::temp_failure;
}

Verdict MessageScan::run() {
    begin_call_watch(facts_.temp_directory);
    watch_regexes();
    if (look_) watch_.read_message(bytes_);
    watch_.begin_scan();
    scan(fd_, {});
    // Past these limits the site wants no more to be looked at, in whatever way.
    const auto reached = [&](const char* limit) {
        return std::find(limits_.begin(), limits_.end(), limit) != limits_.end();
    };
    while (!decided() && !reached("MaxScanSize") && !reached("MaxFiles")) {
        const auto unopened = watch_.take_unopened();
        if (!unopened) break;
        watch_.begin_scan(*unopened);
        scan(-1, unopened->bytes_kept.empty() ? unopened->bytes : std::string_view(unopened->bytes_kept));
    }
    end_call_watch();
    facts_.lost_output = temp_call_failed();
    if (const std::string failed = other_call_failed(); !failed.empty()) add_failure(facts_, failed);
    facts_.temp_filled = temp_directory_filled();
    if (const std::string_view limit = regex_limit_reached(); !limit.empty())
        watch_.add(gap_of_limit(limit, {}, {}, 0));
    if (failed_inside_) add_failure(facts_, "out of memory while the scan was watched");
    Verdict verdict = judge(facts_, watch_.ledger());
    // libclamav leaves files behind where it could not finish them.
    if (facts_.temp_filled && !make_empty_directory(facts_.temp_directory))
        verdict.outcome = messages::ScanOutcome::temp_failed;
    return verdict;
}

void MessageScan::scan(int fd, std::string_view bytes) {
    const milliseconds left = time_left();
    if (config_.max_scan_time.count() > 0 && left.count() <= 0) {
        facts_.time_limit_passed = true;
        return;
    }
    cl_error_t code = ::cl_engine_set_num(&engine_, CL_ENGINE_MAX_SCANTIME, left.count());
    if (code != CL_SUCCESS) {
        facts_.error = "the scan time limit cannot be set";
        return;
    }
    limits_.clear();
    loudness_.clear();
    cl_scan_options options = scan_options(config_);
    const char* name = nullptr;
    unsigned long scanned = 0;
    {
        const Listening listening(*this);
        if (fd >= 0) {
            code = ::cl_scandesc_callback(fd, nullptr, &name, &scanned, &engine_, &options, this);
        } else {
            const std::unique_ptr<cl_fmap_t, CloseMap> map(::cl_fmap_open_memory(bytes.data(), bytes.size()));
            code = map ? ::cl_scanmap_callback(map.get(), nullptr, &name, &scanned, &engine_, &options, this) : CL_EMEM;
        }
    }
    if (code == CL_VIRUS && name != nullptr) on_name(name); // the callback says it too, but for one path
    if (temp_directory_filled()) limits_.emplace_back(kTempLimit);
    watch_.end_scan(limits_);
    worsen(code);
    if (config_.max_scan_time.count() > 0 && time_left().count() <= 0) facts_.time_limit_passed = true;
}

void MessageScan::worsen(int code) {
    const ScanCode seen = scan_code(code);
    if (seen <= facts_.code) return;
    facts_.code = seen;
    facts_.code_text = ::cl_strerror(static_cast<cl_error_t>(code));
}

// ---------------------------------------------------------------- what libclamav tells meanwhile

void MessageScan::on_name(std::string_view name) noexcept {
    try {
        switch (kind_of_name(name, asked_for(config_))) {
            case NameKind::virus:
                note_virus(name);
                break;
            case NameKind::time_limit:
                facts_.time_limit_passed = true;
                break;
            case NameKind::limit: {
                const std::string_view limit = exceeded_limit(name);
                if (std::find(limits_.begin(), limits_.end(), limit) != limits_.end()) break;
                limits_.emplace_back(limit);
                watch_.add(gap_of_limit(limit, {}, {}, 0));
                break;
            }
            case NameKind::encrypted:
                watch_.add(gap_of(Unseen::encrypted, {}, {}, 0, std::string(name)));
                break;
        }
    } catch (...) {
        failed_inside_ = true;
    }
}

// The first, and up to a bound those that are not known yet.
void MessageScan::note_virus(std::string_view name) {
    if (facts_.detection.empty()) {
        facts_.detection = name;
        return;
    }
    auto& others = facts_.others;
    if (name == facts_.detection || std::find(others.begin(), others.end(), name) != others.end()) return;
    if (others.size() < kMostNames)
        others.emplace_back(name);
    else
        facts_.more_names = true;
}

void MessageScan::on_layer(const Layer& layer) noexcept {
    if (!look_) return;
    try {
        open_layer(layer);
    } catch (...) {
        failed_inside_ = true;
    }
}

void MessageScan::open_layer(const Layer& layer) {
    watch_.open(layer);
    if (const char* key = turned_off(layer.type, config_))
        watch_.add(gap_of(Unseen::unsupported, watch_.where(), std::string(layer.type), layer.bytes.size(),
                          std::string(key) + " = false"));
    loudness_.resize(layer.level, Loudness::quiet);
    loudness_.push_back(loudness(layer.type));
    const auto some = [&](Loudness wanted) {
        return std::find(loudness_.begin(), loudness_.end(), wanted) != loudness_.end();
    };
    hear_debug_messages(some(Loudness::loud) && !some(Loudness::hushed));
}

void MessageScan::heard(Severity severity, std::string_view text) noexcept {
    try {
        judge_text(severity, text);
    } catch (...) {
        failed_inside_ = true;
    }
}

void MessageScan::judge_text(Severity severity, std::string_view text) {
    const TextWeight weight = weigh_text(severity, text);
    switch (weight.meaning) {
        case Meaning::harmless:
            return;
        case Meaning::gap: {
            Gap gap = gap_of(weight.reason, watch_.where(), watch_.where_type(), 0, std::string(text));
            gap.label = weight.label;
            watch_.add(std::move(gap));
            return;
        }
        case Meaning::failure:
            add_failure(facts_, text);
            return;
    }
}

} // namespace evermilter::scanner
