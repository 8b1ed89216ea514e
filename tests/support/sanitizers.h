#pragma once

namespace evermilter::test {

// Whether the tests are built with ASan or TSan: they are five to thirty times slower then, and a test that goes
// through many variants takes fewer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

} // namespace evermilter::test
