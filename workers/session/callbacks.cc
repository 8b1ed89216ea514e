#include "workers/session/callbacks.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <ctime>
#include <exception>
#include <string>
#include <string_view>

#include "workers/common/log.h"
#include "workers/session/message_end.h"
#include "workers/session/seam.h"
#include "workers/session/unseen_policy.h"

namespace evermilter::session {
namespace {

Service* g_service = nullptr; // libmilter hands no argument of ours to its callbacks

using SessionPointer = std::shared_ptr<Session>;

// Runs one callback. A session that is not known has been given up: its connection is shut down already. Of a message
// whose callback failed the rest may still come, where no reply can stop it: it gets actions.error at its end.
template <class Body>
sfsistat guarded(const char* callback, Body&& body) noexcept {
    SessionPointer session;
    try {
        const int descriptor = seam::enter_callback();
        session = g_service->sessions.find(descriptor);
        if (!session) {
            seam::forget(descriptor);
            return SMFIS_TEMPFAIL;
        }
        return body(*session);
    } catch (const std::exception& error) {
        try {
            log::error("callback-failed",
                       {{"session", session ? session->id : 0}, {"callback", callback}, {"reason", error.what()}});
            if (session) {
                session->forget_message();
                session->store.fail({0, "internal error"}); // short enough to need no memory
                g_service->sessions.enter(*session, Stage::mail);
            }
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): out of memory; the answer stands
        }
        return SMFIS_TEMPFAIL;
    }
}

std::string_view macro(SMFICTX* context, const char* name) {
    std::string symbol(name);
    const char* value = ::smfi_getsymval(context, symbol.data());
    return value == nullptr ? std::string_view() : std::string_view(value);
}

// Postfix knows the queue id from DATA on, Sendmail from MAIL on.
void learn_queue_id(SMFICTX* context, Session& session) {
    const std::string_view id = macro(context, "i");
    if (id.empty() || id == session.queue_id) return;
    session.queue_id = id;
    g_service->sessions.show_queue_id(session);
}

// ---------------------------------------------------------------- generations (reload.pin)

void pin_generation(Session& session, std::uint64_t generation) {
    session.pin = g_service->queues.pin(generation);
    if (session.pin) g_service->sessions.show_generation(session, session.pin->generation());
}

void pin_for_message(Session& session) {
    switch (g_service->config.reload.pin) {
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

void message_over(Session& session) {
    session.forget_message();
    if (g_service->config.reload.pin != config::Pin::session) session.pin.reset();
    g_service->sessions.show_queue_id(session);
    g_service->sessions.enter(session, Stage::mail);
}

// ---------------------------------------------------------------- negotiation

unsigned long wanted_actions(const config::Config& config) {
    unsigned long actions = SMFIF_SETSYMLIST;
    if (config.headers.add != config::HeaderMode::no) actions |= SMFIF_ADDHDRS;
    if (config.headers.add == config::HeaderMode::replace) actions |= SMFIF_CHGHDRS;
    const config::Actions& on = config.actions;
    bool quarantine = false;
    for (const config::Action action : {on.infected, on.error, on.oversize, on.clean, config.poison.action})
        quarantine = quarantine || action == config::Action::quarantine;
    for (const Unseen reason : kUnseenReasons)
        quarantine = quarantine || action_for(on, reason) == config::Action::quarantine;
    if (quarantine) actions |= SMFIF_QUARANTINE;
    return actions;
}

// The macros that are used: the queue id, and the MTA's name for the synthetic Received: line.
void ask_for_macros(SMFICTX* context) {
    std::array<char, 2> host{"j"};
    std::array<char, 2> queue_id{"i"};
    (void)::smfi_setsymlist(context, SMFIM_CONNECT, host.data());
    for (const int place : {SMFIM_ENVFROM, SMFIM_DATA, SMFIM_EOM})
        (void)::smfi_setsymlist(context, place, queue_id.data());
}

sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps, unsigned long /*unused*/,
                      unsigned long /*unused*/, unsigned long* wanted, unsigned long* protocol, unsigned long* unused2,
                      unsigned long* unused3) {
    return guarded("negotiate", [&](Session& session) {
        *wanted = wanted_actions(g_service->config) & actions;
        *protocol = steps & (SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY);
        *unused2 = 0;
        *unused3 = 0;
        Negotiated& negotiated = session.negotiated;
        negotiated.add_headers = (*wanted & SMFIF_ADDHDRS) != 0;
        negotiated.change_headers = (*wanted & SMFIF_CHGHDRS) != 0;
        negotiated.quarantine = (*wanted & SMFIF_QUARANTINE) != 0;
        negotiated.leadspc = (*protocol & SMFIP_HDR_LEADSPC) != 0;
        negotiated.data_command = (steps & SMFIP_NODATA) != 0; // who can leave DATA out can send it
        if ((*wanted & SMFIF_SETSYMLIST) != 0) ask_for_macros(context);
        g_service->sessions.enter(session, Stage::connect);
        return SMFIS_CONTINUE;
    });
}

// ---------------------------------------------------------------- the SMTP session

// `address` is as large as its family needs (libmilter's own union, engine.c, st_connectinfo).
std::string address_text(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const char* shown = nullptr;
    if (address != nullptr && address->sa_family == AF_INET) {
        sockaddr_in inet{};
        std::memcpy(&inet, address, sizeof inet);
        shown = ::inet_ntop(AF_INET, &inet.sin_addr, text.data(), text.size());
    } else if (address != nullptr && address->sa_family == AF_INET6) {
        sockaddr_in6 inet6{};
        std::memcpy(&inet6, address, sizeof inet6);
        shown = ::inet_ntop(AF_INET6, &inet6.sin6_addr, text.data(), text.size());
    }
    return shown == nullptr ? std::string() : std::string(shown);
}

// NOLINTNEXTLINE(readability-non-const-parameter): libmilter's type
sfsistat on_connect(SMFICTX* /*context*/, char* host, _SOCK_ADDR* address) {
    return guarded("connect", [&](Session& session) {
        session.client = host == nullptr ? "" : host;
        const std::string number = address_text(address);
        if (!number.empty()) session.client += '[' + number + ']';
        g_service->sessions.enter(session, Stage::helo);
        return SMFIS_CONTINUE;
    });
}

sfsistat on_helo(SMFICTX* /*context*/, char* name) { // NOLINT(readability-non-const-parameter)
    return guarded("helo", [&](Session& session) {
        session.helo = name == nullptr ? "" : name;
        g_service->sessions.enter(session, Stage::mail);
        return SMFIS_CONTINUE;
    });
}

sfsistat refuse_mail(SMFICTX* context, Session& session, MailRefusal refusal) {
    const bool draining = refusal == MailRefusal::draining;
    const Reply reply{"421", "4.3.2",
                      draining ? "Service shutting down, try again" : "Session too long, please reconnect"};
    log::info(
        "mail-refused",
        {{"session", session.id}, {"peer", session.peer}, {"reason", draining ? "draining" : "timeouts.session"}});
    g_service->sessions.enter(session, Stage::mail);
    (void)set_reply(context, reply);
    return SMFIS_TEMPFAIL;
}

sfsistat on_mail(SMFICTX* context, char** arguments) {
    return guarded("mail", [&](Session& session) {
        session.forget_message();
        if (const MailRefusal refusal = g_service->sessions.mail_refusal(session); refusal != MailRefusal::none)
            return refuse_mail(context, session, refusal);
        session.envelope.sender = arguments[0];
        learn_queue_id(context, session);
        pin_for_message(session);
        Preamble preamble;
        preamble.sender = session.envelope.sender;
        preamble.helo = session.helo;
        preamble.client = session.client;
        preamble.host = macro(context, "j");
        preamble.queue_id = session.queue_id;
        preamble.received = std::time(nullptr);
        session.store.begin(std::move(preamble));
        g_service->sessions.enter(session, Stage::rcpt);
        return SMFIS_CONTINUE;
    });
}

// ---------------------------------------------------------------- the message

sfsistat on_rcpt(SMFICTX* /*context*/, char** arguments) {
    return guarded("rcpt", [&](Session& session) {
        Envelope& envelope = session.envelope;
        ++envelope.recipient_count;
        if (envelope.recipients.size() < Envelope::kMaxRecipients) envelope.recipients.emplace_back(arguments[0]);
        // An MTA that sends no SMFIC_DATA collects the whole upload in this stage.
        g_service->sessions.enter(session, Stage::rcpt, session.negotiated.data_command ? Stage::rcpt : Stage::data);
        return SMFIS_CONTINUE;
    });
}

sfsistat on_data(SMFICTX* context) {
    return guarded("data", [&](Session& session) {
        learn_queue_id(context, session);
        g_service->sessions.enter(session, Stage::data);
        return SMFIS_CONTINUE;
    });
}

// Headers and body are not answered (SMFIP_NR_HDR and its like), so that no MTA waits for each; those that cannot but
// wait libmilter answers. What went wrong is told at the end of the message.
sfsistat on_header(SMFICTX* /*context*/, char* name, char* value) { // NOLINT(readability-non-const-parameter)
    (void)guarded("header", [&](Session& session) {
        session.forged.see(name);
        session.store.add_header(name, value, session.negotiated.leadspc);
        g_service->sessions.enter(session, Stage::header);
        return SMFIS_NOREPLY;
    });
    return SMFIS_NOREPLY;
}

sfsistat on_end_of_headers(SMFICTX* context) {
    (void)guarded("eoh", [&](Session& session) {
        learn_queue_id(context, session);
        session.store.end_of_headers();
        g_service->sessions.enter(session, Stage::body);
        return SMFIS_NOREPLY;
    });
    return SMFIS_NOREPLY;
}

sfsistat on_body(SMFICTX* /*context*/, unsigned char* chunk, std::size_t size) {
    const sfsistat done = guarded("body", [&](Session& session) {
        g_service->sessions.enter(session, Stage::body);
        session.store.add_body({reinterpret_cast<const char*>(chunk), size});
        return SMFIS_CONTINUE;
    });
    // A chunk that came with the end of the message: libmilter goes on to that only if told so (engine.c, st_bodyend).
    return seam::current_command() == SMFIC_BODY ? SMFIS_NOREPLY : done;
}

sfsistat on_end_of_message(SMFICTX* context) {
    return guarded("eom", [&](Session& session) {
        learn_queue_id(context, session);
        g_service->sessions.enter(session, Stage::eom);
        const sfsistat answer = answer_message(context, *g_service, session);
        message_over(session);
        return answer;
    });
}

sfsistat on_abort(SMFICTX* /*context*/) {
    return guarded("abort", [&](Session& session) {
        message_over(session);
        return SMFIS_CONTINUE;
    });
}

// Called for QUIT, for a broken connection, and for QUIT_NC, after which the connection goes on.
sfsistat on_close(SMFICTX* /*context*/) {
    return guarded("close", [&](Session& session) {
        session.forget_message();
        session.helo.clear();
        session.client.clear();
        session.pin.reset();
        if (seam::current_command() == SMFIC_QUIT_NC) {
            g_service->sessions.begin_again(session);
            if (g_service->config.reload.pin == config::Pin::session) pin_generation(session, 0);
            return SMFIS_CONTINUE;
        }
        seam::forget(session.descriptor);
        g_service->sessions.end(session);
        return SMFIS_CONTINUE;
    });
}

} // namespace

Result<void> register_callbacks(Service& service) {
    g_service = &service;
    std::array<char, 11> name{"evermilter"};
    smfiDesc description{};
    description.xxfi_name = name.data(); // libmilter copies it
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = wanted_actions(service.config);
    description.xxfi_connect = on_connect;
    description.xxfi_helo = on_helo;
    description.xxfi_envfrom = on_mail;
    description.xxfi_envrcpt = on_rcpt;
    description.xxfi_data = on_data;
    description.xxfi_header = on_header;
    description.xxfi_eoh = on_end_of_headers;
    description.xxfi_body = on_body;
    description.xxfi_eom = on_end_of_message;
    description.xxfi_abort = on_abort;
    description.xxfi_close = on_close;
    description.xxfi_negotiate = on_negotiate;
    if (::smfi_register(description) != MI_SUCCESS) return Error{0, "smfi_register failed (version mismatch?)"};
    // Our own budgets are shorter; libmilter looks at its own every 600 s only.
    constexpr int kNever = 7 * 24 * 3600;
    (void)::smfi_settimeout(kNever);
    return {};
}

} // namespace evermilter::session
