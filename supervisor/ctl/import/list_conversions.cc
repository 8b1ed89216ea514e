// Options of clamav-milter.conf that say which messages are not scanned. What cannot be carried over is left out, so
// that more is scanned and not less.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <optional>
#include <utility>

#include "config/lower_case.h"
#include "config/network.h"
#include "config/pattern.h"
#include "config/text_check.h"
#include "supervisor/ctl/import/clamav_file.h"
#include "supervisor/ctl/import/conversions.h"
#include "supervisor/ctl/import/posix_regex.h"

namespace evermilter::ctl {
namespace {

// What all lists together may have; the whole configuration must stay below 100,000 bytes (config/validate.cc).
constexpr std::size_t kMostListBytes = 60'000;
constexpr std::size_t kMostRemarks = 50; // lines of a file that are reported one by one

// "10.1.2.3/8" is "10.0.0.0/8": ClamAV clears the bits beyond the mask. nullopt: no numeric address.
std::optional<std::string> network_text(const std::string& address, unsigned prefix) {
    std::array<unsigned char, 16> bytes{};
    const int family = ::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1 ? AF_INET : AF_INET6;
    if (family == AF_INET6 && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return std::nullopt;
    for (unsigned i = 0; i < bytes.size(); ++i) {
        const unsigned kept = prefix > i * 8 ? std::min(8U, prefix - i * 8) : 0;
        bytes.at(i) = static_cast<unsigned char>(bytes.at(i) & (0xff00U >> kept));
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, bytes.data(), text.data(), text.size());
    return text.data();
}

std::optional<unsigned> number(std::string_view digits) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

// The lines of a list that count for ClamAV, each with its number.
void each_entry(std::string_view text, const std::function<void(unsigned line, std::string_view entry)>& see) {
    for (unsigned line = 1; !text.empty(); ++line) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view entry = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (entry.ends_with('\r')) entry.remove_suffix(1);
        if (entry.empty() || entry.front() == '#' || entry.front() == ':' || entry.front() == '!') continue;
        see(line, entry);
    }
}

// Adds entries of one file to lists of the draft, counts them, and remembers what was left out.
class ListReader {
  public:
    ListReader(const Given& given, const std::string& file, Draft& draft) : given_(given), file_(file), draft_(draft) {}

    // `pattern` is in our form.
    void add(std::string_view key, unsigned line, std::string_view entry, const std::string& pattern) {
        if (draft_.list_bytes() > kMostListBytes) {
            too_long_ = true;
            return;
        }
        if (auto taken = draft_.append(key, pattern, given_.source); !taken)
            return remark(line, entry, "left out: " + taken.error().reason);
        ++taken_;
        if (keys_.find(key) == std::string::npos) keys_ += (keys_.empty() ? "" : " and ") + std::string(key);
    }
    void remark(unsigned line, std::string_view entry, const std::string& what) {
        if (++remarks_ <= kMostRemarks)
            carried_.more.push_back(file_ + ":" + std::to_string(line) + ": " + config::printable(entry) + ": " + what);
    }

    Carried take() {
        if (remarks_ > kMostRemarks)
            carried_.more.push_back(file_ + ": " + std::to_string(remarks_ - kMostRemarks) + " more lines of the kind");
        if (too_long_)
            carried_.more.push_back(file_ +
                                    ": is too long for the configuration, and only its beginning is in it; write the "
                                    "rest into files and name them in skip.senders_file and its like");
        carried_.keys =
            std::to_string(taken_) + (taken_ == 1 ? " entry" : " entries") + (keys_.empty() ? "" : " of " + keys_);
        return std::move(carried_);
    }

  private:
    const Given& given_;
    const std::string& file_;
    Draft& draft_;
    Carried carried_{};
    std::string keys_;
    std::size_t taken_ = 0;
    std::size_t remarks_ = 0;
    bool too_long_ = false;
};

// A name as it is, unless our patterns would take it for something else.
std::string pattern_of_name(std::string_view name) {
    const auto parsed = config::parse_pattern(name);
    const bool plain = parsed && parsed->kind == config::Pattern::Kind::address && !name.starts_with('<');
    return plain ? std::string(name) : "/" + re2_of_literal(name) + "/";
}

Carried read_names(const Given& given, const std::string& file, Draft& draft) {
    const auto text = read_small_file(file);
    if (!text) return bad(file + " " + text.error().reason + "; name a file that can be read, or remove the line");
    ListReader reader(given, file, draft);
    each_entry(*text, [&](unsigned line, std::string_view name) {
        if (auto wrong = unwritable(name)) return reader.remark(line, name, "left out: " + *wrong);
        reader.add("skip.users", line, name, pattern_of_name(name));
    });
    return reader.take();
}

} // namespace

Carried carry_local_net(const Given& given, Draft& draft) {
    const std::size_t slash = given.text.rfind('/');
    const std::string host = given.text.substr(0, slash);
    const std::string digits = slash == std::string::npos ? "" : given.text.substr(slash + 1);
    if (config::lower_case(host) == "local")
        return left_out(
            "mail that does not come by SMTP is scanned if the mail server hands it over (Postfix: "
            "non_smtpd_milters)");
    const bool ipv6 = host.find(':') != std::string::npos;
    const unsigned bits = ipv6 ? 128 : 32;
    const auto prefix = digits.empty() ? std::optional(bits) : number(digits);
    if (!prefix || *prefix > bits)
        return bad("the number after the slash is one from 0 to " + std::to_string(bits) +
                   "; write a network such as "
                   "192.0.2.0/24");
    std::string client = host;
    std::string remark;
    if (const auto network = network_text(host, *prefix)) {
        client = *network + (*prefix == bits ? "" : "/" + std::to_string(*prefix));
    } else if (!digits.empty()) {
        return left_out("a host name cannot have a mask here; write the network's address");
    } else {
        remark = "compared with the name that the mail server found for the client";
    }
    if (client.starts_with('.')) return bad("is not a host name");
    if (auto taken = draft.append("skip.networks", client, given.source); !taken)
        return bad(std::move(taken).error().reason);
    return {.keys = "skip.networks: " + config::toml_string(client), .remark = std::move(remark)};
}

Carried carry_allow_list(const Given& given, Draft& draft) {
    if (given.option.name == "Whitelist" && (draft.has("skip.senders") || draft.has("skip.recipients")))
        return left_out("AllowList is the same and is read instead");
    const auto text = read_small_file(given.text);
    if (!text)
        return bad(given.text + " " + text.error().reason + "; name a file that can be read, or remove the line");
    ListReader reader(given, given.text, draft);
    each_entry(*text, [&](unsigned line, std::string_view entry) {
        std::string_view expression = entry;
        const char* key = "skip.recipients";
        if (config::lower_case(entry.substr(0, 5)) == "from:") {
            key = "skip.senders";
            expression.remove_prefix(5);
        } else if (config::lower_case(entry.substr(0, 3)) == "to:") {
            expression.remove_prefix(3);
        }
        if (expression.empty()) return;
        if (auto wrong = unwritable(expression)) return reader.remark(line, entry, "left out: " + *wrong);
        auto ours = re2_of_posix(expression, PosixSyntax::basic, AngleBrackets::are_ends);
        if (!ours) return reader.remark(line, entry, "left out: " + ours.error().reason);
        // There "<" comes before and ">" behind.
        const bool begin = expression.starts_with('^') && !expression.starts_with("^<");
        const bool end = expression.ends_with('$') && !expression.ends_with(">$") && !expression.ends_with("\\$");
        if (begin || end)
            reader.remark(line, entry,
                          std::string(begin ? "^" : "$") +
                              " is beside an angle bracket there and beside the address "
                              "here, where it may find more");
        reader.add(key, line, entry, "/" + *ours + "/");
    });
    return reader.take();
}

Carried carry_skip_authenticated(const Given& given, Draft& draft) {
    constexpr std::string_view in_file = "file:";
    if (given.text.starts_with(in_file)) return read_names(given, given.text.substr(in_file.size()), draft);
    auto ours = re2_of_posix(given.text, PosixSyntax::extended, AngleBrackets::as_written);
    if (!ours) return bad(ours.error().reason + "; write it in another way, or remove the line");
    if (auto taken = draft.append("skip.users", "/" + *ours + "/", given.source); !taken)
        return bad(std::move(taken).error().reason + "; mend it, or remove the line");
    return {.keys = draft.line("skip.users")};
}

} // namespace evermilter::ctl
