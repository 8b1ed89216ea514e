#include "supervisor/start_report.h"

#include <sysexits.h>

#include <algorithm>
#include <array>
#include <utility>

#include "workers/common/base/log.h"

namespace evermilter::supervisor {
namespace {

// Most severe first.
constexpr std::array kBySeverity = {EX_CONFIG, EX_NOPERM, EX_CANTCREAT, EX_UNAVAILABLE,
                                    EX_NOHOST, EX_NOUSER, EX_OSERR,     EX_TEMPFAIL};

} // namespace

void StartReport::fault(int exit_code, std::string text) {
    faults_.push_back({exit_code, std::move(text)});
}

void StartReport::warning(std::string_view event, std::string text) {
    if (!trial()) log::warning(event, {{"warning", text}});
    note(std::move(text));
}

void StartReport::note(std::string text) {
    if (trial()) notes_.push_back(std::move(text));
}

int StartReport::exit_code() const {
    if (faults_.empty()) return EX_OK;
    for (const int code : kBySeverity) {
        if (std::any_of(faults_.begin(), faults_.end(),
                        [code](const StartFault& one) { return one.exit_code == code; }))
            return code;
    }
    return faults_.front().exit_code;
}

void StartReport::faults_to_notes() {
    for (StartFault& fault : std::exchange(faults_, {})) notes_.push_back(std::move(fault.text));
}

} // namespace evermilter::supervisor
