#include "workers/session/stamp.h"

#include <strings.h>

#include <cstring>

namespace evermilter::session {
namespace {

bool is(std::string_view name, const char* ours) noexcept {
    // White space before the colon belongs to the name as some MTAs pass it, but not as they count it; of which kind,
    // isspace(3) decides there.
    name = name.substr(0, name.find_last_not_of(" \t\r\n\v\f") + 1);
    return name.size() == std::strlen(ours) && ::strncasecmp(name.data(), ours, name.size()) == 0;
}

void remove_all(const char* name, std::int32_t count, std::vector<HeaderOperation>& operations) {
    // From the highest index down: Sendmail keeps the indices after a deletion, Postfix shifts them.
    for (std::int32_t index = count; index > 0; --index)
        operations.push_back({HeaderOperation::Kind::remove, name, index, {}});
}

} // namespace

void ForgedHeaders::see(std::string_view name) noexcept {
    if (is(name, kScannedHeader)) ++scanned_;
    if (is(name, kStatusHeader)) ++status_;
}

std::vector<HeaderOperation> stamp_operations(config::HeaderMode mode, const ForgedHeaders& forged,
                                              const Decision& decision, std::string_view identity, bool leadspc) {
    std::vector<HeaderOperation> operations;
    if (mode == config::HeaderMode::no || !decision.stamp) return operations;
    if (mode == config::HeaderMode::replace && !decision.keep_forged) {
        remove_all(kScannedHeader, forged.scanned(), operations);
        remove_all(kStatusHeader, forged.status(), operations);
    }
    const std::string lead(leadspc ? " " : "");
    if (decision.scanned)
        operations.push_back({HeaderOperation::Kind::add, kScannedHeader, 0, lead + std::string(identity)});
    operations.push_back({HeaderOperation::Kind::add, kStatusHeader, 0, lead + decision.status});
    return operations;
}

} // namespace evermilter::session
