// Operations that remember what they were asked, with a real State.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/parse.h"
#include "supervisor/status/operations.h"

namespace evermilter::supervisor::test {

class OperationsOfTest final : public Operations {
  public:
    [[nodiscard]] State& state() override { return the_state; }
    [[nodiscard]] const config::Config& config() const override { return the_config; }
    [[nodiscard]] bool hand_over(unique_fd connection, Peer peer) override {
        if (!has_room) return false;
        handed_over.emplace_back(std::move(connection), std::move(peer));
        return true;
    }
    void request_reload(const ReloadRequest& request, ReloadCallback done) override {
        reloads.push_back(request);
        pending = std::move(done);
    }
    void request_config_reload(ReloadCallback done) override {
        pending = std::move(done);
        if (config_asked) config_asked();
    }
    [[nodiscard]] Result<std::size_t> forget_poison(const std::string& which) override {
        if (which != "all") return Error{0, "no poison message has the digest \"" + which + "\""};
        return the_state.poison.forget_all();
    }
    void hold(const std::string& by, const std::string& why) override {
        Hold hold;
        hold.by = by;
        hold.why = why;
        the_state.decisions.hold = std::move(hold);
    }
    void resume(const std::string& /*by*/) override { the_state.decisions.hold.reset(); }

    State the_state;
    config::Config the_config = config::defaults();
    bool has_room = true;
    std::vector<std::pair<unique_fd, Peer>> handed_over;
    std::vector<ReloadRequest> reloads;
    ReloadCallback pending;
    std::function<void()> config_asked;
};

} // namespace evermilter::supervisor::test
