#include "workers/session/message_account.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "workers/common/base/log.h"
#include "workers/common/shared/probe_key.h"
#include "workers/session/policy/unseen_policy.h"

namespace evermilter::session {
namespace {

// Of each part of logwatch's line, in its escaped form: the name of the virus stands at the end, and is never cut off.
constexpr std::size_t kLongestPart = 500;

std::string in_brackets(const std::string& address) {
    if (address.size() >= 2 && address.front() == '<' && address.back() == '>') return address;
    return '<' + address + '>';
}

std::string recipient_list(const Envelope& envelope) {
    std::string list;
    for (const std::string& recipient : envelope.recipients) {
        if (!list.empty()) list += ',';
        list += in_brackets(recipient);
    }
    const std::size_t more = envelope.recipient_count - std::min(envelope.recipient_count, envelope.recipients.size());
    if (more > 0) list += ",[+" + std::to_string(more) + ']';
    return list;
}

const char* action_name(config::Action action) {
    switch (action) {
        case config::Action::accept:
            return "accept";
        case config::Action::reject:
            return "reject";
        case config::Action::tempfail:
            return "tempfail";
        case config::Action::discard:
            return "discard";
        case config::Action::quarantine:
            return "quarantine";
    }
    return "tempfail";
}

} // namespace

MessageAccount account_of(Session& session, const scanning::ScanReport& report, const Decision& decision,
                          const config::Log& log, std::chrono::milliseconds took) {
    MessageAccount account;
    account.probe = is_probe(session);
    account.session = session.id;
    account.peer = session.peer;
    account.client = session.client;
    account.queue_id = session.queue_id;
    account.envelope = std::exchange(session.envelope, {});
    account.detail = detail_of(log, report.finding);
    account.details = std::exchange(session.details, {});
    account.listener = session.listener;
    // An exempt one is not stored.
    account.size = session.exempt ? session.intake.bytes() : session.store.seen();
    account.disposition = decision.disposition;
    account.action = decision.action;
    account.observed = decision.observed;
    account.rule = decision.rule;
    account.list = decision.list;
    for (const std::string& name : decision.also) account.also += (account.also.empty() ? "" : ",") + name;
    if (decision.too_many_forged) account.forged = session.forged.total();
    if (decision.reply) account.reply = decision.reply->code;
    if (decision.reason) account.reason = unseen_name(*decision.reason);
    account.report = report;
    if (!decision.virus.empty()) account.report.detail = decision.virus;
    account.took = took;
    return account;
}

bool is_probe(const Session& session) {
    return session.probe && session.store.seen() <= kLongestProbe;
}

messages::Detection detection_of(const MessageAccount& account, const config::OnInfected& on_infected) {
    messages::Detection detection{account.report.detail, account.report.generation};
    if (on_infected.command.empty()) return detection;
    detection.queue_id = account.queue_id;
    detection.sender = in_brackets(account.envelope.sender);
    detection.recipients = recipient_list(account.envelope);
    detection.subject = account.details.subject;
    detection.message_id = account.details.message_id;
    detection.date = account.details.date;
    return detection;
}

void log_message(const MessageAccount& account) {
    const bool failed = account.disposition == Disposition::error;
    const bool full = account.detail == config::LogDetail::full;
    const scanning::ScanReport& report = account.report;
    log::write(failed ? log::Level::warning : log::Level::info, account.probe ? "probe" : "message",
               {{"action", action_name(account.action)},
                {"observed", account.observed ? action_name(*account.observed) : ""},
                {"verdict", kDispositionNames.at(static_cast<std::size_t>(account.disposition))},
                {"finding", scanning::finding_name(report.finding)},
                {"detail", report.detail},
                {"rule", account.rule},
                {"also", account.also},
                {"list", account.list},
                {"reply", account.reply},
                {"answer", account.answered ? "" : "not-written"},
                {"forged", account.forged > 0 ? std::to_string(account.forged) : std::string()},
                {"session", account.session},
                {"queue_id", account.queue_id},
                {"generation", report.generation},
                {"size", account.size},
                {"recipients", account.envelope.recipient_count},
                {"retries", report.retries},
                {"milliseconds", account.took.count()},
                {"peer", account.peer},
                {"listener", account.listener},
                {"client", account.client},
                {"from", in_brackets(account.envelope.sender)},
                {"to", recipient_list(account.envelope)},
                {"message_id", full ? account.details.message_id : ""},
                {"subject", full ? account.details.subject : ""},
                {"date", full ? account.details.date : ""},
                {"reason", account.reason},
                {"unseen", unseen_list(report.unseen)},
                {"ledger", report.ledger}});
    if (report.finding == scanning::Finding::out_of_time) {
        log::warning("session-timed-out", {{"session", account.session},
                                           {"peer", account.peer},
                                           {"stage", stage_name(Stage::eom)},
                                           {"queue_id", account.queue_id}});
    }
    if (account.detail == config::LogDetail::off || account.probe) return;
    const auto part = [](const std::string& text) { return log::shortened(text, kLongestPart); };
    const std::string way =
        "from " + part(in_brackets(account.envelope.sender)) + " to " + part(recipient_list(account.envelope));
    log::write_text(log::Level::info, report.finding == scanning::Finding::infected
                                          ? "Message " + way + " infected by " + part(report.detail)
                                          : "clean message " + way);
}

} // namespace evermilter::session
