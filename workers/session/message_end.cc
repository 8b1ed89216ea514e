#include "workers/session/message_end.h"

#include <fcntl.h>

#include <array>
#include <chrono>
#include <exception>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "workers/common/base/log.h"
#include "workers/common/shared/graces.h"
#include "workers/scanning/digest_message.h"
#include "workers/session/message_account.h"
#include "workers/session/policy/unseen_policy.h"

namespace evermilter::session {
namespace {

// By what the message is known, should it be poison; a message that cannot be read fails in its scan.
MessageDigests digests_of(const Session& session, const scanning::StoredMessage& message) {
    auto digests = scanning::digest_message(message);
    if (digests) return *digests;
    log::warning("no-digest",
                 {{"session", session.id}, {"queue_id", session.queue_id}, {"reason", digests.error().what}});
    return {};
}

scanning::ScanReport scan(SMFICTX* context, Service& service, Session& session, const scanning::StoredMessage& message,
                          SteadyTime deadline) {
    scanning::ScanRequest request;
    request.message = message.fd.get();
    request.size = message.size;
    request.session = session.id;
    request.queue_id = session.queue_id;
    request.digests = digests_of(session, message);
    request.all_names = !service.policies.of(session.listener).policy.rules.empty();
    if (session.pin && session.pin->usable()) request.pin = session.pin;
    request.deadline = deadline;
    // A mail server that has read nothing for timeouts.packet reads no answer either, and each further write would wait
    // as long.
    request.on_progress = [context, &session] {
        if (::smfi_progress(context) != MI_SUCCESS) session.connection.shut_down(kReadsNothing);
    };
    request.cancelled = [&session] { return session.connection.abandoned(); };
    scanning::ScanReport report = service.scanner.scan(request);
    if (report.finding == scanning::Finding::poison) {
        service.board.header().counters.add("messages.skipped_by", SkipReason::poison);
        service.outbox.try_send(messages::PoisonMet{request.digests});
    }
    return report;
}

// What came, what is stored: empty where they agree.
std::string difference(const Intake& intake, const scanning::StoredMessage& message) {
    const std::uint64_t stored = message.size - message.header_offset;
    if (stored == intake.bytes()) return {};
    return std::to_string(intake.bytes()) + " bytes came, " + std::to_string(stored) + " are stored";
}

// A copy for the tap, where it wants one. Whatever goes wrong with that, the message is answered as if there were no
// tap.
void tap(Service& service, Session& session, const Result<scanning::StoredMessage>& message) noexcept {
    if (!session.tapped.wanted()) return;
    try {
        if (!message) return service.tap.drop(message.error().what, session.queue_id);
        unique_fd copy(::fcntl(message->fd.get(), F_DUPFD_CLOEXEC, 0));
        if (!copy) return service.tap.drop(system_error("cannot duplicate the message").what, session.queue_id);
        TapCopy wanted =
            session.tapped.take(std::move(copy), message->header_offset, message->size - message->header_offset);
        wanted.client = session.client;
        wanted.queue_id = session.queue_id;
        service.tap.copy(std::move(wanted));
    } catch (const std::exception&) {
        service.board.header().counters.add("tap", TapEnd::dropped);
    }
}

// All that is known of the message, the scanner's report included.
scanning::ScanReport examine(SMFICTX* context, Service& service, Session& session, SteadyTime deadline) {
    scanning::ScanReport report;
    if (const char* const why = session.intake.failure(); why != nullptr) {
        report.finding = scanning::Finding::internal;
        report.detail = why;
        return report;
    }
    if (session.exempt) {
        report.finding = scanning::Finding::exempt;
        report.detail = skip_reason_name(*session.exempt);
        service.board.header().counters.add("messages.skipped_by", *session.exempt);
        if (session.tapped.wanted()) tap(service, session, session.store.finish());
        return report;
    }
    if (session.store.state() == scanning::StoreState::oversize) {
        tap(service, session, Error{0, "the message is larger than message.max_size"});
        report.finding = scanning::Finding::oversize;
        return report;
    }
    report.finding = scanning::Finding::store_failed;
    if (session.store.state() == scanning::StoreState::failed) {
        tap(service, session, session.store.error());
        report.detail = session.store.error().what;
        return report;
    }
    const auto message = session.store.finish();
    tap(service, session, message);
    if (!message) {
        report.detail = message.error().what;
        return report;
    }
    report.detail = difference(session.intake, *message);
    if (!report.detail.empty()) {
        report.finding = scanning::Finding::internal;
        return report;
    }
    return scan(context, service, session, *message, deadline);
}

// More of our fields came with the message than may be removed. Where they are not to be, or cannot be, any number may.
bool too_many_forged(const config::Headers& headers, const Session& session) {
    return headers.add == config::HeaderMode::replace && session.negotiated.change_headers &&
           session.forged.total() > headers.max_forged;
}

void count(CounterBoard<kSessionWorker>& counters, const scanning::ScanReport& report,
           const Decision& decision) noexcept {
    if (decision.reason) {
        counters.add("messages.incomplete_by", *decision.reason);
    } else {
        counters.add("messages", decision.disposition);
    }
    counters.add("messages.findings", report.finding);
    if (decision.too_many_forged) counters.add("messages.forged");
    counters.add("scans.retries_total", report.retries);
    if (report.scan_ns <= 0) return;
    counters.add("scans.total");
    counters.add("scans.seconds_total", static_cast<std::uint64_t>(report.scan_ns));
}

// Logged when the answer has been written. Without memory for that, the line is lost.
void log_later(Service& service, Session& session, const scanning::ScanReport& report, const Decision& decision,
               std::chrono::steady_clock::duration took) noexcept {
    try {
        MessageAccount account = account_of(session, report, decision, service.config.log,
                                            std::chrono::duration_cast<std::chrono::milliseconds>(took));
        // What is written to TCP after the MTA has hung up is not read either.
        account.answered = !session.connection.abandoned();
        session.after_answer = [&service, account = std::move(account)](bool written) mutable {
            account.answered = account.answered && written;
            log_message(account);
            if (account.report.finding == scanning::Finding::infected && !account.probe)
                service.outbox.try_send(detection_of(account, service.config.on_infected));
        };
    } catch (const std::exception&) { // NOLINT(bugprone-empty-catch)
    }
}

// Header operations that the MTA offers. False when one that it offers failed: the connection is broken.
bool stamp(SMFICTX* context, Service& service, const Session& session, const Decision& decision) {
    const auto operations = stamp_operations(service.policies.of(session.listener).headers.add, session.forged,
                                             decision, service.identity, session.negotiated.leadspc);
    for (HeaderOperation operation : operations) {
        int done = MI_SUCCESS;
        switch (operation.kind) {
            case HeaderOperation::Kind::remove:
                done = ::smfi_chgheader(context, operation.name.data(), operation.index, nullptr);
                break;
            case HeaderOperation::Kind::add:
                if (session.negotiated.add_headers)
                    done = ::smfi_addheader(context, operation.name.data(), operation.value.data());
                break;
        }
        if (done != MI_SUCCESS) return false;
    }
    if (!session.negotiated.add_headers) return true;
    for (config::HeaderField field : decision.fields) {
        if (session.negotiated.leadspc) field.value.insert(0, 1, ' ');
        if (::smfi_addheader(context, field.name.data(), field.value.data()) != MI_SUCCESS) return false;
    }
    return true;
}

// smfi_quarantine(3), whose parameter is not const though it only reads.
bool quarantine(SMFICTX* context, std::string reason) {
    return ::smfi_quarantine(context, reason.data()) == MI_SUCCESS;
}

Final give(SMFICTX* context, Service& service, const Session& session, const Decision& decision) {
    const auto failed = [&](const char* what) {
        log::warning("answer-failed",
                     {{"session", session.id}, {"queue_id", session.queue_id}, {"call", what}, {"peer", session.peer}});
        return Final::tempfail;
    };
    if (decision.stamp && !stamp(context, service, session, decision)) return failed("header");
    if (decision.reply && !set_reply(context, *decision.reply)) (void)failed("smfi_setreply");
    switch (decision.action) {
        case config::Action::accept:
            return Final::accept;
        case config::Action::reject:
            return Final::reject;
        case config::Action::tempfail:
            return Final::tempfail;
        case config::Action::discard:
            return Final::discard;
        case config::Action::quarantine:
            return quarantine(context, decision.quarantine) ? Final::accept : failed("smfi_quarantine");
    }
    return Final::tempfail;
}

} // namespace

bool set_reply(SMFICTX* context, const Reply& reply) {
    std::string code = reply.code;
    std::string xcode = reply.xcode;
    std::string text = reply.text;
    std::array<char*, kReplyLines> lines{};
    for (std::size_t line = 0, begin = 0; line < lines.size() && begin != std::string::npos; ++line) {
        lines.at(line) = &text[begin];
        begin = text.find('\n', begin);
        if (begin != std::string::npos) text[begin++] = '\0';
    }
    return std::apply(
               [&](auto*... line) {
                   return ::smfi_setmlreply(context, code.data(), xcode.empty() ? nullptr : xcode.data(), line...,
                                            nullptr);
               },
               lines) == MI_SUCCESS;
}

void count_failed_message(Service& service) noexcept {
    auto& counters = service.board.header().counters;
    counters.add("messages", Disposition::error);
    counters.add("messages.findings", scanning::Finding::internal);
}

Final answer_message(SMFICTX* context, Service& service, Session& session) {
    const auto begin = std::chrono::steady_clock::now();
    const scanning::ScanReport report =
        examine(context, service, session, begin + service.config.timeouts.eom - graces::kReply);
    if (report.finding == scanning::Finding::out_of_time) service.sessions.count_eom_timeout();
    const ListenerPolicy& of_listener = service.policies.of(session.listener);
    const Policy& policy = of_listener.policy;
    Decision decision = decide(report, policy, session.queue_id);
    if (!is_probe(session)) decision = session.listed.decide(std::move(decision), session.queue_id);
    // An MTA that lets nobody change headers keeps them whatever their number, and no list of them is made.
    decision.keep_forged = !session.negotiated.change_headers;
    if (too_many_forged(of_listener.headers, session)) decision = with_too_many_forged(std::move(decision), policy);
    if (decision.action == config::Action::quarantine && !session.negotiated.quarantine)
        decision = without_quarantine(std::move(decision), report, policy, session.queue_id);
    if (of_listener.observe && !is_probe(session)) decision = observed(std::move(decision));
    // Shown until the next message begins; and a session that began before there was one keeps it (reload.pin).
    if (report.generation != 0) service.sessions.table().show_generation(session, report.generation);
    if (service.config.reload.pin == config::Pin::session && report.generation != 0 &&
        !(session.pin && session.pin->usable()))
        session.pin = service.queues.pin(report.generation);
    const auto took = std::chrono::steady_clock::now() - begin;
    const Final final = give(context, service, session, decision);
    if (is_probe(session))
        service.board.header().counters.add("messages.probe");
    else
        count(service.board.header().counters, report, decision);
    log_later(service, session, report, decision, took);
    return final;
}

} // namespace evermilter::session
