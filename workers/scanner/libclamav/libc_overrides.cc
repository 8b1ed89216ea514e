// The calls by which libclamav, and the libraries that it uses, ask the system for something during a scan. The program
// defines them, so that they are called instead of libc's; each does what libc's does and tells call_watch.h what
// failed.
//
// Watched, of libclamav 1.4's imports (nm -D --undefined-only): open, openat, fopen, fdopen, opendir, readdir, stat,
// lstat, fstat, mkdir, dup (files and descriptors), read, pread, lseek, fseek, fread (content), write, fwrite, fputs,
// fputc, fflush, fclose, ftruncate, rename (what is put into the temp directory), iconv_open (text in another
// encoding), mmap, malloc, calloc, realloc, posix_memalign (memory). Failures of fprintf, putc and fgets stay with
// their stream, and are seen when it is flushed or closed. Not watched, because no content is lost by them: unlink,
// rmdir, close, closedir, chmod (what is left behind is wiped with the directory); access, readlink (of names that may
// be missing; what is opened then is watched); munmap, mprotect; getenv, getrandom, time. strdup takes its memory by
// malloc. pthread_create, socket, pipe and the like are called by parts of libclamav that no scan uses. A test holds
// the list against the library that is installed.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <iconv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "workers/scanner/libclamav/call_watch.h"
#include "workers/scanner/libclamav/messages.h"

namespace {

using evermilter::scanner::call_failed;
using evermilter::scanner::injected_error;

// The next definition of `name` after the program's own: libc's.
template <class Function>
Function* next(const char* name) noexcept {
    void* found = ::dlsym(RTLD_NEXT, name);
    if (found == nullptr) std::abort();
    return reinterpret_cast<Function*>(found);
}

bool shortage(int error) noexcept {
    return error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE || error == ENOMEM ||
           error == EIO || error == EROFS || error == EINTR;
}

bool makes(int flags) noexcept {
    return (flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0;
}

// A file that is only looked for may be missing.
int opened(const char* call, int fd, int flags) noexcept {
    if (fd < 0 && (makes(flags) || (errno != ENOENT && errno != ENOTDIR))) call_failed(call, errno, makes(flags));
    return fd;
}

// Of a name that may be missing.
int looked_at(const char* call, int result) noexcept {
    if (result != 0 && errno != ENOENT && errno != ENOTDIR) call_failed(call, errno, true);
    return result;
}

// What failed before, in whichever call, and was not looked at.
void tell_stream_error(const char* call, FILE* stream) noexcept {
    if (stream != nullptr && std::ferror(stream) != 0) call_failed(call, 0, true);
}

// Whether the call is not to be made, in a test.
template <class Result>
bool refused(const char* call, Result failure, Result& result) noexcept {
    const int error = injected_error(call);
    if (error == 0) return false;
    errno = error;
    result = failure;
    return true;
}

mode_t mode_of(int flags, std::va_list& rest) noexcept {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

} // namespace

// The names of parameters are reserved ones in glibc's headers.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

// ---------------------------------------------------------------- files and descriptors

int open64(const char* path, int flags, ...) {
    static auto* const real = next<int(const char*, int, ...)>("open64");
    std::va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    int fd = -1;
    if (!refused("open", -1, fd)) fd = real(path, flags, mode);
    return opened("open", fd, flags);
}

int open(const char* path, int flags, ...) {
    static auto* const real = next<int(const char*, int, ...)>("open");
    std::va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    int fd = -1;
    if (!refused("open", -1, fd)) fd = real(path, flags, mode);
    return opened("open", fd, flags);
}

int openat64(int folder, const char* path, int flags, ...) {
    static auto* const real = next<int(int, const char*, int, ...)>("openat64");
    std::va_list rest;
    va_start(rest, flags);
    const mode_t mode = mode_of(flags, rest);
    va_end(rest);
    int fd = -1;
    if (!refused("open", -1, fd)) fd = real(folder, path, flags, mode);
    return opened("open", fd, flags);
}

FILE* fopen64(const char* path, const char* mode) {
    static auto* const real = next<FILE*(const char*, const char*)>("fopen64");
    FILE* stream = nullptr;
    if (!refused<FILE*>("fopen", nullptr, stream)) stream = real(path, mode);
    const bool writes = mode != nullptr && mode[0] != 'r';
    if (stream == nullptr && (writes || shortage(errno))) call_failed("fopen", errno, writes);
    return stream;
}

FILE* fdopen(int fd, const char* mode) {
    static auto* const real = next<FILE*(int, const char*)>("fdopen");
    FILE* stream = nullptr;
    if (!refused<FILE*>("fdopen", nullptr, stream)) stream = real(fd, mode);
    if (stream == nullptr) call_failed("fdopen", errno, true);
    return stream;
}

DIR* opendir(const char* path) {
    static auto* const real = next<DIR*(const char*)>("opendir");
    DIR* folder = nullptr;
    if (!refused<DIR*>("opendir", nullptr, folder)) folder = real(path);
    if (folder == nullptr && shortage(errno)) call_failed("opendir", errno, true);
    return folder;
}

struct dirent64* readdir64(DIR* folder) {
    static auto* const real = next<struct dirent64*(DIR*)>("readdir64");
    const int before = errno;
    errno = 0; // the end is not an error
    struct dirent64* entry = nullptr;
    if (!refused<struct dirent64*>("readdir", nullptr, entry)) entry = real(folder);
    if (entry == nullptr && errno != 0)
        call_failed("readdir", errno, true);
    else
        errno = before;
    return entry;
}

int stat64(const char* path, struct stat64* status) noexcept {
    static auto* const real = next<int(const char*, struct stat64*)>("stat64");
    int result = -1;
    if (!refused("stat", -1, result)) result = real(path, status);
    return looked_at("stat", result);
}

int lstat64(const char* path, struct stat64* status) noexcept {
    static auto* const real = next<int(const char*, struct stat64*)>("lstat64");
    int result = -1;
    if (!refused("lstat", -1, result)) result = real(path, status);
    return looked_at("lstat", result);
}

int fstat64(int fd, struct stat64* status) noexcept {
    static auto* const real = next<int(int, struct stat64*)>("fstat64");
    int result = -1;
    if (!refused("fstat", -1, result)) result = real(fd, status);
    return looked_at("fstat", result);
}

int mkdir(const char* path, mode_t mode) noexcept {
    int result = -1;
    // The kernel is asked, as libc does: a sanitizer's runtime calls this before dlsym(3) can be called.
    if (!refused("mkdir", -1, result)) result = static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
    if (result != 0) call_failed("mkdir", errno, true);
    return result;
}

int dup(int fd) noexcept {
    static auto* const real = next<int(int)>("dup");
    int result = -1;
    if (!refused("dup", -1, result)) result = real(fd);
    if (result < 0) call_failed("dup", errno, false);
    return result;
}

// ---------------------------------------------------------------- content

ssize_t read(int fd, void* buffer, size_t size) {
    static auto* const real = next<ssize_t(int, void*, size_t)>("read");
    ssize_t got = -1;
    if (!refused<ssize_t>("read", -1, got)) got = real(fd, buffer, size);
    if (got < 0 && errno != EINTR && errno != EAGAIN) call_failed("read", errno, true);
    return got;
}

ssize_t pread64(int fd, void* buffer, size_t size, off64_t offset) {
    static auto* const real = next<ssize_t(int, void*, size_t, off64_t)>("pread64");
    ssize_t got = -1;
    if (!refused<ssize_t>("pread", -1, got)) got = real(fd, buffer, size, offset);
    // An offset that the content says may be none.
    if (got < 0 && errno != EINVAL) call_failed("pread", errno, true);
    return got;
}

off64_t lseek64(int fd, off64_t offset, int whence) noexcept {
    static auto* const real = next<off64_t(int, off64_t, int)>("lseek64");
    off64_t result = -1;
    if (!refused<off64_t>("lseek", -1, result)) result = real(fd, offset, whence);
    if (result < 0 && errno != EINVAL && errno != ESPIPE) call_failed("lseek", errno, true);
    return result;
}

int fseek(FILE* stream, long offset, int whence) {
    static auto* const real = next<int(FILE*, long, int)>("fseek");
    int result = -1;
    if (!refused("fseek", -1, result)) result = real(stream, offset, whence);
    if (result != 0 && errno != EINVAL && errno != ESPIPE) call_failed("fseek", errno, true);
    return result;
}

size_t fread(void* buffer, size_t size, size_t count, FILE* stream) {
    static auto* const real = next<size_t(void*, size_t, size_t, FILE*)>("fread");
    size_t got = 0;
    if (refused<size_t>("fread", 0, got)) {
        call_failed("fread", errno, true);
        return got;
    }
    got = real(buffer, size, count, stream);
    if (got < count && std::ferror(stream) != 0) call_failed("fread", errno, true);
    return got;
}

// ---------------------------------------------------------------- what is put into the temp directory

ssize_t write(int fd, const void* buffer, size_t size) {
    if (fd == STDERR_FILENO && evermilter::scanner::stderr_of_library({static_cast<const char*>(buffer), size}))
        return static_cast<ssize_t>(size);
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    if (fd <= STDERR_FILENO) return real(fd, buffer, size); // a log may be on a disk of its own
    ssize_t wrote = -1;
    if (!refused<ssize_t>("write", -1, wrote)) wrote = real(fd, buffer, size);
    if (wrote < 0 && errno != EINTR && errno != EAGAIN) call_failed("write", errno, true);
    // The rest of it has no room; not every caller looks.
    if (wrote >= 0 && static_cast<size_t>(wrote) < size) call_failed("write", ENOSPC, true);
    return wrote;
}

size_t fwrite(const void* buffer, size_t size, size_t count, FILE* stream) {
    static auto* const real = next<size_t(const void*, size_t, size_t, FILE*)>("fwrite");
    size_t wrote = 0;
    if (!refused<size_t>("fwrite", 0, wrote)) wrote = real(buffer, size, count, stream);
    if (wrote < count && size > 0) call_failed("fwrite", errno, true);
    return wrote;
}

int fputs(const char* text, FILE* stream) {
    static auto* const real = next<int(const char*, FILE*)>("fputs");
    int result = EOF;
    if (!refused("fputs", EOF, result)) result = real(text, stream);
    if (result == EOF) call_failed("fputs", errno, true);
    return result;
}

int fputc(int byte, FILE* stream) {
    static auto* const real = next<int(int, FILE*)>("fputc");
    int result = EOF;
    if (!refused("fputc", EOF, result)) result = real(byte, stream);
    if (result == EOF) call_failed("fputc", errno, true);
    return result;
}

// libclamav does not look at what these two return (blob.c, fileblobScan(), 1.4): on a full temp directory a part of
// less than a buffer would be lost, and an empty file scanned and found clean.
int fflush(FILE* stream) {
    static auto* const real = next<int(FILE*)>("fflush");
    tell_stream_error("fflush", stream);
    int result = EOF;
    if (!refused("fflush", EOF, result)) result = real(stream);
    if (result != 0) call_failed("fflush", errno, true);
    return result;
}

int fclose(FILE* stream) {
    static auto* const real = next<int(FILE*)>("fclose");
    tell_stream_error("fclose", stream);
    int injected = EOF;
    if (refused("fclose", EOF, injected)) {
        const int error = errno;
        (void)real(stream);
        call_failed("fclose", error, true);
        errno = error;
        return injected;
    }
    const int result = real(stream);
    if (result != 0) call_failed("fclose", errno, true);
    return result;
}

int ftruncate64(int fd, off64_t size) noexcept {
    static auto* const real = next<int(int, off64_t)>("ftruncate64");
    int result = -1;
    if (!refused("ftruncate", -1, result)) result = real(fd, size);
    if (result != 0) call_failed("ftruncate", errno, true);
    return result;
}

int rename(const char* from, const char* to) noexcept {
    static auto* const real = next<int(const char*, const char*)>("rename");
    int result = -1;
    if (!refused("rename", -1, result)) result = real(from, to);
    if (result != 0) call_failed("rename", errno, true);
    return result;
}

// An encoding that iconv does not know (EINVAL) is the content's.
iconv_t iconv_open(const char* to, const char* from) {
    static auto* const real = next<iconv_t(const char*, const char*)>("iconv_open");
    const auto failure = reinterpret_cast<iconv_t>(-1); // NOLINT(performance-no-int-to-ptr)
    iconv_t made = failure;
    if (!refused("iconv_open", failure, made)) made = real(to, from);
    if (made == failure && errno != EINVAL) call_failed("iconv_open", errno, false);
    return made;
}

// ---------------------------------------------------------------- memory

void* mmap64(void* address, size_t size, int protection, int flags, int fd, off64_t offset) noexcept {
    static auto* const real = next<void*(void*, size_t, int, int, int, off64_t)>("mmap64");
    void* memory = MAP_FAILED;                       // NOLINT(performance-no-int-to-ptr)
    if (!refused<void*>("mmap", MAP_FAILED, memory)) // NOLINT(performance-no-int-to-ptr)
        memory = real(address, size, protection, flags, fd, offset);
    if (memory == MAP_FAILED && size > 0) call_failed("mmap", errno, false); // NOLINT(performance-no-int-to-ptr)
    return memory;
}

// A sanitizer has definitions of its own of these.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

void* __libc_malloc(size_t) noexcept;         // NOLINT(bugprone-reserved-identifier): glibc's name
void* __libc_calloc(size_t, size_t) noexcept; // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void*, size_t) noexcept; // NOLINT(bugprone-reserved-identifier)

} // extern "C"

namespace {

// More than libclamav ever takes at once (CLI_MAX_ALLOCATION, others.h): what a file's header says was believed.
constexpr size_t kMostAtOnce = size_t{1} << 30U;

void* given(const char* call, void* memory, size_t size) noexcept {
    if (memory == nullptr && size > 0 && size <= kMostAtOnce) call_failed(call, ENOMEM, false);
    return memory;
}

} // namespace

extern "C" {

void* malloc(size_t size) noexcept {
    void* memory = nullptr;
    if (!refused<void*>("malloc", nullptr, memory)) memory = __libc_malloc(size);
    return given("malloc", memory, size);
}

void* calloc(size_t count, size_t size) noexcept {
    void* memory = nullptr;
    if (!refused<void*>("calloc", nullptr, memory)) memory = __libc_calloc(count, size);
    return given("calloc", memory, count > kMostAtOnce || size > kMostAtOnce ? 0 : count * size);
}

void* realloc(void* before, size_t size) noexcept {
    void* memory = nullptr;
    if (!refused<void*>("realloc", nullptr, memory)) memory = __libc_realloc(before, size);
    return given("realloc", memory, size);
}

// Tells its error by its result, and leaves errno.
int posix_memalign(void** memory, size_t alignment, size_t size) noexcept {
    static auto* const real = next<int(void**, size_t, size_t)>("posix_memalign");
    int error = injected_error("posix_memalign");
    if (error == 0) error = real(memory, alignment, size);
    if (error == ENOMEM && size <= kMostAtOnce) call_failed("posix_memalign", ENOMEM, false);
    return error;
}

#endif

} // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
