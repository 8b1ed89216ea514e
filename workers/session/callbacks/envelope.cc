// MAIL, RCPT and DATA.
#include <ctime>
#include <string>
#include <utility>

#include "workers/session/callbacks/all.h"
#include "workers/session/callbacks/frame.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/message_end.h"
#include "workers/session/policy/mail_refusal.h"

namespace evermilter::session::callbacks {
namespace {

void pin_for_message(Session& session) {
    switch (the_service().config.reload.pin) {
        case config::Pin::session:
            if (!session.pin || !session.pin->usable()) pin_generation(session, 0);
            break;
        case config::Pin::message:
            pin_generation(session, 0);
            break;
        case config::Pin::scan:
            break;
    }
}

Go refuse_mail(SMFICTX* context, Session& session, MailRefusal refusal) {
    (void)set_reply(context, refusal_reply(refusal));
    session.after_answer = [id = session.id, peer = session.peer, refusal](bool /*written*/) {
        log::info("mail-refused", {{"session", id}, {"peer", peer}, {"reason", refusal_name(refusal)}});
    };
    libmilter::expect_answer();
    return Go::refused;
}

} // namespace

sfsistat on_mail(SMFICTX* context, char** arguments) {
    return command({"mail", Stage::mail, true}, [&](Session& session) {
        forget_message(session);
        if (const MailRefusal refusal = the_service().sessions.mail_refusal(session); refusal != MailRefusal::none)
            return refuse_mail(context, session, refusal);
        session.envelope.sender = arguments[0];
        learn_queue_id(context, session);
        session.exempt = session.exempt_client;
        if (!session.exempt && !session.probe)
            session.exempt = exempt_sender(policy_of(session).skip, macro(context, "{auth_authen}"), arguments[0]);
        pin_for_message(session);
        scanning::Preamble preamble;
        preamble.sender = session.envelope.sender;
        preamble.helo = session.helo;
        preamble.client = session.client;
        preamble.host = macro(context, "j");
        preamble.queue_id = session.queue_id;
        preamble.received = std::time(nullptr);
        session.store.begin(std::move(preamble));
        the_service().sessions.enter(session, Stage::rcpt);
        begin_message(session); // last: a MAIL that failed half-way leaves no message
        return Go::on;
    });
}

sfsistat on_rcpt(SMFICTX* /*context*/, char** arguments) {
    return command({"rcpt", Stage::rcpt, false}, [&](Session& session) {
        Envelope& envelope = session.envelope;
        ++envelope.recipient_count;
        envelope.all_exempt =
            envelope.all_exempt && !session.probe && policy_of(session).skip.recipients.matches(arguments[0]);
        if (envelope.recipients.size() < Envelope::kMaxRecipients)
            envelope.recipients.push_back(log::shortened(arguments[0], Envelope::kLongestRecipient));
        // An MTA that sends no SMFIC_DATA collects the whole upload in this stage.
        the_service().sessions.enter(session, Stage::rcpt, session.negotiated.data_command ? Stage::rcpt : Stage::data);
        return Go::on;
    });
}

sfsistat on_data(SMFICTX* context) {
    return command({"data", Stage::mail, true}, [&](Session& session) {
        learn_queue_id(context, session);
        the_service().sessions.enter(session, Stage::data);
        return Go::on;
    });
}

} // namespace evermilter::session::callbacks
