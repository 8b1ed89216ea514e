// What the edge (listeners, admission, status socket) asks of the supervisor. One thread; nothing here blocks.
// The edge reads the State, counts accepted and refused connections in it, and changes nothing else of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "config/config.h"
#include "supervisor/state.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"

namespace evermilter::supervisor {

// What is asked for. Judged when its turn comes, not before.
enum class ReloadKind : std::uint8_t {
    asked,     // by a person: done while held too, and ends a hold when it succeeds
    automatic, // watching, clamd's RELOAD, another try: not done while held
    start,     // the first load: what was held when the service ended, else the directory
    roll_back, // to an earlier content, and held there
};

struct ReloadRequest {
    ReloadKind kind = ReloadKind::asked;
    bool force = false;            // asked: load even if nothing changed, and without the comparisons of the proof
    std::uint64_t rollback_to = 0; // roll_back: that generation's snapshot; 0: the newest that is not rejected
    std::string by = {};           // who asks, for the log and for a hold
};

struct ReloadOutcome {
    bool ok = false;
    bool changed = false;                   // false: the content is that of the current generation
    std::string error;                      // empty when ok
    std::uint64_t generation = 0;           // the current one after it, 0: none
    std::uint64_t content_of = 0;           // the generation that took the snapshot which that one serves; 0: none
    std::vector<std::string> warnings = {}; // what the new generation lacks
    bool held = false;                      // reloading by itself is held after it
    double seconds = 0;                     // from the request
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

    // A connection whose negotiation packet is whole in its buffer. It goes to the session worker with the fewest
    // sessions, or waits (bounded) for one that is starting. False: there is no room, the connection was closed;
    // the caller counts it as refused.
    [[nodiscard]] virtual bool hand_over(unique_fd connection, Peer peer) = 0;

    // `done` is called once, from the loop, when the new generation is active or refused, or nothing had changed;
    // never from within this call. Requests during a reload follow it, in their order; equal ones that follow
    // each other are one. Empty `done`: nobody waits.
    virtual void request_reload(const ReloadRequest& request, ReloadCallback done) = 0;
    // Reads the configuration file again and takes it over, or refuses it and changes nothing.
    virtual void request_config_reload(ReloadCallback done) = 0;
    // "all", or the beginning of a digest in hexadecimal: these poison messages are scanned again. How many; an Error
    // when there is none of that digest, or more than one.
    [[nodiscard]] virtual Result<std::size_t> forget_poison(const std::string& which) = 0;
    // No reload by itself, until resume() or an explicit reload; survives a restart.
    virtual void hold(const std::string& by, const std::string& why) = 0;
    // What arrived meanwhile is loaded.
    virtual void resume(const std::string& by) = 0;
};

} // namespace evermilter::supervisor
