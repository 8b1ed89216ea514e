#include "workers/session/message_details.h"

#include "workers/common/base/log.h"
#include "workers/session/field_name.h"

namespace evermilter::session {
void MessageDetails::see(std::string_view name, std::string_view value) {
    std::string* const field = is_field(name, "Message-ID") ? &message_id
                               : is_field(name, "Subject")  ? &subject
                               : is_field(name, "Date")     ? &date
                                                            : nullptr;
    if (field == nullptr || !field->empty()) return;
    const std::size_t begin = value.find_first_not_of(" \t\r\n");
    if (begin != std::string_view::npos) *field = log::shortened(value.substr(begin), kLongest);
}

bool wants_details(const config::Config& config) noexcept {
    return config.log.infected == config::LogDetail::full || config.log.clean == config::LogDetail::full ||
           !config.on_infected.command.empty();
}

config::LogDetail detail_of(const config::Log& log, scanning::Finding finding) noexcept {
    if (finding == scanning::Finding::infected) return log.infected;
    return finding == scanning::Finding::clean ? log.clean : config::LogDetail::off;
}

} // namespace evermilter::session
