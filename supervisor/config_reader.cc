#include "supervisor/config_reader.h"

#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/address.h"
#include "config/skip_lists.h"

namespace evermilter::supervisor {
namespace {

using Json = nlohmann::json;

std::string joined(const std::vector<config::Fault>& faults) {
    std::string text;
    for (const config::Fault& fault : faults) text += (text.empty() ? "" : "; ") + fault.text();
    return text;
}

// Every address of a name, as text of config/address.h; a number as it is.
Result<std::vector<std::string>> addresses_of(const std::string& text, const std::string& key) {
    const auto parsed = config::parse_address(text);
    const auto* inet = parsed ? std::get_if<config::InetAddress>(&*parsed) : nullptr;
    if (inet == nullptr || inet->host.empty() || inet->host == "*") return std::vector<std::string>{text};
    addrinfo hints{};
    hints.ai_family = inet->family == config::InetAddress::Family::inet ? AF_INET : AF_INET6;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int code = ::getaddrinfo(inet->host.c_str(), nullptr, &hints, &found);
    if (code != 0) {
        const std::string reason = code == EAI_SYSTEM ? system_error("").what : ::gai_strerror(code);
        return Error{EINVAL, key + ": cannot resolve \"" + inet->host + "\" of " + text + ": " + reason +
                                 "; write the address as a number or mend the name"};
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list(found, &::freeaddrinfo);
    std::vector<std::string> all;
    for (const addrinfo* info = list.get(); info != nullptr; info = info->ai_next) {
        std::array<char, NI_MAXHOST> host{};
        if (::getnameinfo(info->ai_addr, info->ai_addrlen, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0)
            continue;
        all.push_back(config::address_text(config::InetAddress{inet->family, host.data(), inet->port}));
    }
    return all;
}

Result<std::string> number_of_group(const std::string& group, const std::string& key) {
    const bool number = std::all_of(group.begin(), group.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number) return group; // "" as well
    errno = 0;
    const ::group* entry = ::getgrnam(group.c_str());
    if (entry != nullptr) return std::to_string(entry->gr_gid);
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        return system_error(key + ": cannot look up the group " + group);
    return Error{ENOENT, key + ": there is no group \"" + group + "\" on this machine"};
}

} // namespace

std::string SocketGroup::key(const std::string& name) const {
    if (!listener.empty()) return "listener[" + listener + "]." + (name == "listen" ? "address" : name);
    return "milter." + name;
}

std::vector<SocketGroup> sockets_of(const config::Config& config) {
    const config::Milter& milter = config.milter;
    std::vector<SocketGroup> all = {
        {"", milter.listen, milter.socket_mode, milter.socket_group, milter.allow, milter.proxy, milter.proxy_from}};
    for (const config::Listener& one : config.listeners)
        all.push_back({one.name, one.address, one.socket_mode, one.socket_group, one.allow, one.proxy, one.proxy_from});
    return all;
}

Result<SocketGroup> look_up(const SocketGroup& sockets) {
    SocketGroup bound = sockets;
    bound.addresses.clear();
    for (const std::string& text : sockets.addresses) {
        auto addresses = addresses_of(text, sockets.key("listen"));
        if (!addresses) return std::move(addresses).error();
        bound.addresses.insert(bound.addresses.end(), addresses->begin(), addresses->end());
    }
    auto group = number_of_group(sockets.group, sockets.key("socket_group"));
    if (!group) return std::move(group).error();
    bound.group = std::move(*group);
    return bound;
}

std::string read_config_job(const std::string& path) {
    Json document;
    const auto fail = [&](const std::string& error) {
        return Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    auto text = config::read_text(path);
    if (!text) return fail(text.error().text());
    // Before the lists are read: one that is changed meanwhile is read again at the next time.
    if (auto before = config::parse(*text, path)) document["lists"] = config::state_of_lists(*before);
    auto parsed = config::parse(*text, path, config::Links::followed);
    if (!parsed) return fail(joined(parsed.error()));
    document["text"] = *text;
    for (const SocketGroup& sockets : sockets_of(*parsed)) {
        const auto bound = look_up(sockets);
        if (!bound) return fail(bound.error().what);
        document["bound"].push_back({{"addresses", bound->addresses}, {"group", bound->group}});
    }
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ReadConfig> read_config_result(const std::string& result, const std::string& path) {
    const Json document = Json::parse(result, nullptr, false);
    const Error unreadable{EPROTO, "the configuration could not be read"};
    if (!document.is_object()) return unreadable;
    if (const auto error = document.find("error"); error != document.end() && error->is_string())
        return Error{EINVAL, error->get<std::string>()};
    const auto text = document.find("text");
    const auto bound = document.find("bound");
    const auto lists = document.find("lists");
    if (text == document.end() || !text->is_string() || bound == document.end() || !bound->is_array() ||
        lists == document.end() || !lists->is_string())
        return unreadable;
    // The helper has parsed it once, without a crash and without a fault.
    auto parsed = config::parse(text->get<std::string>(), path);
    if (!parsed) return Error{EINVAL, joined(parsed.error())};
    ReadConfig read;
    read.config = std::move(*parsed);
    read.lists = lists->get<std::string>();
    read.bound = sockets_of(read.config);
    if (bound->size() != read.bound.size()) return unreadable;
    for (std::size_t i = 0; i < read.bound.size(); ++i) {
        const Json& one = (*bound)[i];
        const auto addresses = one.find("addresses");
        const auto group = one.find("group");
        if (addresses == one.end() || !addresses->is_array() || group == one.end() || !group->is_string())
            return unreadable;
        read.bound[i].addresses.clear();
        for (const Json& address : *addresses)
            if (address.is_string()) read.bound[i].addresses.push_back(address.get<std::string>());
        read.bound[i].group = group->get<std::string>();
    }
    return read;
}

} // namespace evermilter::supervisor
