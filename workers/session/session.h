// One connection of an MTA and the SMTP session on it: what was handed over, what was negotiated, the envelope and
// the message being received. Made at hand-over; after SMFIC_QUIT_NC a new SMTP session begins on the same object.
// One pool thread at a time is in a session's callbacks and owns everything below "the pool thread's"; the rest is
// guarded as said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/from_session.h"
#include "workers/common/shared/counter_labels.h"
#include "workers/scanning/generation_queue.h"
#include "workers/scanning/message_store.h"
#include "workers/session/intake.h"
#include "workers/session/message_details.h"
#include "workers/session/policy/sender_lists.h"
#include "workers/session/session_connection.h"
#include "workers/session/session_end.h"
#include "workers/session/stamp.h"
#include "workers/session/tap/tap.h"

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
    static constexpr std::size_t kMaxRecipients = 10;     // kept, for the log; more are only counted
    static constexpr std::size_t kLongestRecipient = 256; // bytes of each

    std::string sender;
    std::uint64_t announced_size = 0; // by MAIL; 0: not announced
    std::string user;                 // who has authenticated; empty: nobody
    std::vector<std::string> recipients;
    std::size_t recipient_count = 0;
    bool all_exempt = true; // each so far, by skip.recipients
};

struct Session {
    Session(std::uint64_t session_id, std::uint32_t session_slot, std::string session_peer, unique_fd connected,
            const scanning::StoreSettings& settings, scanning::MemoryBudget& budget, std::string session_listener = {})
        : id(session_id),
          slot(session_slot),
          peer(std::move(session_peer)),
          listener(std::move(session_listener)),
          connection(std::move(connected)),
          store(settings, budget) {}

    const std::uint64_t id;
    const std::uint32_t slot;
    const std::string peer;
    const std::string listener; // see HandOver

    SessionConnection connection; // any thread
    int descriptor = -1;          // libmilter's, -1 before accept(). SessionTable's
    bool past_budget = false;     // timeouts.session is over: the next MAIL gets 421. SessionBudgets'

    // SessionEnded, made at the beginning: it can be sent even where memory has failed (outbox.h).
    std::list<messages::FromSession> last_word;

    // The pool thread's.
    Negotiated negotiated;
    std::string client; // of xxfi_connect: name and address
    std::string client_address;
    std::optional<config::ClientSet::Address> client_number; // the same
    std::string client_name;    // empty: not known, or it does not lead back to the address
    std::uint64_t messages = 0; // MAIL commands so far
    bool probe = false;         // of evermilterctl probe
    bool detection = false;     // so far it is what a scanner of ports sends that looks for a milter
    std::string helo;
    std::optional<SkipReason> exempt_client; // by skip.networks, of the SMTP session
    scanning::Pin pin;                       // reload.pin; empty: the current generation
    Envelope envelope;
    ListedSender listed;
    Tapped tapped;
    MessageDetails details; // empty unless the log is to have them
    std::string queue_id;
    std::optional<SkipReason> exempt; // the message is not to be scanned, and not stored
    ForgedHeaders forged;
    Intake intake;
    scanning::MessageStore store;
    std::optional<Unfinished> aborted;    // the last message of this SMTP session that the MTA gave up
    std::optional<Unfinished> broken_off; // the one in which the session ends
    // The lines of the last message, for when its answer has been written, or cannot be; empty: none.
    std::function<void(bool written)> after_answer;

    // Something of the message is lost: it gets actions.error at its end. Needs no memory; `reason` is a constant.
    void fail_message(const char* reason) noexcept {
        intake.fail(reason);
        store.fail(reason);
    }
    // Whether the message is to be stored: to be scanned, or copied.
    [[nodiscard]] bool is_kept() const noexcept { return !exempt || tapped.wanted(); }
    // Whether one is being received: from an accepted MAIL on.
    [[nodiscard]] std::optional<Unfinished> unfinished(Stage stage) const {
        if (!intake.receiving()) return std::nullopt;
        return Unfinished{stage, store.seen(), queue_id, envelope.sender};
    }
    // Logs what was to be logged after the answer, once. If it fails, the line is lost.
    void speak(bool written) noexcept {
        try {
            if (const auto say = std::exchange(after_answer, {})) say(written);
        } catch (const std::exception&) { // NOLINT(bugprone-empty-catch)
        }
    }
    // Forgets the message: answered, refused, aborted, closed.
    void forget_message() noexcept {
        intake.over();
        envelope = {};
        listed = {};
        tapped = {};
        details = {};
        queue_id.clear();
        exempt.reset();
        forged = {};
        store.clear();
    }
};

} // namespace evermilter::session
