#include "config/client_set.h"

#include <algorithm>
#include <utility>

#include "config/lower_case.h"
#include "config/text_check.h"

namespace evermilter::config {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr unsigned kMappedPrefix = 96;

// ::ffff:0:0/96, and the addresses before and behind it.
using Address = ClientSet::Address;
constexpr Address kFirstMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
constexpr Address kLastMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr Address kBeforeMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff};
constexpr Address kBehindMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

bool is_host_name(std::string_view text) {
    const auto ordinary = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    };
    return !text.empty() && text.size() <= kLongestName && std::all_of(text.begin(), text.end(), ordinary) &&
           text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
}

// Numbers and dots, or a colon or slash: meant as an address.
bool looks_like_address(std::string_view text) {
    return text.find_first_of(":/") != std::string_view::npos || text.find_first_not_of("0123456789.") == text.npos;
}

} // namespace

Result<Client, AddressFault> parse_client(std::string_view text) {
    if (looks_like_address(text)) {
        auto network = parse_network(text);
        if (!network) return std::move(network).error();
        return Client(*network);
    }
    HostName name{lower_case(text), text.starts_with('.')};
    if (name.subdomains) name.name.erase(0, 1);
    if (!is_host_name(name.name))
        return AddressFault{printable(text) +
                            " is neither a network nor a host name; write \"192.0.2.0/24\", "
                            "\"mail.example.org\", or \".example.org\" for the names below a domain"};
    return Client(std::move(name));
}

ClientSet::Address mapped(const std::array<std::uint8_t, 4>& ipv4) {
    ClientSet::Address address{};
    address[10] = address[11] = 0xff;
    std::copy(ipv4.begin(), ipv4.end(), address.begin() + 12);
    return address;
}

void ClientSet::add(Client client) {
    if (auto* name = std::get_if<HostName>(&client)) {
        (name->subdomains ? subdomains_ : names_).insert(std::move(name->name));
        return;
    }
    const Network& network = std::get<Network>(client);
    Range range{network.bytes, {}};
    unsigned prefix = network.prefix;
    if (network.family == InetAddress::Family::inet) {
        range.first = mapped({network.bytes[0], network.bytes[1], network.bytes[2], network.bytes[3]});
        prefix += kMappedPrefix;
    }
    range.last = range.first;
    for (unsigned i = 0; i < range.last.size(); ++i) {
        const unsigned kept = prefix > i * 8 ? std::min(8U, prefix - i * 8) : 0;
        range.last.at(i) |= static_cast<std::uint8_t>(0xffU >> kept);
    }
    // A network of IPv6 around the mapped addresses leaves them out.
    if (range.first < kFirstMapped && kLastMapped < range.last) {
        ranges_.push_back({range.first, kBeforeMapped});
        range.first = kBehindMapped;
    }
    ranges_.push_back(range);
}

void ClientSet::seal() {
    std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    std::vector<Range> merged;
    for (const Range& range : ranges_) {
        if (!merged.empty() && range.first <= merged.back().last)
            merged.back().last = std::max(merged.back().last, range.last);
        else
            merged.push_back(range);
    }
    ranges_ = std::move(merged);
}

bool ClientSet::has_address(const Address& address) const {
    const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                        [](const Address& one, const Range& range) { return one < range.first; });
    return after != ranges_.begin() && address <= std::prev(after)->last;
}

bool ClientSet::has_name(std::string_view name) const {
    if ((names_.empty() && subdomains_.empty()) || name.size() > kLongestName) return false;
    std::string lower = lower_case(name);
    if (lower.ends_with('.')) lower.pop_back();
    if (names_.contains(lower)) return true;
    for (std::size_t dot = 0; !subdomains_.empty() && (dot = lower.find('.')) != std::string::npos;) {
        lower.erase(0, dot + 1);
        if (subdomains_.contains(lower)) return true;
    }
    return false;
}

} // namespace evermilter::config
