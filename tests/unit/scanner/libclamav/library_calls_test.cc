// libclamav asks libc for nothing that is neither watched (libc_overrides.cc) nor known to lose no content: the
// libraries of Debian 12 and 13. One that asks for more has to be read before it is trusted.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "tests/support/command.h"

namespace evermilter::scanner {
namespace {

struct Group {
    const char* why;
    const char* names;
};
constexpr Group kNotWatched[] = {
    {"Works on memory, text, numbers and time alone.",
     "__ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc __isoc23_strtol __isoc23_strtoll "
     "__isoc23_strtoul __isoc99_sscanf __memcpy_chk __memmove_chk __snprintf_chk __sprintf_chk "
     "__stpcpy_chk __strcpy_chk __strncat_chk __vsnprintf_chk __xpg_strerror_r bcmp ceil ceilf clock "
     "clock_gettime clock_nanosleep cos ctime difftime exp exp2f expf floorf fmodf gettimeofday iconv "
     "iconv_close localtime_r log log2 log2f memchr memcmp memcpy memmove memset mktime nanosleep pow "
     "powf rand round roundf sin sincos sinf sqrt truncf snprintf sprintf srand sscanf stpcpy strcasecmp strcasestr "
     "strchr strcmp strcpy strcspn strdup "
     "strerror strftime strlcat strlcpy strlen strncasecmp strncmp strncpy strndup strnlen strpbrk "
     "strptime strrchr strstr strtod strtok_r strtol strtoll strtoul time times"},
    {"Of its own process and its threads: started with it, or before the sandbox closes.",
     "__assert_fail __cxa_atexit __cxa_finalize __cxa_thread_atexit_impl __environ __errno_location "
     "__fdelt_chk __longjmp_chk __stack_chk_fail __tls_get_addr _exit _setjmp abort dl_iterate_phdr "
     "dlerror dlopen dlsym environ exit fork free getauxval getenv getpid getppid getrandom gettid "
     "getuid gnu_get_libc_version kill mprotect munmap pause pthread_attr_destroy "
     "pthread_attr_getguardsize pthread_attr_getstack pthread_attr_init pthread_attr_setstacksize "
     "pthread_create pthread_detach pthread_getattr_np pthread_getspecific pthread_join "
     "pthread_key_create pthread_key_delete pthread_mutex_destroy pthread_mutex_init "
     "pthread_mutex_lock pthread_mutex_unlock pthread_once pthread_self pthread_setname_np "
     "pthread_setspecific sched_getaffinity sched_yield setenv sigaction sigaddset sigaltstack "
     "sigemptyset signal syscall sysconf uname unsetenv waitid waitpid"},
    {"What is left behind is wiped with the directory.",
     "chmod chown close closedir dirfd fchmod fchown fdatasync fsync futimens lchown remove rewinddir "
     "rmdir unlink unlinkat utimensat"},
    {"Of names that may be missing; what is opened then is watched.",
     "access chdir fcntl fcntl64 flock fstatat64 getcwd gethostname getpwuid_r ioctl isatty readlink "
     "realpath statx"},
    {"Its failure stays with the stream and is seen when that is flushed or closed, or tells the end of a text file.",
     "__fprintf_chk __printf_chk clearerr ferror fgets fileno fscanf ftell getc perror putc putchar "
     "puts scanf stderr stdin stdout"},
    {"Of parts that no scan uses: freshclam, the sandbox of programs, sockets, and what the Rust library brings with "
     "it.",
     "__res_init accept4 bind chroot connect copy_file_range dup2 execvp fdopendir freeaddrinfo "
     "gai_strerror getaddrinfo getpeername getsockname getsockopt inet_addr linkat listen mkfifo "
     "pidfd_getpid pidfd_spawnp pipe2 poll posix_spawn_file_actions_addchdir_np "
     "posix_spawn_file_actions_adddup2 posix_spawn_file_actions_destroy posix_spawn_file_actions_init "
     "posix_spawnattr_destroy posix_spawnattr_init posix_spawnattr_setflags posix_spawnattr_setpgroup "
     "posix_spawnattr_setsigdefault posix_spawnp preadv pwrite64 pwritev readv recv recvfrom recvmsg "
     "select send sendfile64 sendmsg sendto setgid setgroups setpgid setsid setsockopt setuid "
     "shutdown socket socketpair splice symlink tcgetattr tcsetattr writev"},
};

// The library that this program is linked with.
std::string library() {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        const auto at = line.find('/');
        if (at != std::string::npos && line.find("/libclamav.so") != std::string::npos) return line.substr(at);
    }
    return {};
}

// Names in the third and last column of nm(1), without their version.
std::set<std::string> names(const std::vector<std::string>& command, const char* version) {
    std::set<std::string> all;
    const test::Outcome said = test::run(command);
    BOOST_TEST(said.status == 0, said.errors);
    std::istringstream lines(said.output);
    for (std::string line; std::getline(lines, line);) {
        std::string name = line.substr(line.rfind(' ') + 1);
        const auto at = name.find('@');
        const bool wanted =
            *version == '\0' || (at != std::string::npos && name.find(version, at) != std::string::npos);
        if (wanted) all.insert(name.substr(0, at));
    }
    return all;
}

} // namespace

BOOST_AUTO_TEST_SUITE(library_calls)

BOOST_AUTO_TEST_CASE(each_call_of_libc_is_watched_or_known_to_lose_nothing) {
    std::set<std::string> not_watched;
    for (const Group& group : kNotWatched) {
        std::istringstream words(group.names);
        for (std::string name; words >> name;) not_watched.insert(name);
    }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    for (const char* name : {"malloc", "calloc", "realloc", "posix_memalign"}) not_watched.insert(name);
#endif
    // A sanitizer's runtime that is part of the program has most of libc's names too, as weak ones.
    const std::set<std::string> ours = names(
        {"nm", "-D", "--defined-only", "--no-weak", std::filesystem::read_symlink("/proc/self/exe").string()}, "");
    const std::set<std::string> theirs = names({"nm", "-D", "--undefined-only", library()}, "GLIBC");
    BOOST_TEST(theirs.size() > 100U);
    for (const std::string& name : theirs) {
        const bool watched = ours.count(name) > 0;
        BOOST_TEST((watched || not_watched.count(name) > 0), name << " is neither watched nor known");
        BOOST_TEST(!(watched && not_watched.count(name) > 0), name << " is watched and listed as not watched");
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
