// See site.h.
#include "tests/e2e/site.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

#include "tests/support/report.h"

namespace evermilter::test {

namespace fs = std::filesystem;

void need_root() {
    if (!is_root()) not_possible("needs root");
}

SiteService::SiteService() {
    std::string folder = "/var/lib/evermilter-test-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr || chmod(folder.c_str(), 0755) != 0)
        throw std::system_error(errno, std::generic_category(), folder);
    socket_folder_ = folder;
    for (const auto& entry : fs::directory_iterator(database())) fs::remove(entry.path());
    for (const auto& entry : fs::directory_iterator(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "contrib/demo-db"))
        if (entry.path().filename().string().starts_with("demo."))
            fs::copy_file(entry.path(), database() / entry.path().filename());
    set("milter.listen", "[\"unix:" + milter_path() + "\", \"inet:0@127.0.0.1\"]");
    set("milter.socket_mode", "\"0666\""); // Postfix' user is not in our group
    set("message.max_size", std::to_string(kMaxSize));
    set("scanner.max_files", std::to_string(kMaxFiles));
}

SiteService::~SiteService() {
    std::error_code ignored;
    fs::remove_all(socket_folder_, ignored);
}

std::string SiteService::milter_port() const {
    const nlohmann::json now = status();
    for (const nlohmann::json& one : now.at("listeners")) {
        const std::string address = one;
        if (address.starts_with("inet:")) return address.substr(5, address.find('@') - 5);
    }
    throw std::runtime_error("the service listens on no TCP port");
}

template <>
std::unique_ptr<Postfix> start_server(const SiteService& service, Transport transport) {
    return std::make_unique<Postfix>(transport == Transport::tcp ? "inet:127.0.0.1:" + service.milter_port()
                                                                 : "unix:" + service.milter_path());
}

template <>
std::unique_ptr<Sendmail> start_server(const SiteService& service, Transport transport) {
    return std::make_unique<Sendmail>(transport == Transport::tcp ? "inet:" + service.milter_port() + "@127.0.0.1"
                                                                  : "local:" + service.milter_path());
}

template <class Server>
Site<Server>::Site(Transport transport) {
    need_root();
    service = std::make_unique<SiteService>();
    service->start();
    server = start_server<Server>(*service, transport);
}

template struct Site<Postfix>;
template struct Site<Sendmail>;

} // namespace evermilter::test
