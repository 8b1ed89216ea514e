// What listeners, admission and the status socket ask of the supervisor. One thread; nothing here blocks.
// They read the State, count connections in it, and change nothing else in it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diff.h"
#include "supervisor/state.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// What is asked for. The supervisor judges it when its turn comes, not before.
enum class ReloadKind : std::uint8_t {
    asked,     // by a person: done during a hold too, and ends the hold if it succeeds
    automatic, // by the watch, clamd's RELOAD or another try: not done during a hold
    start,     // the first load: the content that was held when the service ended, else the directory
    roll_back, // to an earlier content, which is then held
};

struct ReloadRequest {
    ReloadKind kind = ReloadKind::asked;
    bool force = false;            // asked: load even if nothing changed, and without the comparisons of the proof
    std::uint64_t rollback_to = 0; // roll_back: that generation's snapshot; 0: the newest that is not rejected
    std::string by = {};           // who asks, for the log and for a hold
};

struct ReloadOutcome {
    bool ok = false;
    bool changed = false;                     // false: the content is that of the current generation
    std::string error;                        // empty when ok
    std::uint64_t generation = 0;             // the current one afterwards; 0: none
    std::uint64_t content_of = 0;             // the generation that took the snapshot which that one serves; 0: none
    std::vector<std::string> warnings = {};   // what the new generation lacks
    bool held = false;                        // no automatic reload after it
    double seconds = 0;                       // from the request
    std::vector<config::Change> changes = {}; // of the configuration, that were taken over
};
using ReloadCallback = std::function<void(const ReloadOutcome&)>;

class Operations {
  public:
    Operations() = default;
    Operations(const Operations&) = delete;
    Operations& operator=(const Operations&) = delete;
    virtual ~Operations() = default;

    [[nodiscard]] virtual State& state() = 0;
    [[nodiscard]] virtual const config::Config& config() const = 0;

    // Takes a connection whose negotiation packet is whole in its buffer. It goes to the session worker with the
    // fewest sessions, or waits (bounded) for a worker that is starting. False: there was no room, and the connection
    // is closed; the caller counts it as refused.
    [[nodiscard]] virtual bool hand_over(unique_fd connection, Peer peer) = 0;

    // Calls `done` once, from the loop and never from within this call: when the new generation is active or refused,
    // or when nothing had changed. Requests that come during a reload follow it in their order; equal ones in a row
    // are one reload. Empty `done`: nobody waits.
    virtual void request_reload(const ReloadRequest& request, ReloadCallback done) = 0;
    // Reads the configuration file again. Takes it over, or refuses it and changes nothing.
    virtual void request_config_reload(ReloadCallback done) = 0;
    // Has poison messages scanned again: "all", or one by the beginning of a digest in hexadecimal. Returns how many;
    // an Error if no digest begins so, or several do.
    [[nodiscard]] virtual Result<std::size_t> forget_poison(const std::string& which) = 0;
    // Stops automatic reloads until resume() or an explicit reload. Survives a restart.
    virtual void hold(const std::string& by, const std::string& why) = 0;
    // Allows them again, and loads what arrived meanwhile.
    virtual void resume(const std::string& by) = 0;
};

} // namespace evermilter::supervisor
