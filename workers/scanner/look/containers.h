// What is in one layer, by its type and its bytes: the members and pieces that must be opened, and what is known at
// once not to be looked at. Pure but for the libraries of members.h.
#pragma once

#include <string_view>
#include <vector>

#include "workers/scanner/look/gap.h"
#include "workers/scanner/look/members.h"
#include "workers/scanner/look/small_formats.h"

namespace evermilter::scanner {

struct Contents {
    std::vector<MemberList> lists; // more than one where a file is two things, as a picture with a zip behind it
    std::vector<Piece> pieces;     // stand in the layer as they are; valid as long as its bytes
    std::vector<Gap> gaps;         // without a path
    std::string_view locked;       // why it is encrypted, unless libclamav opens it all the same; empty: it is not
    bool passed_over = false;      // libclamav looks at nothing of a layer of this type
};

// Types as libclamav names them.
[[nodiscard]] bool is_text_type(std::string_view type) noexcept;
// A container whose members libclamav opens as the next layers.
[[nodiscard]] bool is_container_type(std::string_view type) noexcept;

[[nodiscard]] Contents look_into(std::string_view type, std::string_view bytes, const UnpackBounds& bounds);

} // namespace evermilter::scanner
