// What every milter callback is made of: it finds its session, does its work so that nothing throws across it, and
// answers by its kind (answer.h). Included by the files of this folder and by callbacks.cc only.
#pragma once

#include <libmilter/mfapi.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

#include "workers/common/base/log.h"
#include "workers/session/answer.h"
#include "workers/session/service.h"
#include "workers/session/session.h"

namespace evermilter::session::callbacks {

// libmilter hands no argument of ours to its callbacks.
[[nodiscard]] Service& the_service() noexcept;

using SessionPointer = std::shared_ptr<Session>;

// The session that the callback belongs to. Empty for one that has been given up: its connection is shut down already.
// Does not fail: a callback that could not even find its session would lose what it brought.
[[nodiscard]] SessionPointer enter() noexcept;

// For what only the log or the status needs. False when it failed.
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

void begin_message(Session& session) noexcept;
void forget_message(Session& session) noexcept;
// Answered or aborted: what belonged to it only is given back.
void end_message(Session& session) noexcept;

// ---- the kinds of callbacks (answer.h)

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
    if (go != Go::on) {
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

// ---- what several of them need

[[nodiscard]] const ListenerPolicy& policy_of(const Session& session) noexcept;
// Empty where the MTA has not sent it.
[[nodiscard]] std::string_view macro(SMFICTX* context, const char* name);
// Postfix knows the queue id from DATA on, Sendmail from MAIL on.
void learn_queue_id(SMFICTX* context, Session& session);
// reload.pin: the session keeps this generation; 0 is the current one.
void pin_generation(Session& session, std::uint64_t generation);

} // namespace evermilter::session::callbacks
