// Archives that only 7-Zip writes, kept as they are: each holds marker.txt of 1,665 bytes, which begins with the
// marker.
//     7z a -t7z -pabc enc.7z marker.txt            7z a -t7z -pabc -mhe=on header-enc.7z marker.txt
//     7z a -t7z -m0=BCJ2 … / -m0=Delta:4 -m1=LZMA2 / -m0=deflate64 / -m0=ARM64 -m1=LZMA2; 7z a -tzip -mm=PPMd ppmd.zip
#pragma once

#include <string>

namespace evermilter::corpus {

// Throws std::out_of_range if there is no such file.
[[nodiscard]] std::string fixture(const std::string& name);

} // namespace evermilter::corpus
