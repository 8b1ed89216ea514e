#include "workers/session/intake.h"

namespace evermilter::session {

// MTAs pass the lines of a folded header with a bare LF, which is stored as CRLF.
void Intake::header(std::string_view name, std::string_view value, bool leadspc) noexcept {
    bytes_ += name.size() + value.size() + (leadspc ? 3 : 4); // with ":" or ": ", and CRLF
    char before = '\0';
    for (const char byte : value) {
        if (byte == '\n' && before != '\r') ++bytes_;
        before = byte;
    }
}

void Intake::fail(const char* reason) noexcept {
    if (state_ == State::failed) return;
    state_ = State::failed;
    reason_ = reason;
}

const char* Intake::failure() const noexcept {
    switch (state_) {
        case State::none:
            return "no MAIL was accepted";
        case State::receiving:
            return nullptr;
        case State::failed:
            break;
    }
    return reason_;
}

} // namespace evermilter::session
