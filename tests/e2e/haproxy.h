// A private instance of the installed HAProxy, on loopback, before evermilters: contrib/haproxy/haproxy.cfg with other
// addresses. Ended when the object is destroyed.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/folder.h"

namespace evermilter::test {

class Haproxy {
  public:
    // Of evermilter's two listeners, as HAProxy writes addresses: "127.0.0.1:7357".
    Haproxy(const std::string& first, const std::string& second);
    ~Haproxy();
    Haproxy(const Haproxy&) = delete;
    Haproxy& operator=(const Haproxy&) = delete;

    // Where mail servers find it, as MilterClient has it.
    [[nodiscard]] std::string address() const { return "inet:" + std::to_string(port_) + "@127.0.0.1"; }
    [[nodiscard]] std::uint16_t port() const { return port_; }

    // The names of the two servers in the example.
    static constexpr const char* kFirst = "scan1";
    static constexpr const char* kSecond = "scan2";

    // A command of its administrator's socket, and the answer.
    [[nodiscard]] std::string tell(const std::string& command) const;
    // "UP", "DOWN", "DRAIN", "UP 1/2", …
    [[nodiscard]] std::string state_of(const std::string& server) const;
    // Sessions that the server has at this moment.
    [[nodiscard]] unsigned sessions_of(const std::string& server) const;
    void wait_state(const std::string& server, const std::string& state) const;
    [[nodiscard]] std::string log() const;

  private:
    [[nodiscard]] std::string column(const std::string& server, const std::string& name) const;

    Folder folder_;
    std::uint16_t port_;
    Child child_;
};

} // namespace evermilter::test
