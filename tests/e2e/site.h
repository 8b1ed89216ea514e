// One site of the tests: the real service with the demo database of contrib/, and one real mail server that asks it.
// The first test of a suite makes it and the others share it, because a mail server takes a while to start.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "tests/e2e/mail_server.h"
#include "tests/e2e/postfix.h"
#include "tests/e2e/sendmail.h"
#include "tests/e2e/smtp_client.h"
#include "tests/support/service.h"

namespace evermilter::test {

// The name that libclamav gives to the demo database's EICAR.
inline constexpr const char* kDemoEicar = "Eicar-Test-Signature.UNOFFICIAL";

// The limits of every site's service, small enough for a test to exceed them.
inline constexpr std::size_t kMaxSize = 262144;
inline constexpr std::size_t kMaxFiles = 20;

enum class Transport { unix_socket, tcp };

// A service for a site: the demo database, limits as above, and a milter socket of each kind that any user may open.
class SiteService : public Service {
  public:
    SiteService();
    ~SiteService();
    SiteService(const SiteService&) = delete;
    SiteService& operator=(const SiteService&) = delete;

    // The unix socket: in a folder of /var/lib, because Sendmail trusts no path where others can write (/tmp).
    [[nodiscard]] std::string milter_path() const { return socket_folder_ / "milter.sock"; }
    // The port that the kernel chose. Asks the running service.
    [[nodiscard]] std::string milter_port() const;

  private:
    std::filesystem::path socket_folder_;
};

template <class Server>
struct Site {
    // Ends the test as not possible unless root runs it. The service is started, and ready, before the mail server is.
    explicit Site(Transport transport);

    std::unique_ptr<SiteService> service;
    std::unique_ptr<Server> server;
};
extern template struct Site<Postfix>;
extern template struct Site<Sendmail>;

// The same, for a service that the caller has made.
template <class Server>
std::unique_ptr<Server> start_server(const SiteService& service, Transport transport);
template <>
std::unique_ptr<Postfix> start_server(const SiteService& service, Transport transport);
template <>
std::unique_ptr<Sendmail> start_server(const SiteService& service, Transport transport);

// Ends the running test as not possible unless root runs it.
void need_root();

} // namespace evermilter::test
