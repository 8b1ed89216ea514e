// Containers that no library at hand reads and that libclamav reads in part: where their files stand in them. Only the
// framing is followed, and nothing is unpacked. Pure; reads no byte outside of `bytes`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/scanner/look/members.h"

namespace evermilter::scanner {

// A file that stands in a container as it is.
struct Piece {
    std::string name;
    std::string_view bytes;
};
struct Pieces {
    std::vector<Piece> pieces;
    std::string broken; // why the framing could not be followed to its end; empty: it could
};

// The attachments of a winmail.dat ([MS-OXTNEF] 2.1.3). libclamav joins the second and later ones to the first.
[[nodiscard]] Pieces tnef_attachments(std::string_view bytes);
// The files in a OneNote section ([MS-ONESTORE] 2.6.13). libclamav finds those of some places only.
[[nodiscard]] Pieces onenote_files(std::string_view bytes);
// The directory of an ALZ archive (ALZip; by its local headers). nullopt: none.
[[nodiscard]] std::optional<MemberList> list_alz(std::string_view bytes);
// The one member of a file of MS-DOS' COMPRESS.EXE ("SZDD"), by the size in its header. nullopt: none.
[[nodiscard]] std::optional<MemberList> list_szdd(std::string_view bytes);

} // namespace evermilter::scanner
