// Headers, body, end of message, and a message that the MTA gives up.
#include <string_view>
#include <utility>

#include "workers/common/milter/protocol.h"
#include "workers/session/callbacks/all.h"
#include "workers/session/callbacks/frame.h"
#include "workers/session/field_name.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/message_end.h"
#include "workers/session/policy/from_addresses.h"

namespace evermilter::session::callbacks {
namespace {

// Asked when the recipients are known: with the first part of the message.
void exempt_by_recipients(Session& session) noexcept {
    if (!session.exempt && session.envelope.recipient_count > 0 && session.envelope.all_exempt)
        session.exempt = SkipReason::recipient;
}

} // namespace

// What goes wrong with headers and body is answered at the end of the message.
sfsistat on_header(SMFICTX* /*context*/, char* name, char* value) { // NOLINT(readability-non-const-parameter)
    content(
        "header", [&](Session& session) { session.intake.header(name, value, session.negotiated.leadspc); },
        [&](Session& session) {
            session.forged.see(name);
            if (wants_details(the_service().config)) session.details.see(name, value);
            if (session.listed.wants_from() && is_field(name, "From")) session.listed.see_from(from_addresses(value));
            exempt_by_recipients(session);
            if (session.is_kept()) session.store.add_header(name, value, session.negotiated.leadspc);
            the_service().sessions.enter(session, Stage::header);
        });
    return answer_header();
}

sfsistat on_end_of_headers(SMFICTX* context) {
    content(
        "eoh", [](Session&) {},
        [&](Session& session) {
            exempt_by_recipients(session);
            if (session.is_kept()) session.store.end_of_headers();
            learn_queue_id(context, session);
            the_service().sessions.enter(session, Stage::body);
        });
    return answer_header();
}

sfsistat on_body(SMFICTX* /*context*/, unsigned char* chunk, std::size_t size) {
    content(
        "body", [&](Session& session) { session.intake.body(size); },
        [&](Session& session) {
            exempt_by_recipients(session);
            if (session.is_kept()) session.store.add_body({reinterpret_cast<const char*>(chunk), size});
            the_service().sessions.enter(session, Stage::body);
        });
    return answer_chunk(libmilter::current_command());
}

sfsistat on_end_of_message(SMFICTX* context) {
    Final final = Final::tempfail;
    const SessionPointer session = enter();
    if (!session) return answer_end_of_message(final);
    if (policy_of(*session).observe) final = Final::accept;
    const bool answered = attempt("eom", *session, [&](Session& found) {
        learn_queue_id(context, found);
        exempt_by_recipients(found);
        the_service().sessions.enter(found, Stage::eom);
        final = answer_message(context, the_service(), found);
    });
    if (!answered) count_failed_message(the_service());
    end_message(*session);
    libmilter::expect_answer(); // until it is written the session stays in its stage, under timeouts.eom
    return answer_end_of_message(final);
}

sfsistat on_abort(SMFICTX* /*context*/) {
    const SessionPointer session = enter();
    if (!session) return answer_nothing();
    (void)try_to([&] {
        // Without a command to abort it is libmilter that gives up, and will close.
        auto& place = libmilter::current_command() == milter::command::kAbort ? session->aborted : session->broken_off;
        if (auto message = session->unfinished(the_service().sessions.table().stage_of(*session)))
            place = std::move(message);
    });
    end_message(*session);
    (void)try_to([&] { the_service().sessions.enter(*session, Stage::mail); });
    return answer_nothing();
}

} // namespace evermilter::session::callbacks
