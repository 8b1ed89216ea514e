#include "config/places.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <variant>

#include "config/address.h"
#include "config/lower_case.h"
#include "config/text_check.h"

namespace evermilter::config {
namespace {

namespace fs = std::filesystem;

fs::path place(const std::string& text, Links links) {
    fs::path path = fs::path(text).lexically_normal();
    if (links == Links::followed) {
        std::error_code failed;
        // Of the text as it is: ".." behind a link leads out of its target.
        fs::path followed = fs::weakly_canonical(text, failed);
        if (!failed) path = std::move(followed);
    }
    if (!path.has_filename() && path.has_relative_path()) path = path.parent_path(); // a slash at the end
    return path;
}

bool contains(const fs::path& outer, const fs::path& inner) {
    return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

struct FolderKey {
    const char* key;
    const std::string& path;
};

void check_folders(const Config& config, Links links, std::vector<Conflict>& conflicts) {
    const std::array<FolderKey, 4> folders = {{
        {"database.state_directory", config.database.state_directory},
        {"database.directory", config.database.directory},
        {"scanner.temp_directory", config.scanner.temp_directory},
        {"message.spool_directory", config.message.spool_directory},
    }};
    for (std::size_t i = 0; i < folders.size(); ++i) {
        for (std::size_t j = i + 1; j < folders.size(); ++j) {
            const FolderKey& one = folders.at(i);
            const FolderKey& other = folders.at(j);
            const fs::path a = place(one.path, links);
            const fs::path b = place(other.path, links);
            std::error_code unknown;
            // A mount may show one folder in two places.
            const bool same = a == b || (links == Links::followed && fs::equivalent(a, b, unknown));
            const bool inner = contains(b, a);
            if (!same && !inner && !contains(a, b)) continue;
            const std::string relation = same ? " is the same folder as " : inner ? " lies in " : " contains ";
            conflicts.push_back({{one.key, other.key},
                                 std::string(one.key) + " (" + one.path + ")" + relation + other.key + " (" +
                                     other.path + "); each needs a folder of its own"});
        }
    }
}

// A numeric address in one spelling: "v4 BYTES", "v6 BYTES"; a name as it is, in lower case.
std::string host_text(const InetAddress& address) {
    in_addr v4{};
    in6_addr v6{};
    const auto numbers = [](std::string_view bytes) {
        std::string text;
        for (const char byte : bytes) text += std::to_string(static_cast<unsigned char>(byte)) + ".";
        return text;
    };
    std::string host = lower_case(address.host);
    if (host == "localhost") host = address.family == InetAddress::Family::inet ? "127.0.0.1" : "::1";
    if (::inet_aton(host.c_str(), &v4) != 0)
        return "v4 " + numbers({reinterpret_cast<const char*>(&v4), sizeof v4}); // NOLINT(*-reinterpret-cast)
    if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1)
        return "v6 " + numbers({reinterpret_cast<const char*>(&v6), sizeof v6}); // NOLINT(*-reinterpret-cast)
    return host;
}

bool same_socket(const ListenAddress& one, const ListenAddress& other, Links links) {
    if (one.index() != other.index()) return false;
    if (const auto* a = std::get_if<UnixAddress>(&one))
        return place(a->path, links) == place(std::get<UnixAddress>(other).path, links);
    const auto& a = std::get<InetAddress>(one);
    const auto& b = std::get<InetAddress>(other);
    if (a.port != b.port || a.port == 0) return false;
    const bool every = is_wildcard(one) || is_wildcard(other);
    return every ? a.family == b.family : host_text(a) == host_text(b);
}

std::optional<ListenAddress> parsed(const std::string& text) {
    auto address = parse_address(text);
    if (!address) return std::nullopt; // the key's own check has reported it
    return std::move(*address);
}

void check_sockets(const Config& config, Links links, std::vector<Conflict>& conflicts) {
    const auto status = parsed(config.status.socket);
    struct Socket {
        std::string key;
        std::string text;
    };
    std::vector<Socket> sockets;
    for (const std::string& text : config.milter.listen) sockets.push_back({"milter.listen", text});
    for (const Listener& listener : config.listeners)
        for (const std::string& text : listener.address)
            sockets.push_back({"listener[" + shown_key(listener.name) + "].address", text});
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const auto one = parsed(sockets[i].text);
        if (!one) continue;
        if (status && same_socket(*one, *status, links))
            conflicts.push_back({{sockets[i].key, "status.socket"},
                                 "\"" + sockets[i].text + "\" is the socket of status.socket (\"" +
                                     config.status.socket + "\"); give each an address of its own"});
        for (std::size_t j = 0; j < i; ++j) {
            const auto other = parsed(sockets[j].text);
            if (!other || !same_socket(*one, *other, links)) continue;
            const bool same_key = sockets[i].key == sockets[j].key;
            conflicts.push_back({{sockets[i].key},
                                 "\"" + sockets[i].text + "\" and \"" + sockets[j].text + "\"" +
                                     (same_key ? "" : " of " + sockets[j].key) +
                                     " are the same socket; keep one of them"});
        }
    }
}

} // namespace

std::vector<Conflict> check_places(const Config& config, Links links) {
    std::vector<Conflict> conflicts;
    check_folders(config, links, conflicts);
    check_sockets(config, links, conflicts);
    return conflicts;
}

} // namespace evermilter::config
