// Negotiation, connect, HELO and close.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "workers/common/milter/protocol.h"
#include "workers/common/shared/probe_key.h"
#include "workers/session/callbacks/all.h"
#include "workers/session/callbacks/frame.h"
#include "workers/session/libmilter/interpose.h"
#include "workers/session/libmilter/packet_peek.h"
#include "workers/session/policy/unseen_policy.h"
#include "workers/session/session_end.h"

namespace evermilter::session::callbacks {
namespace {

// The macros that are used: the queue id, and the MTA's name for the synthetic Received: line.
void ask_for_macros(SMFICTX* context) {
    std::array<char, 2> host{"j"};
    std::array<char, 2> queue_id{"i"};
    (void)::smfi_setsymlist(context, SMFIM_CONNECT, host.data());
    for (const int place : {SMFIM_ENVFROM, SMFIM_DATA, SMFIM_EOM})
        (void)::smfi_setsymlist(context, place, queue_id.data());
}

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

// A new SMTP session on the same connection. Without a budget of its own it may not go on.
void begin_again(Session& session) noexcept {
    const bool begun = attempt("close", session, [](Session& again) {
        if (!the_service().sessions.begin_again(again)) return;
        if (the_service().config.reload.pin == config::Pin::session) pin_generation(again, 0);
    });
    if (!begun) session.connection.shut_down("out of memory");
}

// One line for a session that ended badly. Called by libmilter's close, with what it closed for still known.
void log_end(Session& session) {
    EndFacts facts;
    facts.closed_for = session.connection.closed_for();
    facts.command = libmilter::current_command();
    facts.packet = libmilter::current_length();
    facts.stage = the_service().sessions.table().stage_of(session);
    facts.message = std::exchange(session.broken_off, std::nullopt);
    if (!facts.message) facts.message = session.unfinished(facts.stage);
    facts.aborted = std::exchange(session.aborted, std::nullopt);
    if (facts.closed_for == nullptr && session.connection.reads_nothing()) facts.closed_for = kReadsNothing;
    if (facts.closed_for == nullptr && facts.command == milter::command::kNone)
        add_rest(look_at_rest(session.descriptor), facts);
    const SessionEnd end = end_of(facts);
    log::write(end.well ? log::Level::debug : the_service().sessions.level(), "session-ended",
               {{"reason", end.reason},
                {"stage", stage_name(end.stage)},
                {"bytes", end.bytes},
                {"session", session.id},
                {"queue_id", end.queue_id},
                {"peer", session.peer},
                {"client", session.client},
                {"from", end.sender}});
}

} // namespace

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
        negotiated.data_command = (steps & SMFIP_NODATA) != 0; // an MTA that can leave DATA out can send it
        if ((*wanted & SMFIF_SETSYMLIST) != 0) ask_for_macros(context);
        the_service().sessions.enter(session, Stage::connect);
        return Go::on;
    });
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

// Called for QUIT, for a broken connection, and for QUIT_NC, after which the connection goes on.
sfsistat on_close(SMFICTX* /*context*/) {
    const SessionPointer session = enter();
    if (!session) return answer_nothing();
    session->speak(false); // an answer that was written has had its line
    (void)try_to([&] { log_end(*session); });
    forget_message(*session);
    session->helo.clear();
    session->client.clear();
    session->probe = false;
    session->pin.reset();
    if (libmilter::current_command() == milter::command::kQuitNewConnection) {
        begin_again(*session);
        return answer_nothing();
    }
    libmilter::forget(session->descriptor);
    the_service().sessions.end(*session);
    return answer_nothing();
}

} // namespace evermilter::session::callbacks
