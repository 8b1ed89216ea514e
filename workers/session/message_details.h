// What the log says of a message beyond its envelope, where log.infected or log.clean asks for it. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/config.h"
#include "workers/scanning/finding.h"

namespace evermilter::session {

// The fields that clamav-milter's LogInfected Full logs: the first of each, in the form of log lines (log::shortened).
struct MessageDetails {
    static constexpr std::size_t kLongest = 256; // bytes of each

    std::string message_id;
    std::string subject;
    std::string date;

    // A field of the header as libmilter gives it. Throws std::bad_alloc.
    void see(std::string_view name, std::string_view value);
};

// Whether anybody wants them: the log, or on_infected.command.
[[nodiscard]] bool wants_details(const config::Config& config) noexcept;
// How much is said of a message with this finding, beside the line that each message has.
[[nodiscard]] config::LogDetail detail_of(const config::Log& log, scanning::Finding finding) noexcept;

} // namespace evermilter::session
