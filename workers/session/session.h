// One connection of an MTA and the SMTP session on it: what was handed over, what was negotiated, the envelope and
// the message being received. Made at hand-over; after SMFIC_QUIT_NC a new SMTP session begins on the same object.
// One pool thread at a time is in a session's callbacks and owns everything below "the pool thread's"; the rest is
// guarded as said.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "workers/common/unique_fd.h"
#include "workers/session/generation_queue.h"
#include "workers/session/intake.h"
#include "workers/session/message_store.h"
#include "workers/session/stamp.h"

namespace evermilter::session {

// What the MTA offers and we use; older protocol versions lack some of it.
struct Negotiated {
    bool add_headers = false;    // SMFIF_ADDHDRS
    bool change_headers = false; // SMFIF_CHGHDRS
    bool quarantine = false;     // SMFIF_QUARANTINE
    bool leadspc = false;        // SMFIP_HDR_LEADSPC
    bool data_command = false;   // SMFIC_DATA is sent (protocol version 4 and later)
};

struct Envelope {
    static constexpr std::size_t kMaxRecipients = 50; // kept, for the log; more are only counted

    std::string sender;
    std::vector<std::string> recipients;
    std::size_t recipient_count = 0;
};

struct Session {
    Session(std::uint64_t session_id, std::uint32_t session_slot, std::string session_peer, unique_fd connection,
            const StoreSettings& settings, MemoryBudget& budget)
        : id(session_id),
          slot(session_slot),
          peer(std::move(session_peer)),
          control(std::move(connection)),
          store(settings, budget) {}

    const std::uint64_t id;
    const std::uint32_t slot;
    const std::string peer;

    // Guarded by SessionTable: a descriptor of the same connection, to shut it down; empty when the session ended.
    unique_fd control;
    int descriptor = -1;      // libmilter's, -1 before accept()
    bool past_budget = false; // timeouts.session is over: the next MAIL gets 421
    // Set with the shutdown. Any thread.
    std::atomic<bool> closed{false};

    // The pool thread's.
    Negotiated negotiated;
    std::string client; // of xxfi_connect: name and address
    std::string helo;
    Pin pin; // reload.pin; empty: the current generation
    Envelope envelope;
    std::string queue_id;
    ForgedHeaders forged;
    Intake intake;
    MessageStore store;

    // Something of the message is lost: it gets actions.error at its end. Needs no memory; `reason` is a constant.
    void fail_message(const char* reason) noexcept {
        intake.fail(reason);
        store.fail(reason);
    }
    // Forgets the message: answered, refused, aborted, closed.
    void forget_message() noexcept {
        intake.over();
        envelope = {};
        queue_id.clear();
        forged = {};
        store.clear();
    }
};

} // namespace evermilter::session
