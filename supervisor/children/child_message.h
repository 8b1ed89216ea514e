// One message that a child has said, of whatever direction: decoded where it was read, opened by the owner of the
// child's role (child_owner.h). What every child may say can be seen by anybody.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "workers/common/ipc/any_child.h"

namespace evermilter::supervisor {

class ChildMessage {
  public:
    // `From`: the variant of a direction.
    template <class From>
    // NOLINTNEXTLINE(google-explicit-constructor)
    requires messages::is_one_of<messages::Hello, From> ChildMessage(From message)
        : said_(std::make_unique<Said<From>>(std::move(message))) {}

    [[nodiscard]] std::string_view name() const noexcept { return said_->name(); }
    [[nodiscard]] bool frequent() const noexcept { return said_->frequent(); }
    // nullptr: it is another message.
    [[nodiscard]] const messages::Hello* hello() const noexcept { return said_->hello(); }
    [[nodiscard]] const messages::Pong* pong() const noexcept { return said_->pong(); }
    // Only where it is of this direction: throws std::bad_cast otherwise.
    template <class From>
    [[nodiscard]] From take() && {
        return std::move(dynamic_cast<Said<From>&>(*said_).message);
    }

  private:
    struct SaidBase {
        SaidBase() = default;
        SaidBase(const SaidBase&) = delete;
        SaidBase& operator=(const SaidBase&) = delete;
        virtual ~SaidBase() = default;
        [[nodiscard]] virtual std::string_view name() const noexcept = 0;
        [[nodiscard]] virtual bool frequent() const noexcept = 0;
        [[nodiscard]] virtual const messages::Hello* hello() const noexcept = 0;
        [[nodiscard]] virtual const messages::Pong* pong() const noexcept = 0;
    };
    template <class From>
    struct Said final : SaidBase {
        explicit Said(From one) : message(std::move(one)) {}
        [[nodiscard]] std::string_view name() const noexcept override { return messages::message_name(message); }
        [[nodiscard]] bool frequent() const noexcept override { return messages::is_frequent(message); }
        [[nodiscard]] const messages::Hello* hello() const noexcept override {
            return std::get_if<messages::Hello>(&message);
        }
        [[nodiscard]] const messages::Pong* pong() const noexcept override {
            return std::get_if<messages::Pong>(&message);
        }
        From message;
    };

    std::unique_ptr<SaidBase> said_;
};

} // namespace evermilter::supervisor
