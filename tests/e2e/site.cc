// See site.h.
#include "tests/e2e/site.h"

#include "tests/support/report.h"

namespace evermilter::test {

namespace fs = std::filesystem;

void need_root() {
    if (!is_root()) not_possible("needs root");
}

SiteService::SiteService() : milter_port_(free_port()) {
    for (const auto& entry : fs::directory_iterator(database())) fs::remove(entry.path());
    for (const auto& entry : fs::directory_iterator(fs::path(EVERMILTER_SOURCE_DIRECTORY) / "contrib/demo-db"))
        if (entry.path().filename().string().starts_with("demo."))
            fs::copy_file(entry.path(), database() / entry.path().filename());
    set("milter.listen", "[\"" + milter_address() + "\", \"inet:" + std::to_string(milter_port_) + "@127.0.0.1\"]");
    set("milter.socket_mode", "\"0666\""); // Postfix' user is not in our group
    set("message.max_size", std::to_string(kMaxSize));
    set("scanner.max_files", std::to_string(kMaxFiles));
}

template <>
std::unique_ptr<Postfix> start_server(const SiteService& service, Transport transport) {
    return std::make_unique<Postfix>(transport == Transport::tcp
                                         ? "inet:127.0.0.1:" + std::to_string(service.milter_port())
                                         : service.milter_address());
}

template <>
std::unique_ptr<Sendmail> start_server(const SiteService& service, Transport transport) {
    return std::make_unique<Sendmail>(transport == Transport::tcp
                                          ? "inet:" + std::to_string(service.milter_port()) + "@127.0.0.1"
                                          : "local:" + service.path("milter.sock").string());
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
