// The verdict table by real SMTP, the same for every mail server. Each function is one promise, checked with
// BOOST_TEST. It needs a ready service of site.h and an empty mailbox, and leaves both in that state.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "tests/e2e/mail_server.h"
#include "tests/e2e/site.h"

namespace evermilter::test {

void clean_is_delivered_unchanged_but_for_its_stamps(const MailServer& server);
void infected_is_refused(const MailServer& server, const std::string& message);
void oversize_is_delivered_and_never_stamped_clean(const MailServer& server);
void incomplete_is_delivered_and_never_stamped_clean(const MailServer& server);
void a_failed_scan_is_a_451(const MailServer& server, SiteService& service);
void forged_stamps_are_replaced(const MailServer& server);
// `many` is more than headers.max_forged, and no more than the mail server takes; `blanks` are the blanks that it
// accepts before the colon of a field.
void as_many_forged_stamps_as_allowed_are_replaced_and_more_are_refused(const MailServer& server, std::size_t many,
                                                                        const std::string& blanks);
void a_null_sender_is_served(const MailServer& server);
void one_session_carries_many_messages(const MailServer& server);
void a_message_given_up_leaves_nothing_to_the_next(const MailServer& server);
void a_message_with_nothing_in_it_is_stamped(const MailServer& server);
void a_message_without_headers_is_scanned(const MailServer& server);
void a_message_of_all_bytes_that_smtp_carries_is_delivered_unchanged(const MailServer& server);

// For a service that is not started yet: rules that hold one name, tag another, and refuse EICAR with a text of its
// own.
void set_rules(SiteService& service);
// By these; `on_hold` is the number of messages that the server holds.
void each_name_is_answered_by_its_rule(const MailServer& server, const std::function<std::size_t()>& on_hold);

// For a service that is not started yet, with `start` making the mail server.
void before_the_first_generation_only_the_end_of_message_waits(
    SiteService& service, const std::function<std::unique_ptr<MailServer>(const SiteService&)>& start);

} // namespace evermilter::test
