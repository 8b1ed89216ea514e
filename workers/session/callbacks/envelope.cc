// MAIL, RCPT and DATA.
#include <unistd.h>

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

// By a list of senders: for `recipient`, or for all.
Go refuse_sender(SMFICTX* context, const Session& session, const SenderList& list, std::string_view recipient) {
    if (policy_of(session).observe) return Go::on; // told at the end of the message
    const Reply reply = list.reply(session.queue_id);
    log::info("sender-refused", {{"list", list.config().name},
                                 {"reply", reply.code},
                                 {"recipient", recipient},
                                 {"from", session.envelope.sender},
                                 {"session", session.id},
                                 {"queue_id", session.queue_id},
                                 {"peer", session.peer},
                                 {"client", session.client}});
    the_service().board.header().counters.add("senders.refused");
    if (!set_reply(context, reply)) return Go::refused;
    return reply.code[0] == '5' ? Go::refused_for_good : Go::refused;
}

// Asks the policy servers of the listener. A recipient that is refused is none of the message.
Go ask_policies(SMFICTX* context, Session& session, const char* recipient) {
    const ListenerPolicy& policy = policy_of(session);
    if (policy.servers.empty() || session.probe) return Go::on;
    learn_queue_id(context, session);
    const std::string instance =
        std::to_string(::getpid()) + '.' + std::to_string(session.id) + '.' + std::to_string(session.messages);
    const RecipientAnswer answer =
        check_recipient(policy.servers,
                        {session.envelope.sender, recipient, session.client_address, session.client_name, session.helo,
                         session.envelope.user, session.queue_id, session.envelope.announced_size, instance},
                        the_service().board.header().counters);
    if (!answer.reply) return Go::on;
    log::info("recipient-refused", {{"policy", answer.policy},
                                    {"reply", answer.reply->code},
                                    {"text", answer.reply->text},
                                    {"observed", policy.observe ? "yes" : ""},
                                    {"recipient", recipient},
                                    {"from", session.envelope.sender},
                                    {"session", session.id},
                                    {"queue_id", session.queue_id},
                                    {"peer", session.peer},
                                    {"client", session.client}});
    if (policy.observe) return Go::on;
    if (!set_reply(context, *answer.reply)) return Go::refused;
    return answer.reply->code[0] == '5' ? Go::refused_for_good : Go::refused;
}

} // namespace

sfsistat on_mail(SMFICTX* context, char** arguments) {
    return command({"mail", Stage::mail, true}, [&](Session& session) {
        forget_message(session);
        if (const MailRefusal refusal = the_service().sessions.mail_refusal(session); refusal != MailRefusal::none)
            return refuse_mail(context, session, refusal);
        session.detection = false;
        session.envelope.sender = arguments[0];
        session.listed = ListedSender(policy_of(session).senders);
        session.envelope.announced_size = announced_size(arguments + 1);
        session.envelope.user = macro(context, "{auth_authen}");
        ++session.messages;
        if (const SenderList* const list = session.listed.see_sender(arguments[0]); list != nullptr && !session.probe)
            if (const Go go = refuse_sender(context, session, *list, {}); go != Go::on) return go;
        learn_queue_id(context, session);
        if (!session.probe)
            session.tapped =
                Tapped(the_service().tap.rules(), {session.client_number, session.client_name}, arguments[0]);
        session.exempt = session.exempt_client;
        if (!session.exempt && !session.probe)
            session.exempt = exempt_sender(policy_of(session).skip, session.envelope.user, arguments[0]);
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

sfsistat on_rcpt(SMFICTX* context, char** arguments) {
    return command({"rcpt", Stage::rcpt, false}, [&](Session& session) {
        if (const SenderList* const list = session.listed.see_recipient(arguments[0]);
            list != nullptr && !session.probe)
            if (const Go go = refuse_sender(context, session, *list, arguments[0]); go != Go::on) return go;
        if (const Go go = ask_policies(context, session, arguments[0]); go != Go::on) return go;
        session.listed.take_recipient(arguments[0]);
        session.tapped.take_recipient(arguments[0]);
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
