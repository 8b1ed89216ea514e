// The callbacks by what they carry; callbacks.cc registers them. Called by libmilter in its pool threads, one at a time
// for a session. Their types are libmilter's.
#pragma once

#include <libmilter/mfapi.h>

#include <cstddef>

#include "workers/session/policy/listener_policy.h"

namespace evermilter::session::callbacks {

// ---- connection.cc: from the negotiation to the end of the connection

// The actions that this configuration needs of an MTA.
[[nodiscard]] unsigned long wanted_actions(const ListenerPolicy& policy);
sfsistat on_negotiate(SMFICTX* context, unsigned long actions, unsigned long steps, unsigned long unused0,
                      unsigned long unused1, unsigned long* wanted, unsigned long* protocol, unsigned long* unused2,
                      unsigned long* unused3);
sfsistat on_connect(SMFICTX* context, char* host, _SOCK_ADDR* address);
sfsistat on_helo(SMFICTX* context, char* name);
sfsistat on_close(SMFICTX* context);

// ---- envelope.cc

sfsistat on_mail(SMFICTX* context, char** arguments);
sfsistat on_rcpt(SMFICTX* context, char** arguments);
sfsistat on_data(SMFICTX* context);

// ---- message.cc: what is scanned, and its answer

sfsistat on_header(SMFICTX* context, char* name, char* value);
sfsistat on_end_of_headers(SMFICTX* context);
sfsistat on_body(SMFICTX* context, unsigned char* chunk, std::size_t size);
sfsistat on_end_of_message(SMFICTX* context);
sfsistat on_abort(SMFICTX* context);

} // namespace evermilter::session::callbacks
