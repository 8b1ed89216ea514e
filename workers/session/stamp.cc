#include "workers/session/stamp.h"

#include "workers/session/field_name.h"

namespace evermilter::session {
namespace {

void remove_all(const char* name, std::int32_t count, std::vector<HeaderOperation>& operations) {
    // From the highest index down: Sendmail keeps the indices after a deletion, Postfix shifts them.
    for (std::int32_t index = count; index > 0; --index)
        operations.push_back({HeaderOperation::Kind::remove, name, index, {}});
}

} // namespace

void ForgedHeaders::see(std::string_view name) noexcept {
    if (is_field(name, kScannedHeader)) ++scanned_;
    if (is_field(name, kStatusHeader)) ++status_;
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
