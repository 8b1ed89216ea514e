// libclamav writes decoded attachments through stdio and does not look at what fflush(3) and fclose(3) return
// (blob.c, fileblobScan(), 1.4): on a full temp directory a part of less than a buffer is lost without a message,
// and an empty file is scanned and found clean. So the program defines both functions, which libclamav then
// calls; they do what libc's do and count what failed.
#pragma once

namespace evermilter::scanner {

// How often fflush() or fclose() failed in this process since it began. Any thread.
[[nodiscard]] unsigned long failed_flushes() noexcept;

} // namespace evermilter::scanner
