// Who has the children of a role: keeps their records, hears what they say, and knows what their end means. One class a
// kind of process, which Children::own() makes known; Children does the rest.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "supervisor/children/child.h"
#include "supervisor/children/child_message.h"
#include "workers/common/base/result.h"
#include "workers/common/base/unique_fd.h"
#include "workers/common/ipc/codec.h"

namespace evermilter::supervisor {

// All is called from the top of the loop, one at a time, none from within another or from a member of Children. An
// owner may change any state but frees no record of a child; it does so in sweep().
class ChildOwner {
  public:
    ChildOwner() = default;
    ChildOwner(const ChildOwner&) = delete;
    ChildOwner& operator=(const ChildOwner&) = delete;
    virtual ~ChildOwner() = default;

    // nullptr: it has no such child (any more).
    [[nodiscard]] virtual Child* find(std::uint64_t child_id) = 0;
    // A packet of one of its children, as a message of the direction that these speak. An Error: it is none.
    [[nodiscard]] virtual Result<ChildMessage> decode(std::span<const std::byte> bytes,
                                                      std::vector<unique_fd> descriptors) const = 0;
    // Neither Hello nor Pong: these are Children's.
    virtual void on_message(Child& child, ChildMessage&& message) = 0;
    // The child was reaped: its pid is 0, its state dead; everything that it had sent was delivered before.
    virtual void on_exit(Child& child, pid_t pid, int wait_status) = 0;
    // Of a child that is forked by another child of ours: that one's pid, 0 if it is dead.
    [[nodiscard]] virtual pid_t parent_of(const Child& /*child*/) const { return 0; }
    // A process that a child of ours had forked, and which became ours by its parent's death, was reaped. All owners
    // hear of it.
    virtual void on_orphan_exit(pid_t /*pid*/, int /*wait_status*/) {}
    // Between two events: nobody refers to a record. Those that are not needed any more are freed, unless
    // Children::watches().
    virtual void sweep() = 0;
};

// The owner of children that say `From`.
template <class From>
class OwnerOf : public ChildOwner {
  public:
    [[nodiscard]] Result<ChildMessage> decode(std::span<const std::byte> bytes,
                                              std::vector<unique_fd> descriptors) const final {
        auto message = codec::decode<From>(bytes, std::move(descriptors));
        if (!message) return std::move(message).error();
        return ChildMessage(std::move(*message));
    }
    void on_message(Child& child, ChildMessage&& message) final { on_said(child, std::move(message).take<From>()); }

  protected:
    virtual void on_said(Child& child, From&& message) = 0;
};

} // namespace evermilter::supervisor
