#include "workers/session/policy/from_addresses.h"

#include <gmime/gmime.h>

#include <memory>

namespace evermilter::session {
namespace {

struct Unref {
    void operator()(InternetAddressList* list) const noexcept { g_object_unref(list); }
};

// Groups hold mailboxes, and GMime makes no group within a group.
void add(InternetAddressList* list, std::vector<std::string>& addresses) {
    for (int at = 0; at < internet_address_list_length(list); ++at) {
        InternetAddress* const one = internet_address_list_get_address(list, at);
        if (INTERNET_ADDRESS_IS_MAILBOX(one)) {
            const char* const address = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
            if (address != nullptr) addresses.emplace_back(address);
        } else if (INTERNET_ADDRESS_IS_GROUP(one)) {
            add(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)), addresses);
        }
    }
}

} // namespace

void prepare_from_addresses() {
    g_mime_init();
}

std::vector<std::string> from_addresses(const std::string& value) {
    std::vector<std::string> addresses;
    const std::unique_ptr<InternetAddressList, Unref> list(internet_address_list_parse(nullptr, value.c_str()));
    if (list) add(list.get(), addresses);
    return addresses;
}

} // namespace evermilter::session
