// Children without processes: each is the other end of its channel, which the test speaks on, and a pid that ends when
// the test says so. A signal to a pid that is reaped, or was never given, is an error.
#pragma once

#include <fcntl.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "supervisor/children/processes.h"
#include "workers/common/ipc/channel.h"

namespace evermilter::supervisor::test {

class FakeProcesses final : public Processes {
  public:
    static constexpr pid_t kOwnPid = 1000;

    [[nodiscard]] Result<pid_t> start(messages::Role role, const Identities& /*identities*/, int channel) override {
        if (refuse) return Error{EAGAIN, "cannot fork"};
        const pid_t pid = next_pid.value_or(last_pid_ + 1);
        next_pid.reset();
        last_pid_ = std::max(last_pid_, pid);
        all_[pid] = {role, unique_fd(::fcntl(channel, F_DUPFD_CLOEXEC, 0)), kOwnPid, std::nullopt};
        started.push_back(pid);
        return pid;
    }
    void kill(pid_t pid) override {
        BOOST_REQUIRE_MESSAGE(all_.contains(pid), "a signal to " << pid << ", which is nobody's");
        killed.push_back(pid);
        end(pid, SIGKILL);
    }
    [[nodiscard]] pid_t find_dead() override {
        for (const auto& [pid, process] : all_)
            if (process.status && process.parent == kOwnPid) return pid;
        return 0;
    }
    [[nodiscard]] int reap(pid_t pid) override {
        const int status = all_.at(pid).status.value();
        all_.erase(pid);
        return status;
    }
    [[nodiscard]] pid_t parent_of(pid_t pid) const override {
        const auto found = all_.find(pid);
        return found == all_.end() ? -1 : found->second.parent;
    }
    [[nodiscard]] pid_t own_pid() const override { return kOwnPid; }

    // One that `parent` has forked, with the channel that it was given for it.
    pid_t fork(pid_t parent, unique_fd channel = {}) {
        all_[++last_pid_] = {messages::Role::standby, std::move(channel), parent, std::nullopt};
        return last_pid_;
    }
    // It ends; what it had forked is ours.
    void end(pid_t pid, int status) {
        Process& process = all_.at(pid);
        if (process.status) return;
        process.status = status;
        process.channel.reset();
        for (auto& [child, one] : all_)
            if (one.parent == pid) one.parent = kOwnPid;
    }
    // Its parent has reaped it.
    void forget(pid_t pid) { all_.erase(pid); }
    [[nodiscard]] bool lives(pid_t pid) const {
        const auto found = all_.find(pid);
        return found != all_.end() && !found->second.status;
    }
    [[nodiscard]] std::vector<pid_t> living() const {
        std::vector<pid_t> pids;
        for (const auto& [pid, process] : all_)
            if (!process.status) pids.push_back(pid);
        return pids;
    }

    template <class From>
    void say(pid_t pid, std::type_identity_t<From> message) {
        if (lives(pid)) static_cast<void>(send_message<From>(all_.at(pid).channel.get(), std::move(message)).ok());
    }
    void greet(pid_t pid) {
        messages::Hello hello;
        hello.role = all_.at(pid).role;
        hello.pid = pid;
        say<messages::FromAnyChild>(pid, hello);
    }
    void say_bytes(pid_t pid, const std::string& bytes) {
        codec::Packet packet;
        for (const char byte : bytes) packet.bytes.push_back(static_cast<std::byte>(byte));
        static_cast<void>(send_packet(all_.at(pid).channel.get(), packet).ok());
    }
    // The next message to it that is a Message, if one has come.
    template <class Message, class To>
    std::optional<Message> hear(pid_t pid) {
        for (;;) {
            if (!lives(pid)) return std::nullopt;
            auto received = receive_message<To>(all_.at(pid).channel.get());
            if (!received || received->kind != ReceivedKind::message) return std::nullopt;
            if (auto* found = std::get_if<Message>(&received->message)) return std::move(*found);
        }
    }
    void close_channel(pid_t pid) { all_.at(pid).channel.reset(); }

    std::vector<pid_t> started;
    std::vector<pid_t> killed;
    std::optional<pid_t> next_pid; // that the kernel gives the next one
    bool refuse = false;

  private:
    struct Process {
        messages::Role role = messages::Role::session;
        unique_fd channel;
        pid_t parent = 0;
        std::optional<int> status; // dead, and not reaped
    };
    std::map<pid_t, Process> all_;
    pid_t last_pid_ = 2000;
};

} // namespace evermilter::supervisor::test
