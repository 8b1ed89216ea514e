#include "workers/session/callbacks/frame.h"

#include <string>

#include "workers/session/libmilter/interpose.h"

namespace evermilter::session::callbacks {

SessionPointer enter() noexcept {
    const int descriptor = libmilter::enter_callback();
    SessionPointer session = the_service().sessions.table().find_by_descriptor(descriptor);
    if (!session) libmilter::forget(descriptor);
    return session;
}

void begin_message(Session& session) noexcept {
    session.intake.begin();
    libmilter::set_in_message(session.descriptor, true);
}

void forget_message(Session& session) noexcept {
    session.forget_message();
    libmilter::set_in_message(session.descriptor, false);
}

void end_message(Session& session) noexcept {
    forget_message(session);
    if (the_service().config.reload.pin != config::Pin::session) session.pin.reset();
    (void)try_to([&] { the_service().sessions.table().show_queue_id(session); });
}

const ListenerPolicy& policy_of(const Session& session) noexcept {
    return the_service().policies.of(session.listener);
}

std::string_view macro(SMFICTX* context, const char* name) {
    std::string symbol(name);
    const char* value = ::smfi_getsymval(context, symbol.data());
    return value == nullptr ? std::string_view() : std::string_view(value);
}

void learn_queue_id(SMFICTX* context, Session& session) {
    const std::string_view id = macro(context, "i");
    if (id.empty() || id == session.queue_id) return;
    session.queue_id = id;
    the_service().sessions.table().show_queue_id(session);
}

void pin_generation(Session& session, std::uint64_t generation) {
    session.pin = the_service().queues.pin(generation);
    if (session.pin) the_service().sessions.table().show_generation(session, session.pin->generation());
}

} // namespace evermilter::session::callbacks
