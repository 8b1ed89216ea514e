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
// Files in a Flash film, as the tag DefineBinaryData holds them (SWF file format 19, "DefineBinaryData"). Not packed
// ones.
[[nodiscard]] std::vector<Piece> swf_binary_data(std::string_view bytes);
// The directory of an ALZ archive (ALZip; by its local headers). nullopt: none.
[[nodiscard]] std::optional<MemberList> list_alz(std::string_view bytes);
// The one member of a file of MS-DOS' COMPRESS.EXE ("SZDD"), by the size in its header. nullopt: none.
[[nodiscard]] std::optional<MemberList> list_szdd(std::string_view bytes);

// Whether an entry of a RAR 5 archive is encrypted, or all of it (its headers; rarlab.com/technote.htm). libarchive 3.6
// does not tell.
[[nodiscard]] bool rar5_encrypted(std::string_view bytes);
// Members that stand in a zip from its beginning but not in its directory: what a program finds that reads it as a
// stream. Ends at the first whose size is not known before it. `listed` are the names in the directory,
// sorted.
[[nodiscard]] std::vector<std::string> unlisted_in_zip(std::string_view bytes, const std::vector<std::string>& listed);
// Whether the local header of a member of a zip stands somewhere in it: of one that is cut off before its directory.
[[nodiscard]] bool has_zip_member(std::string_view bytes);
// Whether a compound file ([MS-CFB]) ends before a sector that it uses.
[[nodiscard]] bool compound_file_cut_off(std::string_view bytes);

} // namespace evermilter::scanner
