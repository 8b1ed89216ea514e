// Options of clamav-milter.conf that are about sockets, times and what becomes of a message.
#include <grp.h>
#include <pwd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "config/address.h"
#include "config/lower_case.h"
#include "config/quantity.h"
#include "supervisor/ctl/import/conversions.h"

namespace evermilter::ctl {
namespace {

// The group that the user has on this machine, else one of the user's name.
std::string group_of(const std::string& user) {
    const ::passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return user;
    const ::group* group = ::getgrgid(entry->pw_gid);
    return group == nullptr ? user : group->gr_name;
}

} // namespace

Carried carry_milter_socket(const Given& given, Draft& draft) {
    const auto address = config::parse_address(given.text);
    if (!address) return bad(address.error().reason);
    const std::string text = config::address_text(*address);
    if (auto taken = draft.set("milter.listen", std::vector{text}, given.source); !taken)
        return bad(std::move(taken).error().reason);
    Carried carried{.keys = draft.line("milter.listen")};
    if (!config::is_wildcard(*address)) {
        if (std::holds_alternative<config::InetAddress>(*address))
            carried.remark = "only this machine may connect; add others to milter.allow";
        return carried;
    }
    const config::Value allowed = config::default_of(*config::schema().find_row("milter.allow"));
    if (auto taken = draft.set("milter.allow", allowed, given.source); !taken)
        return bad(std::move(taken).error().reason);
    carried.keys += ", " + draft.line("milter.allow");
    carried.remark = "only this machine may connect, there everybody could; add your mail servers to milter.allow";
    return carried;
}

Carried carry_mode(const Given& given, Draft& draft) {
    std::uint32_t mode = 0;
    const char* const last = given.text.data() + given.text.size();
    const auto [end, error] = std::from_chars(given.text.data(), last, mode, 8);
    if (error != std::errc{} || end != last) return bad("is not a mode in octal; write one such as 660");
    constexpr std::uint32_t permissions = 0777;
    return set_key("milter.socket_mode", config::mode_text(mode & permissions), given, draft,
                   mode == (mode & permissions) ? "" : "a socket has no more than these bits");
}

Carried carry_milter_user(const Given& given, Draft& draft) {
    Carried user = set_key("process.user", given.text, given, draft);
    if (user.how != Carried::How::taken) return user;
    const Carried group = set_key("process.group", group_of(given.text), given, draft);
    if (group.how == Carried::How::taken) user.keys += ", " + group.keys;
    return user;
}

Carried carry_read_timeout(const Given& given, Draft& draft) {
    constexpr std::uint64_t second = 1000;
    return set_duration("timeouts.eom", std::min(given.number, kNoLimit / second) * second, given, draft);
}

Carried carry_spool_directory(const Given& given, Draft& draft) {
    return set_folder("message.spool_directory", "evermilter-spool", given, draft);
}

Carried carry_action(const Given& given, Draft& draft) {
    const std::string action = config::lower_case(given.text);
    const std::string ours = action == "defer" ? "tempfail" : action == "blackhole" ? "discard" : action;
    return set_key(given.option.keys, ours, given, draft);
}

Carried carry_reject_text(const Given& given, Draft& draft) {
    std::string text = "550 5.7.1 ";
    bool braces = false;
    for (std::size_t i = 0; i < given.text.size(); ++i) {
        const char c = given.text[i];
        if (c == '%' && given.text.substr(i, 2) == "%v") {
            text += "{virus}";
            ++i;
        } else if (c == '{' || c == '}') {
            text += c == '{' ? '(' : ')';
            braces = true;
        } else {
            text += c;
        }
    }
    return set_key("actions.reject_text", text, given, draft, braces ? "{ and } have a meaning here" : "");
}

Carried carry_add_header(const Given& given, Draft& draft) {
    const std::string how = config::lower_case(given.text);
    return set_key("headers.add", how == "yes" ? "replace" : how, given, draft);
}

Carried carry_virus_action(const Given& given, Draft& draft) {
    if (!given.text.starts_with('/'))
        return left_out("on_infected.command is an absolute path, no search in PATH; set it to that of the program");
    return set_key(given.option.keys, given.text, given, draft);
}

Carried carry_log_detail(const Given& given, Draft& draft) {
    const std::string detail = config::lower_case(given.text);
    if (detail != "off" && detail != "basic" && detail != "full") return bad("write one of Off, Basic, Full");
    return set_key(given.option.keys, detail, given, draft);
}

} // namespace evermilter::ctl
