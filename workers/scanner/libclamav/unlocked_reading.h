// libclamav counts the signatures of a text database before it loads it, with one feof(3) and one fgetc(3) for each
// byte (readdb.c, 1.4). In a process with more than one thread glibc locks the stream in each of these: 25 s of a load
// of 40 s (640 MB). So the program defines both functions, which libclamav then calls; they do what libc's do, without
// the lock in a thread that says that its streams are its own.
#pragma once

namespace evermilter::scanner {

// While one lives, the calling thread reads streams that no other thread has.
class UnlockedReading {
  public:
    UnlockedReading() noexcept;
    UnlockedReading(const UnlockedReading&) = delete;
    UnlockedReading& operator=(const UnlockedReading&) = delete;
    ~UnlockedReading();
};

} // namespace evermilter::scanner
