// Negotiation, connect, HELO and close.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
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

// The macros that are used: the queue id, the MTA's name for the synthetic Received: line, whether the client's name
// leads back to its address (Sendmail; Postfix gives only such names), and who has authenticated. What an MTA does not
// send counts as not known.
void ask_for_macros(SMFICTX* context) {
    const auto ask = [context](int place, std::string names) { (void)::smfi_setsymlist(context, place, names.data()); };
    ask(SMFIM_CONNECT, "j {client_resolve}");
    ask(SMFIM_ENVFROM, "i {auth_authen}");
    ask(SMFIM_DATA, "i");
    ask(SMFIM_EOM, "i");
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

std::optional<config::ClientSet::Address> address_of(const sockaddr* address) {
    if (address == nullptr) return std::nullopt;
    config::ClientSet::Address bytes{};
    if (address->sa_family == AF_INET) {
        sockaddr_in inet{};
        std::memcpy(&inet, address, sizeof inet);
        std::array<std::uint8_t, 4> ipv4{};
        std::memcpy(ipv4.data(), &inet.sin_addr, ipv4.size());
        return config::mapped(ipv4);
    }
    if (address->sa_family != AF_INET6) return std::nullopt;
    sockaddr_in6 inet6{};
    std::memcpy(&inet6, address, sizeof inet6);
    std::memcpy(bytes.data(), &inet6.sin6_addr, bytes.size());
    return bytes;
}

// As far as the MTA has checked it: Postfix says "unknown" and Sendmail "[ADDRESS]" where there is no name.
std::string_view name_of_client(SMFICTX* context, const char* host) {
    const std::string_view resolved = macro(context, "{client_resolve}");
    const std::string_view name = host == nullptr ? "" : host;
    if (name.starts_with('[') || name == "unknown" || (!resolved.empty() && resolved != "OK")) return {};
    return name;
}

// A new SMTP session on the same connection. Without a budget of its own it may not go on.
void begin_again(Session& session) noexcept {
    const bool begun = attempt("close", session, [](Session& again) {
        if (!the_service().sessions.begin_again(again)) return;
        if (the_service().config.reload.pin == config::Pin::session) pin_generation(again, 0);
    });
    if (!begun) session.connection.shut_down("out of memory");
}

// A scanner of ports has found a milter. One line a minute, however many come.
void log_detection(const Session& session) {
    the_service().board.header().counters.add("sessions.detections_total");
    const auto left_out = the_service().detections.pass(steady_now());
    if (!left_out) return;
    log::info("milter-detection",
              {{"peer", session.peer},
               {"listener", session.listener},
               {"remark", "a scanner of ports looks for milters; let only your mail servers reach this port"},
               {"left_out", *left_out == 0 ? std::string() : std::to_string(*left_out)}});
}

// One line for a session that ended badly. Called by libmilter's close, with what it closed for still known.
void log_end(Session& session) {
    if (session.detection) return log_detection(session);
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

unsigned long wanted_actions(const ListenerPolicy& policy) {
    unsigned long actions = SMFIF_SETSYMLIST;
    if (policy.headers.add != config::HeaderMode::no) actions |= SMFIF_ADDHDRS;
    if (policy.headers.add == config::HeaderMode::replace) actions |= SMFIF_CHGHDRS;
    const auto& rules = policy.policy.rules.all();
    if (std::any_of(rules.begin(), rules.end(), [](const Rule& rule) { return rule.header.has_value(); }))
        actions |= SMFIF_ADDHDRS;
    for (const auto& list : policy.senders)
        if (list->header()) actions |= SMFIF_ADDHDRS;
    const config::Actions& on = policy.policy.actions;
    bool quarantine = false;
    for (const config::Action action : {on.infected, on.error, on.oversize, on.forged, on.clean, policy.policy.poison})
        quarantine = quarantine || action == config::Action::quarantine;
    for (const Rule& rule : rules) quarantine = quarantine || rule.action == config::Action::quarantine;
    for (const auto& list : policy.senders)
        quarantine = quarantine || list->config().action == config::Action::quarantine;
    for (const Unseen reason : kUnseenReasons)
        quarantine = quarantine || action_for(on, reason) == config::Action::quarantine;
    if (quarantine) actions |= SMFIF_QUARANTINE;
    return actions;
}

sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps, unsigned long /*unused*/,
                      unsigned long /*unused*/, unsigned long* wanted, unsigned long* protocol, unsigned long* unused2,
                      unsigned long* unused3) {
    return command({"negotiate", Stage::negotiate, true}, [&](Session& session) {
        *wanted = wanted_actions(policy_of(session)) & actions;
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
        session.detection =
            session.detection && address == nullptr && std::string_view(host == nullptr ? "" : host) == "localhost";
        session.probe = is_probe_key({key[0].load(), key[1].load()}, macro(context, kProbeMacro));
        session.client = host == nullptr ? "" : host;
        session.client_address = address_text(address);
        if (!session.client_address.empty()) session.client += '[' + session.client_address + ']';
        session.client_number = address_of(address);
        session.client_name = name_of_client(context, host);
        // A probe asks what becomes of mail that is scanned.
        if (!session.probe)
            session.exempt_client =
                exempt_client(policy_of(session).skip, {session.client_number, session.client_name});
        the_service().sessions.enter(session, Stage::helo);
        return Go::on;
    });
}

sfsistat on_helo(SMFICTX* /*context*/, char* name) { // NOLINT(readability-non-const-parameter)
    return command({"helo", Stage::mail, true}, [&](Session& session) {
        session.detection = false;
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
    session->client_address.clear();
    session->client_number.reset();
    session->client_name.clear();
    session->probe = false;
    session->exempt_client.reset();
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
