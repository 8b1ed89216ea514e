// The stream functions that libclamav calls are ours, and do what libc's do.
#include "workers/scanner/libclamav/unlocked_reading.h"

#include <clamav.h>
#include <dlfcn.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace evermilter::scanner {

BOOST_AUTO_TEST_SUITE(unlocked_reading)

BOOST_AUTO_TEST_CASE(libclamav_calls_the_programs_functions) {
    for (const char* name : {"fgetc", "feof"}) {
        Dl_info info{};
        void* const called = ::dlsym(RTLD_DEFAULT, name); // as the dynamic linker resolves it for libclamav
        BOOST_REQUIRE(called != nullptr);
        BOOST_REQUIRE(::dladdr(called, &info) != 0);
        BOOST_TEST(std::string(info.dli_fname).find("libc.so") == std::string::npos, name);
        BOOST_TEST(called != ::dlsym(RTLD_NEXT, name), name);
    }
}

BOOST_AUTO_TEST_CASE(a_stream_reads_the_same_with_and_without_locks) {
    const std::string content("one\ntwo\0\xff\n", 10);
    for (const bool unlocked : {false, true}) {
        std::optional<UnlockedReading> reading;
        if (unlocked) reading.emplace();
        const std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), std::fclose);
        BOOST_REQUIRE(file);
        BOOST_REQUIRE(std::fwrite(content.data(), 1, content.size(), file.get()) == content.size());
        std::rewind(file.get());
        std::string read;
        while (std::feof(file.get()) == 0) {
            const int character = std::fgetc(file.get());
            if (character != EOF) read += static_cast<char>(character);
        }
        BOOST_TEST(read == content);
        BOOST_TEST(std::fgetc(file.get()) == EOF);
    }
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace evermilter::scanner
