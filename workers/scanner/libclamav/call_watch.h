// What the system refused while a scan ran. libclamav keeps quiet about much of it, or says it in a debug message
// alone, and goes on as if a file that it could not make were empty. libc_overrides.cc tells each failing call here. A
// failure that the content has not caused makes the scan failed; one that it has (a probing open of a file that is not
// there, an offset outside of a file) is not counted. One scan at a time in a process; the record allocates nothing and
// keeps errno.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace evermilter::scanner {

// A scan begins that puts its files into `directory`. Until end_call_watch() failing calls count.
void begin_call_watch(const std::string& directory);
void end_call_watch() noexcept;

// Since then something that was to be written in the temp directory, or made there, was not. It may go better
// elsewhere.
[[nodiscard]] bool temp_call_failed() noexcept;
// And all but a tenth of what the file system held, in bytes or in files, was made by this scan: then no other scanner
// and no later time would have more room for the message. Measured at the moment at which there is no room, because
// libclamav removes its files before it returns. False where the directory has failed in another way too.
[[nodiscard]] bool temp_directory_filled() noexcept;
// Any other call that failed, for want of memory or descriptors or by a fault of a disk: "open: Too many open files".
// Empty: none. Of the first.
[[nodiscard]] std::string other_call_failed();

// Of `used` on a file system, `own` are of the scan.
[[nodiscard]] constexpr bool filled_alone(std::uint64_t own, std::uint64_t used) noexcept {
    return own > 0 && own >= used - used / 10;
}

// For libc_overrides.cc. `call` is a literal; `error` is errno, 0 where it is not known any more; `in_temp`: it was to
// make or write a file.
void call_failed(const char* call, int error, bool in_temp) noexcept;

// For tests: from the next begin_call_watch() on the `nth` call of that name (from 1) fails with `error`, once, without
// being made. nullptr: none. Calls are counted from the first inject() on.
struct Injection {
    const char* call = nullptr;
    unsigned nth = 0;
    int error = 0;
};
void inject(const Injection& injection) noexcept;
// For libc_overrides.cc: the errno with which this call is to fail; 0: it is to be made. Counts it.
[[nodiscard]] int injected_error(const char* call) noexcept;
// How often a call was made in the scan that ended last. Only calls that the program defines.
[[nodiscard]] unsigned calls_made(const char* call) noexcept;

} // namespace evermilter::scanner
