// Whom a child's message is for. A child that sends what is not its to send is killed: what else it does wrong is not
// known.
#pragma once

#include "workers/common/ipc/messages.h"

namespace evermilter::supervisor {

class Children;
class Generations;
class PoisonWatch;
class SessionWorkers;
struct Child;
struct State;

class ChildMessages {
  public:
    // All must outlive this.
    ChildMessages(State& state, Children& children, SessionWorkers& session_workers, Generations& generations,
                  PoisonWatch& poison_watch);

    void take(Child& child, messages::Message&& message);

  private:
    template <class Handler>
    void from_session_worker(Child& child, Handler handler);
    template <class Handler>
    void from_loader(Child& child, Handler handler);
    void out_of_place(Child& child, const char* message);
    void on_detection(const messages::Detection& detection);

    State& state_;
    Children& children_;
    SessionWorkers& session_workers_;
    Generations& generations_;
    PoisonWatch& poison_watch_;
};

} // namespace evermilter::supervisor
