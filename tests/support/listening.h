// A unix socket on which another process listens. After it is closed its path stays, as a dead process leaves it.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <boost/test/unit_test.hpp>
#include <string>

#include "workers/common/base/unique_fd.h"

namespace evermilter::test {

inline unique_fd listen_on(const std::string& path) {
    unique_fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    BOOST_REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    BOOST_REQUIRE(listen(fd.get(), 8) == 0);
    return fd;
}

} // namespace evermilter::test
