// What the edge (listeners, admission, status socket) asks of the supervisor. One thread; nothing here blocks.
// The edge reads the State, counts accepted and refused connections in it, and changes nothing else of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "config/config.h"
#include "supervisor/state.h"
#include "workers/common/result.h"
#include "workers/common/unique_fd.h"

namespace evermilter::supervisor {

struct ReloadRequest {
    bool force = false;            // load even if nothing changed, and without the comparisons of the proof
    bool by_itself = false;        // watching, or clamd's RELOAD: not done while held
    std::uint64_t rollback_to = 0; // not 0: that generation's snapshot, and hold afterwards
    bool rollback = false;         // rollback_to 0: the previous one
};

struct ReloadOutcome {
    bool ok = false;
    bool changed = false;         // false: the directory's content is that of the current generation
    std::string error;            // empty when ok
    std::uint64_t generation = 0; // the current one after it, 0: none
    double seconds = 0;           // from the request
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
    // never from within this call. Requests during a reload are merged into one that follows. Empty `done`: nobody
    // waits.
    virtual void request_reload(const ReloadRequest& request, ReloadCallback done) = 0;
    // Reads the configuration file again and takes it over, or refuses it and changes nothing.
    virtual void request_config_reload(ReloadCallback done) = 0;
    // "all", or the beginning of a digest in hexadecimal: these poison messages are scanned again. How many; an Error
    // when there is none of that digest, or more than one.
    [[nodiscard]] virtual Result<std::size_t> forget_poison(const std::string& which) = 0;
    virtual void hold() = 0;
    virtual void resume() = 0;
};

} // namespace evermilter::supervisor
