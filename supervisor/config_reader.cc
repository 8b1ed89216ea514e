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

namespace evermilter::supervisor {
namespace {

using Json = nlohmann::json;

std::string joined(const std::vector<config::Fault>& faults) {
    std::string text;
    for (const config::Fault& fault : faults) text += (text.empty() ? "" : "; ") + fault.text();
    return text;
}

// Every address of a name, as text of config/address.h; a number as it is.
Result<std::vector<std::string>> addresses_of(const std::string& text) {
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
        return Error{EINVAL, "milter.listen: cannot resolve \"" + inet->host + "\" of " + text + ": " + reason +
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

Result<std::string> number_of_group(const std::string& group) {
    const bool number = std::all_of(group.begin(), group.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number) return group; // "" as well
    errno = 0;
    const ::group* entry = ::getgrnam(group.c_str());
    if (entry != nullptr) return std::to_string(entry->gr_gid);
    if (errno != 0 && errno != ENOENT && errno != ESRCH)
        return system_error("milter.socket_group: cannot look up the group " + group);
    return Error{ENOENT, "milter.socket_group: there is no group \"" + group + "\" on this machine"};
}

} // namespace

Result<config::Milter> look_up(const config::Milter& milter) {
    config::Milter bound = milter;
    bound.listen.clear();
    for (const std::string& text : milter.listen) {
        auto addresses = addresses_of(text);
        if (!addresses) return std::move(addresses).error();
        bound.listen.insert(bound.listen.end(), addresses->begin(), addresses->end());
    }
    auto group = number_of_group(milter.socket_group);
    if (!group) return std::move(group).error();
    bound.socket_group = std::move(*group);
    return bound;
}

std::string read_config_job(const std::string& path) {
    Json document;
    auto text = config::read_text(path);
    const auto fail = [&](const std::string& error) {
        return Json{{"error", error}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    };
    if (!text) return fail(text.error().text());
    auto parsed = config::parse(*text, path, config::Links::followed);
    if (!parsed) return fail(joined(parsed.error()));
    const auto bound = look_up(parsed->milter);
    if (!bound) return fail(bound.error().what);
    document["text"] = *text;
    document["listen"] = bound->listen;
    document["group"] = bound->socket_group;
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ReadConfig> read_config_result(const std::string& result, const std::string& path) {
    const Json document = Json::parse(result, nullptr, false);
    if (!document.is_object()) return Error{EPROTO, "the configuration could not be read"};
    if (const auto error = document.find("error"); error != document.end() && error->is_string())
        return Error{EINVAL, error->get<std::string>()};
    const auto text = document.find("text");
    const auto listen = document.find("listen");
    const auto group = document.find("group");
    if (text == document.end() || !text->is_string() || listen == document.end() || !listen->is_array() ||
        group == document.end() || !group->is_string())
        return Error{EPROTO, "the configuration could not be read"};
    // The helper has parsed it once, without a crash and without a fault.
    auto parsed = config::parse(text->get<std::string>(), path);
    if (!parsed) return Error{EINVAL, joined(parsed.error())};
    ReadConfig read;
    read.config = std::move(*parsed);
    read.bound = read.config.milter;
    read.bound.listen.clear();
    for (const Json& address : *listen) {
        if (address.is_string()) read.bound.listen.push_back(address.get<std::string>());
    }
    read.bound.socket_group = group->get<std::string>();
    return read;
}

} // namespace evermilter::supervisor
