#include "workers/session/callbacks.h"

#include <arpa/inet.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstring>
#include <ctime>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/probe_key.h"
#include "workers/session/answer.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/libmilter/packet_peek.h"
#include "workers/session/message_end.h"
#include "workers/session/unseen_policy.h"

namespace evermilter::session {
namespace {

std::atomic<Service*> g_service{nullptr}; // libmilter hands no argument of ours to its callbacks

Service& the_service() noexcept {
    return *g_service.load(std::memory_order_acquire);
}

using SessionPointer = std::shared_ptr<Session>;

// The session that the callback belongs to. Empty for one that has been given up: its connection is shut down already.
// Does not fail: a callback that could not even find its session would lose what it brought.
SessionPointer enter() noexcept {
    const int descriptor = libmilter::enter_callback();
    SessionPointer session = the_service().sessions.find(descriptor);
    if (!session) libmilter::forget(descriptor);
    return session;
}

// What keeps books only. False when it failed.
template <class Body>
bool try_to(Body&& body) noexcept {
    try {
        body();
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

// Runs what a callback does. When it fails (memory, as a rule) that is recorded before anything else, without memory:
// of the message the rest may still come, where no answer can stop it, and it gets actions.error at its end.
template <class Body>
bool attempt(const char* callback, Session& session, Body&& body) noexcept {
    try {
        body(session);
        return true;
    } catch (const std::exception& error) {
        session.fail_message("a callback of libmilter failed");
        (void)try_to([&] {
            log::error("callback-failed", {{"session", session.id}, {"callback", callback}, {"reason", error.what()}});
        });
        return false;
    }
}

void begin_message(Session& session) noexcept {
    session.intake.begin();
    libmilter::set_in_message(session.descriptor, true);
}

void forget_message(Session& session) noexcept {
    session.forget_message();
    libmilter::set_in_message(session.descriptor, false);
}

// ---------------------------------------------------------------- the kinds of callbacks (answer.h)

// A command of the SMTP session, which is answered at once. A session that is not known, and a failure, are refused.
struct Command {
    const char* callback;
    Stage when_refused; // what the session waits for then
    bool ends_message;  // when it is refused there is no message any more
};

template <class Body> // Go(Session&)
sfsistat command(const Command& what, Body&& body) noexcept {
    Go go = Go::refused;
    const SessionPointer session = enter();
    if (!session) return answer_command(go);
    (void)attempt(what.callback, *session, [&](Session& found) { go = body(found); });
    if (go == Go::refused) {
        if (what.ends_message) forget_message(*session);
        (void)try_to([&] { the_service().sessions.enter(*session, what.when_refused); });
    }
    return answer_command(go);
}

// A part of the message, which is not answered. `count` does not fail, and comes first.
template <class Count, class Body>
void content(const char* callback, Count&& count, Body&& body) noexcept {
    const SessionPointer session = enter();
    if (!session) return;
    count(*session);
    (void)attempt(callback, *session, body);
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
    the_service().sessions.show_queue_id(session);
}

// ---------------------------------------------------------------- generations (reload.pin)

void pin_generation(Session& session, std::uint64_t generation) {
    session.pin = the_service().queues.pin(generation);
    if (session.pin) the_service().sessions.show_generation(session, session.pin->generation());
}

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

void message_over(Session& session) noexcept {
    forget_message(session);
    if (the_service().config.reload.pin != config::Pin::session) session.pin.reset();
    (void)try_to([&] { the_service().sessions.show_queue_id(session); });
}

// ---------------------------------------------------------------- negotiation

unsigned long wanted_actions(const config::Config& config) {
    unsigned long actions = SMFIF_SETSYMLIST;
    if (config.headers.add != config::HeaderMode::no) actions |= SMFIF_ADDHDRS;
    if (config.headers.add == config::HeaderMode::replace) actions |= SMFIF_CHGHDRS;
    const config::Actions& on = config.actions;
    bool quarantine = false;
    for (const config::Action action : {on.infected, on.error, on.oversize, on.forged, on.clean, config.poison.action})
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
    return command({"negotiate", Stage::negotiate, true}, [&](Session& session) {
        *wanted = wanted_actions(the_service().config) & actions;
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
        the_service().sessions.enter(session, Stage::connect);
        return Go::on;
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
sfsistat on_connect(SMFICTX* context, char* host, _SOCK_ADDR* address) {
    return command({"connect", Stage::helo, true}, [&](Session& session) {
        const auto& key = the_service().board.header().probe_key;
        session.probe = is_probe_key({key[0].load(), key[1].load()}, macro(context, kProbeMacro));
        session.client = host == nullptr ? "" : host;
        const std::string number = address_text(address);
        if (!number.empty()) session.client += '[' + number + ']';
        the_service().sessions.enter(session, Stage::helo);
        return Go::on;
    });
}

sfsistat on_helo(SMFICTX* /*context*/, char* name) { // NOLINT(readability-non-const-parameter)
    return command({"helo", Stage::mail, true}, [&](Session& session) {
        session.helo = name == nullptr ? "" : name;
        the_service().sessions.enter(session, Stage::mail);
        return Go::on;
    });
}

Go refuse_mail(SMFICTX* context, Session& session, MailRefusal refusal) {
    const bool draining = refusal == MailRefusal::draining;
    const Reply reply{"421", "4.3.2",
                      draining ? "Service shutting down, try again" : "Session too long, please reconnect"};
    (void)set_reply(context, reply);
    session.after_answer = [id = session.id, peer = session.peer, draining](bool /*written*/) {
        log::info("mail-refused",
                  {{"session", id}, {"peer", peer}, {"reason", draining ? "draining" : "timeouts.session"}});
    };
    libmilter::expect_answer();
    return Go::refused;
}

sfsistat on_mail(SMFICTX* context, char** arguments) {
    return command({"mail", Stage::mail, true}, [&](Session& session) {
        forget_message(session);
        if (const MailRefusal refusal = the_service().sessions.mail_refusal(session); refusal != MailRefusal::none)
            return refuse_mail(context, session, refusal);
        session.envelope.sender = arguments[0];
        learn_queue_id(context, session);
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

// ---------------------------------------------------------------- the message

sfsistat on_rcpt(SMFICTX* /*context*/, char** arguments) {
    return command({"rcpt", Stage::rcpt, false}, [&](Session& session) {
        Envelope& envelope = session.envelope;
        ++envelope.recipient_count;
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

// What goes wrong with headers and body is told at the end of the message.
sfsistat on_header(SMFICTX* /*context*/, char* name, char* value) { // NOLINT(readability-non-const-parameter)
    content(
        "header", [&](Session& session) { session.intake.header(name, value, session.negotiated.leadspc); },
        [&](Session& session) {
            session.forged.see(name);
            session.store.add_header(name, value, session.negotiated.leadspc);
            the_service().sessions.enter(session, Stage::header);
        });
    return answer_header();
}

sfsistat on_end_of_headers(SMFICTX* context) {
    content(
        "eoh", [](Session&) {},
        [&](Session& session) {
            session.store.end_of_headers();
            learn_queue_id(context, session);
            the_service().sessions.enter(session, Stage::body);
        });
    return answer_header();
}

sfsistat on_body(SMFICTX* /*context*/, unsigned char* chunk, std::size_t size) {
    content(
        "body", [&](Session& session) { session.intake.body(size); },
        [&](Session& session) {
            session.store.add_body({reinterpret_cast<const char*>(chunk), size});
            the_service().sessions.enter(session, Stage::body);
        });
    return answer_chunk(libmilter::current_command());
}

sfsistat on_end_of_message(SMFICTX* context) {
    Final final = Final::tempfail;
    const SessionPointer session = enter();
    if (!session) return answer_end_of_message(final);
    const bool answered = attempt("eom", *session, [&](Session& found) {
        learn_queue_id(context, found);
        the_service().sessions.enter(found, Stage::eom);
        final = answer_message(context, the_service(), found);
    });
    if (!answered) count_failed_message(the_service());
    message_over(*session);
    libmilter::expect_answer(); // until it is written the session stays in its stage, under timeouts.eom
    return answer_end_of_message(final);
}

sfsistat on_abort(SMFICTX* /*context*/) {
    const SessionPointer session = enter();
    if (!session) return answer_nothing();
    (void)try_to([&] {
        // Without a command to abort it is libmilter that gives up, and will close.
        auto& place = libmilter::current_command() == SMFIC_ABORT ? session->aborted : session->broken_off;
        if (auto message = session->unfinished(the_service().sessions.stage_of(*session))) place = std::move(message);
    });
    message_over(*session);
    (void)try_to([&] { the_service().sessions.enter(*session, Stage::mail); });
    return answer_nothing();
}

// A new SMTP session on the same connection. Without a budget of its own it may not go on.
void begin_again(Session& session) noexcept {
    const bool begun = attempt("close", session, [](Session& again) {
        if (!the_service().sessions.begin_again(again)) return;
        if (the_service().config.reload.pin == config::Pin::session) pin_generation(again, 0);
    });
    if (!begun) the_service().sessions.give_up(session, "out of memory");
}

// One line for a session that ended badly. Called by libmilter's close, with what it closed for still known.
void log_end(Session& session) {
    const SessionTable& sessions = the_service().sessions;
    EndFacts facts;
    facts.closed_for = sessions.closed_for(session);
    facts.command = libmilter::current_command();
    facts.packet = libmilter::current_length();
    facts.stage = sessions.stage_of(session);
    facts.message = std::exchange(session.broken_off, std::nullopt);
    if (!facts.message) facts.message = session.unfinished(facts.stage);
    facts.aborted = std::exchange(session.aborted, std::nullopt);
    if (facts.closed_for == nullptr && sessions.reads_nothing(session)) facts.closed_for = kReadsNothing;
    if (facts.closed_for == nullptr && facts.command == '\0') add_rest(look_at_rest(session.descriptor), facts);
    const SessionEnd end = end_of(facts);
    log::write(end.well ? log::LogLevel::debug : sessions.level(), "session-ended",
               {{"reason", end.reason},
                {"stage", stage_name(end.stage)},
                {"bytes", end.bytes},
                {"session", session.id},
                {"queue_id", end.queue_id},
                {"peer", session.peer},
                {"client", session.client},
                {"from", end.sender}});
}

// Called for QUIT, for a broken connection, and for QUIT_NC, after which the connection goes on.
sfsistat on_close(SMFICTX* /*context*/) {
    const SessionPointer session = enter();
    if (!session) return answer_nothing();
    session->speak(false); // what has been written has been told of
    (void)try_to([&] { log_end(*session); });
    forget_message(*session);
    session->helo.clear();
    session->client.clear();
    session->probe = false;
    session->pin.reset();
    if (libmilter::current_command() == SMFIC_QUIT_NC) {
        begin_again(*session);
        return answer_nothing();
    }
    libmilter::forget(session->descriptor);
    the_service().sessions.end(*session);
    return answer_nothing();
}

} // namespace

void serve_with(Service& service) noexcept {
    g_service.store(&service);
}

Result<void> register_callbacks(Service& service) {
    serve_with(service);
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
