#include "workers/scanner/look/content_watch.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "workers/scanner/look/encryption.h"

namespace evermilter::scanner {
namespace {

// libclamav passes over files this small ("File is too small"), and no signature is shorter.
constexpr std::uint64_t kTooSmall = 5;
// Each byte of the parts may be compared with layers so often; hostile mail of many parts alike could ask for more.
constexpr std::uint64_t kTextComparisons = 16;

bool one_of(std::string_view type, std::initializer_list<std::string_view> types) {
    return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_text(std::string_view type) {
    return type.starts_with("CL_TYPE_TEXT_") || one_of(type, {"CL_TYPE_HTML", "CL_TYPE_HTML_UTF16", "CL_TYPE_MAIL"});
}

bool is_zip(std::string_view type) {
    return type == "CL_TYPE_ZIP" || type.starts_with("CL_TYPE_OOXML_");
}

// Types that libarchive lists and libclamav unpacks, each in its own way.
bool is_archive(std::string_view type) {
    return one_of(type, {"CL_TYPE_7Z", "CL_TYPE_RAR", "CL_TYPE_POSIX_TAR", "CL_TYPE_OLD_TAR", "CL_TYPE_CPIO_OLD",
                         "CL_TYPE_CPIO_ODC", "CL_TYPE_CPIO_NEWC", "CL_TYPE_CPIO_CRC", "CL_TYPE_ISO9660",
                         "CL_TYPE_MSCAB", "CL_TYPE_XAR", "CL_TYPE_LHA_LZH"});
}

bool is_compressed(std::string_view type) {
    return one_of(type, {"CL_TYPE_GZ", "CL_TYPE_BZ", "CL_TYPE_XZ"});
}

// Where a member's name goes into a path: without what would look like another member's.
std::string joined(const std::string& path, std::string_view name) {
    std::string text = path;
    if (!text.empty() && !name.empty()) text += '/';
    text += name;
    constexpr std::size_t kLongest = 400;
    if (text.size() > kLongest) text.resize(kLongest);
    return text;
}

} // namespace

bool ContentWatch::before(const Expected& one, const Expected& other) noexcept {
    // Those of which no checksum is known come first among those of a size.
    return std::pair(one.member.size, one.member.crc) < std::pair(other.member.size, other.member.crc);
}

// ---------------------------------------------------------------- the mail's own parts

void ContentWatch::read_message(std::string_view message) {
    read_mail(message, {}, false);
}

void ContentWatch::read_mail(std::string_view bytes, const std::string& prefix, bool keep) {
    keep_parts(read_mime(bytes, prefix), keep);
    if (has_bare_cr(bytes)) {
        // Only what the other way to read it finds besides is new: the same content is not kept twice.
        const std::string other = with_line_ends(bytes);
        MimeReading reading = read_mime(other, prefix);
        reading.gaps.clear();
        keep_parts(std::move(reading), true);
    }
}

void ContentWatch::keep_parts(MimeReading reading, bool copy) {
    for (Gap& gap : reading.gaps) ledger_.add(std::move(gap));
    for (MimePart& part : reading.parts) {
        if (part.content.size() <= kTooSmall) continue;
        const bool known = copy && std::any_of(parts_.begin(), parts_.end(), [&](const MimePart& kept) {
                               return kept.content.size() == part.content.size() &&
                                      std::memcmp(kept.content.data(), part.content.data(), part.content.size()) == 0;
                           });
        if (known) continue;
        if (parts_left_ >= kMostMimeParts) {
            ledger_.add(gap_of_limit("MimeParts", part.path, part.type, part.content.size()));
            return;
        }
        if (copy && part.decoded.empty()) {
            part.decoded = std::string(part.content);
            part.content = part.decoded;
        }
        text_budget_ += kTextComparisons * part.content.size();
        parts_.push_back(std::move(part));
        ++parts_left_;
    }
}

void ContentWatch::match_parts(const Layer& layer) {
    if (parts_left_ == 0 || layer.normalized) return;
    const std::uint64_t size = layer.bytes.size();
    for (MimePart& part : parts_) {
        const std::string_view content = part.content;
        if (content.empty()) continue;
        bool same = content.size() == size && std::memcmp(content.data(), layer.bytes.data(), size) == 0;
        // libclamav writes text line by line: each loses its white space at the end, or its CR.
        const bool text = part.decoded.empty() || part.type.starts_with("text/") || is_text(layer.type);
        const std::uint64_t larger = std::max<std::uint64_t>(content.size(), size);
        if (!same && text && 2 * std::min<std::uint64_t>(content.size(), size) >= larger && text_budget_ >= larger) {
            same = same_text(content, layer.bytes);
            // Most differ in their first bytes, which costs nothing.
            text_budget_ -= same ? larger : std::min<std::uint64_t>(larger, 256);
        }
        if (!same) continue;
        part.content = {};
        std::string().swap(part.decoded);
        --parts_left_;
        return;
    }
}

std::optional<MimePart> ContentWatch::take_unopened() {
    while (!parts_.empty()) {
        MimePart part = std::move(parts_.back());
        parts_.pop_back();
        if (part.content.empty()) continue;
        --parts_left_;
        ++taken_;
        return part;
    }
    return std::nullopt;
}

// ---------------------------------------------------------------- layers and members

void ContentWatch::begin_scan(std::string path) {
    path_ = std::move(path);
    frames_.clear();
}

std::string ContentWatch::where() const {
    return frames_.empty() ? path_ : frames_.back().path;
}

std::string ContentWatch::where_type() const {
    return frames_.empty() ? std::string() : frames_.back().type;
}

void ContentWatch::close_above(std::uint32_t level) {
    while (!frames_.empty() && frames_.back().level >= level) {
        close(frames_.back());
        frames_.pop_back();
    }
}

void ContentWatch::close(Frame& frame) {
    for (Expected& one : frame.expected)
        if (!one.opened) missing_.push_back({std::move(one.member), frame.path, frame.format, !frame.broken.empty()});
    if (!frame.locked.empty())
        ledger_.add(gap_of(Unseen::encrypted, frame.path, frame.type, 0, std::move(frame.locked)));
    if (!frame.broken.empty())
        ledger_.add(gap_of(Unseen::malformed, frame.path, frame.format, 0, std::move(frame.broken)));
}

void ContentWatch::open(const Layer& layer) {
    close_above(layer.level);
    if (layer.normalized) return;
    if (layer.decrypted)
        for (Frame& above : frames_) above.locked.clear(); // libclamav knew the password
    match_members(layer);
    match_parts(layer);
    if (layer.name.ends_with("manifest.xml") && encrypted_manifest(layer.bytes))
        ledger_.add(gap_of(Unseen::encrypted, where(), where_type(), 0, "OpenDocument with a password"));

    Frame frame;
    frame.level = layer.level;
    frame.path = joined(where(), layer.level == 0 ? std::string_view() : layer.name);
    frame.type = layer.type;
    note_limits(layer, frame);
    // The message itself is read as a whole; a mail inside it by the way of a file is read here.
    if (layer.type == "CL_TYPE_MAIL" && !(layer.level == 0 && path_.empty()))
        read_mail(layer.bytes, frame.path + "/", true);
    else
        expect_members(layer, frame);
    if (frames_.size() < kMostLayersDeep) frames_.push_back(std::move(frame));
}

void ContentWatch::note_limits(const Layer& layer, const Frame& frame) {
    const auto above = [&](std::uint64_t limit) { return limit != 0 && layer.bytes.size() > limit; };
    const auto reached = [&](const char* limit) {
        ledger_.add(gap_of_limit(limit, frame.path, frame.type, layer.bytes.size()));
    };
    const bool html = one_of(layer.type, {"CL_TYPE_HTML", "CL_TYPE_HTML_UTF16"});
    if (html && above(limits_.max_html_normalize)) reached("MaxHTMLNormalize");
    if (!html && layer.type.starts_with("CL_TYPE_TEXT_") && above(limits_.max_script_normalize))
        reached("MaxScriptNormalize");
    if (above(limits_.pcre_max_file_size)) reached("PCREMaxFileSize");
}

void ContentWatch::expect_members(const Layer& layer, Frame& frame) {
    if (is_zip(layer.type)) {
        auto list = list_zip(layer.bytes);
        if (!list) {
            ledger_.add(gap_of(Unseen::malformed, frame.path, "zip", layer.bytes.size(), "no central directory"));
            return;
        }
        return expect(frame, std::move(*list));
    }
    if (is_archive(layer.type)) {
        auto list = list_archive(layer.bytes);
        if (!list) {
            ledger_.add(gap_of(Unseen::malformed, frame.path, frame.type, layer.bytes.size(), "unreadable"));
            return;
        }
        return expect(frame, std::move(*list));
    }
    if (is_compressed(layer.type)) return expect_unpacked(layer, frame);
    if (is_text(layer.type)) return;
    if (const std::string_view what = encrypted_office(layer.bytes); !what.empty() && !layer.decrypted)
        frame.locked = what;
    if (const std::string_view what = encrypted_file(layer.bytes); !what.empty())
        ledger_.add(gap_of(Unseen::encrypted, frame.path, frame.type, layer.bytes.size(), std::string(what)));
    if (const std::string_view format = unreadable_container(layer.bytes); !format.empty()) {
        ledger_.add(gap_of(Unseen::unsupported, frame.path, std::string(format), layer.bytes.size(), {}));
        return;
    }
    if (layer.type == "CL_TYPE_BINARY_DATA") {
        expect_unpacked(layer, frame);
        if (layer.bytes.starts_with("!<arch>\n"))
            if (auto list = list_archive(layer.bytes)) expect(frame, std::move(*list));
    }
    // A zip behind another file: a self-extracting archive, or a picture that is one too.
    if (frame.expected.empty() && has_zip_directory(layer.bytes))
        if (auto list = list_zip(layer.bytes)) expect(frame, std::move(*list));
}

void ContentWatch::expect(Frame& frame, MemberList list) {
    frame.format = list.format;
    frame.broken = std::move(list.broken);
    if (list.too_many) ledger_.add(gap_of_limit("MaxFiles", frame.path, frame.format, 0));
    if (list.encrypted && list.members.empty()) {
        ledger_.add(gap_of(Unseen::encrypted, frame.path, frame.format, 0, "its directory"));
        frame.broken.clear();
    }
    for (Member& member : list.members)
        if (member.size > kTooSmall || member.encrypted) frame.expected.push_back({std::move(member)});
    frame.left = frame.expected.size();
    std::sort(frame.expected.begin(), frame.expected.end(), before);
}

void ContentWatch::expect_unpacked(const Layer& layer, Frame& frame) {
    const std::uint64_t most = limits_.max_file_size != 0 ? limits_.max_file_size : std::uint64_t{1} << 40U;
    auto unpacked = measure_compressed(layer.bytes, most, deadline_);
    if (!unpacked) {
        if (is_compressed(layer.type))
            ledger_.add(gap_of(Unseen::malformed, frame.path, frame.type, layer.bytes.size(), "unreadable"));
        return;
    }
    frame.format = unpacked->format;
    frame.broken = std::move(unpacked->broken);
    if (unpacked->size <= kTooSmall) return;
    Member member;
    member.size = unpacked->size;
    frame.expected.push_back({std::move(member)});
    frame.left = 1;
}

void ContentWatch::match_members(const Layer& layer) {
    std::optional<std::uint32_t> crc;
    for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
        if (frame->left == 0) continue;
        Expected wanted;
        wanted.member.size = layer.bytes.size();
        // Nothing but its size is known of it: one layer stands for one member.
        auto one = std::lower_bound(frame->expected.begin(), frame->expected.end(), wanted, before);
        for (; one != frame->expected.end() && one->member.size == wanted.member.size && !one->member.crc; ++one) {
            if (one->opened) continue;
            one->opened = true;
            --frame->left;
            return;
        }
        if (one == frame->expected.end() || one->member.size != wanted.member.size) continue;
        if (!crc) crc = crc_of(layer.bytes);
        wanted.member.crc = crc;
        // Members with the same content are all looked at with one: libclamav passes over repeated entries.
        one = std::lower_bound(one, frame->expected.end(), wanted, before);
        for (; one != frame->expected.end() && !before(wanted, *one) && !one->opened; ++one) {
            one->opened = true;
            --frame->left;
        }
    }
}

void ContentWatch::end_scan(const std::vector<std::string>& limits_reached) {
    close_above(0);
    for (const Missing& one : missing_) ledger_.add(gap_of_missing(one, limits_reached));
    missing_.clear();
}

Gap ContentWatch::gap_of_missing(const Missing& missing, const std::vector<std::string>& limits_reached) const {
    const Member& member = missing.member;
    std::string path = joined(missing.path, member.name);
    if (member.encrypted) return gap_of(Unseen::encrypted, std::move(path), missing.format, member.size, {});
    if (!member.method_known)
        return gap_of(Unseen::unsupported, std::move(path), missing.format, member.size, "compression method");
    if (limits_.max_file_size != 0 && member.size > limits_.max_file_size)
        return gap_of_limit("MaxFileSize", std::move(path), missing.format, member.size);
    if (!limits_reached.empty())
        return gap_of_limit(limits_reached.front(), std::move(path), missing.format, member.size);
    if (missing.broken || missing.format == "zip")
        return gap_of(Unseen::malformed, std::move(path), missing.format, member.size, "not unpacked");
    return gap_of(Unseen::unsupported, std::move(path), missing.format, member.size, "not unpacked");
}

} // namespace evermilter::scanner
