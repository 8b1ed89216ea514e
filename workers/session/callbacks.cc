#include "workers/session/callbacks.h"

#include <libmilter/mfapi.h>

#include <array>
#include <atomic>

#include "workers/session/callbacks/all.h"
#include "workers/session/callbacks/frame.h"

namespace evermilter::session {
namespace {

std::atomic<Service*> g_service{nullptr};

} // namespace

Service& callbacks::the_service() noexcept {
    return *g_service.load(std::memory_order_acquire);
}

void serve_with(Service& service) noexcept {
    g_service.store(&service);
}

Result<void> register_callbacks(Service& service) {
    serve_with(service);
    std::array<char, 11> name{"evermilter"};
    smfiDesc description{};
    description.xxfi_name = name.data(); // libmilter copies it
    description.xxfi_version = SMFI_VERSION;
    description.xxfi_flags = 0;
    for (const ListenerPolicy& policy : service.policies.all())
        description.xxfi_flags |= callbacks::wanted_actions(policy);
    description.xxfi_connect = callbacks::on_connect;
    description.xxfi_helo = callbacks::on_helo;
    description.xxfi_envfrom = callbacks::on_mail;
    description.xxfi_envrcpt = callbacks::on_rcpt;
    description.xxfi_data = callbacks::on_data;
    description.xxfi_header = callbacks::on_header;
    description.xxfi_eoh = callbacks::on_end_of_headers;
    description.xxfi_body = callbacks::on_body;
    description.xxfi_eom = callbacks::on_end_of_message;
    description.xxfi_abort = callbacks::on_abort;
    description.xxfi_close = callbacks::on_close;
    description.xxfi_negotiate = callbacks::on_negotiate;
    if (::smfi_register(description) != MI_SUCCESS) return Error{0, "smfi_register failed (version mismatch?)"};
    // Our own budgets are shorter; libmilter looks at its own every 600 s only.
    constexpr int kNever = 7 * 24 * 3600;
    (void)::smfi_settimeout(kNever);
    return {};
}

} // namespace evermilter::session
