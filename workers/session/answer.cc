#include "workers/session/answer.h"

#include <libmilter/mfdef.h>

namespace evermilter::session {

sfsistat answer_command(Go go) noexcept {
    switch (go) {
        case Go::on:
            return SMFIS_CONTINUE;
        case Go::refused:
            return SMFIS_TEMPFAIL;
        case Go::refused_for_good:
            return SMFIS_REJECT;
    }
    return SMFIS_TEMPFAIL;
}

sfsistat answer_header() noexcept {
    return SMFIS_NOREPLY;
}

sfsistat answer_chunk(char command) noexcept {
    // SMFIS_CONTINUE is right in either packet: where it was SMFIC_BODY after all, libmilter sends nothing and logs it.
    return command == SMFIC_BODY ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

sfsistat answer_end_of_message(Final final) noexcept {
    switch (final) {
        case Final::accept:
            return SMFIS_ACCEPT;
        case Final::reject:
            return SMFIS_REJECT;
        case Final::tempfail:
            return SMFIS_TEMPFAIL;
        case Final::discard:
            return SMFIS_DISCARD;
    }
    return SMFIS_TEMPFAIL;
}

sfsistat answer_nothing() noexcept {
    return SMFIS_CONTINUE;
}

} // namespace evermilter::session
