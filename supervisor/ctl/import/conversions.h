// How single options are carried over that are not simply a value for a key. Those of lists read the list's file; all
// others are pure.
#pragma once

#include "supervisor/ctl/import/clamav_option.h"

namespace evermilter::ctl {

// The nearest that the schema takes.
[[nodiscard]] Carried carry_as_it_is(const Given& given, Draft& draft);

// conversions.cc: of both files.
[[nodiscard]] Carried carry_log_syslog(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_log_verbose(const Given& given, Draft& draft);
// A switch that has two names. The one that is not as by default wins, as in clamd.
[[nodiscard]] Carried carry_switch(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_milliseconds(const Given& given, Draft& draft);

// milter_conversions.cc
[[nodiscard]] Carried carry_milter_socket(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_mode(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_milter_user(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_read_timeout(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_spool_directory(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_action(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_reject_text(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_add_header(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_virus_action(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_log_detail(const Given& given, Draft& draft);

// list_conversions.cc
[[nodiscard]] Carried carry_local_net(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_allow_list(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_skip_authenticated(const Given& given, Draft& draft);

// clamd_conversions.cc
[[nodiscard]] Carried carry_temp_directory(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_self_check(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_concurrent_reload(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_pua(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_alert_exceeds_max(const Given& given, Draft& draft);
[[nodiscard]] Carried carry_max_scan_time(const Given& given, Draft& draft);

// For these functions: a key that is set, or left out with the schema's reason.
[[nodiscard]] Carried set_key(std::string_view key, const config::Value& value, const Given& given, Draft& draft,
                              std::string remark = {});
[[nodiscard]] Carried left_out(std::string why_not);
[[nodiscard]] Carried bad(std::string why_not);
// A duration within what the key takes, and what to say if it is another one than was given; 0 has no limit in ClamAV.
[[nodiscard]] Carried set_duration(std::string_view key, std::uint64_t milliseconds, const Given& given, Draft& draft);
// A folder of our own within one that may have other users.
[[nodiscard]] Carried set_folder(std::string_view key, std::string_view name, const Given& given, Draft& draft);

} // namespace evermilter::ctl
