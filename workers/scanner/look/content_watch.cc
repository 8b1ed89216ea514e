#include "workers/scanner/look/content_watch.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "workers/scanner/look/encryption.h"

namespace evermilter::scanner {
namespace {

// libclamav passes over files this small ("File is too small"), and no signature is shorter.
constexpr std::uint64_t kTooSmall = 5;
// Each byte of the parts may be compared with layers so often; hostile mail of many parts alike could ask for more.
constexpr std::uint64_t kTextComparisons = 16;
// Stands before what is scanned although libclamav passes over its type, so that it has none.
constexpr std::size_t kTypelessPrefix = 8;

// A member's name goes into a path; a long one says nothing more to a person.
std::string joined(const std::string& path, std::string_view name) {
    constexpr std::size_t kLongest = 400;
    std::string text = path;
    if (!text.empty() && !name.empty()) text += '/';
    text += name;
    if (text.size() > kLongest) text.resize(kLongest);
    return text;
}

std::uint64_t limit_or_most(std::uint64_t limit) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40U;
    return limit == 0 ? kMost : limit;
}

bool reached_any(const std::vector<std::string>& limits, std::initializer_list<std::string_view> names) {
    return std::any_of(limits.begin(), limits.end(), [&](const std::string& limit) {
        return std::find(names.begin(), names.end(), limit) != names.end();
    });
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
    if (!has_bare_cr(bytes)) return;
    // Some programs end a line at a bare CR. Only what that way to read it finds besides is new.
    const std::string other = with_line_ends(bytes);
    MimeReading reading = read_mime(other, prefix);
    reading.gaps.clear();
    keep_parts(std::move(reading), true);
}

void ContentWatch::keep_parts(MimeReading reading, bool copy) {
    for (Gap& gap : reading.gaps) ledger_.add(std::move(gap));
    for (MimePart& part : reading.parts) {
        const bool known = copy && std::any_of(parts_.begin(), parts_.end(),
                                               [&](const Part& kept) { return kept.mime.content == part.content; });
        if (known || part.content.size() <= kTooSmall) continue;
        if (copy && part.decoded.empty()) {
            part.decoded = std::string(part.content);
            part.content = part.decoded;
        }
        keep_part(std::move(part));
    }
}

void ContentWatch::keep_part(MimePart part) {
    if (round_ >= kMostRounds || parts_left_ >= kMostMimeParts) {
        const char* limit = round_ >= kMostRounds ? "MaxRecursion" : "MaxFiles";
        return ledger_.add(gap_of_limit(limit, part.path, part.type, part.content.size()));
    }
    text_budget_ += kTextComparisons * part.content.size();
    parts_.push_back({std::move(part), round_ + 1});
    ++parts_left_;
}

void ContentWatch::match_parts(const Layer& layer) {
    if (parts_left_ == 0) return;
    const std::uint64_t size = layer.bytes.size();
    for (Part& part : parts_) {
        const std::string_view content = part.mime.content;
        if (content.empty()) continue;
        bool same = content == layer.bytes;
        // libclamav writes text line by line, and ends each in its own way. Nothing but that may differ: otherwise a
        // part that was opened would speak for another, which is like it but for the blanks that matter to a signature.
        const bool text = part.mime.decoded.empty() || part.mime.type.starts_with("text/") || is_text_type(layer.type);
        const std::uint64_t larger = std::max<std::uint64_t>(content.size(), size);
        if (!same && text && 2 * std::min<std::uint64_t>(content.size(), size) >= larger && text_budget_ >= larger) {
            same = same_text(content, layer.bytes);
            // Most differ in their first bytes, which costs nothing.
            text_budget_ -= same ? larger : std::min<std::uint64_t>(larger, 256);
        }
        if (!same) continue;
        part.mime.content = {};
        std::string().swap(part.mime.decoded);
        --parts_left_;
        return;
    }
}

std::optional<Unopened> ContentWatch::take_unopened() {
    while (!parts_.empty()) {
        Part part = std::move(parts_.front());
        parts_.pop_front();
        if (part.mime.content.empty()) continue;
        --parts_left_;
        ++taken_;
        std::optional<Unopened> taken(std::in_place);
        taken->path = part.mime.path;
        if (!part.mime.name.empty()) taken->path += " " + part.mime.name;
        taken->round = part.round;
        taken->bytes = part.mime.content;
        if (!part.mime.decoded.empty()) {
            taken->bytes_kept = std::move(part.mime.decoded);
            taken->bytes = {};
        }
        return taken;
    }
    return std::nullopt;
}

// ---------------------------------------------------------------- layers

void ContentWatch::begin_scan() {
    path_.clear();
    round_ = 0;
    frames_.clear();
}

void ContentWatch::begin_scan(const Unopened& what) {
    begin_scan();
    path_ = what.path;
    round_ = what.round;
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
    if (!frame.locked.empty())
        ledger_.add(gap_of(Unseen::encrypted, frame.path, frame.type, 0, std::string(frame.locked)));
    for (Container& container : frame.containers) {
        if (container.left > 0)
            unsettled_.push_back(std::move(container));
        else
            kept_ -= container.kept.size();
    }
}

void ContentWatch::open(const Layer& layer) {
    close_above(layer.level);
    if (layer.normalized) return;
    if (layer.decrypted)
        for (Frame& above : frames_) above.locked = {}; // libclamav knew the password
    const bool is_member = match_members(layer);
    match_parts(layer);
    if (layer.name.ends_with("manifest.xml") && encrypted_manifest(layer.bytes))
        ledger_.add(gap_of(Unseen::encrypted, where(), where_type(), 0, "OpenDocument with a password"));

    Frame frame;
    frame.level = layer.level;
    frame.is_member = is_member;
    frame.path = joined(where(), layer.level == 0 ? std::string_view() : layer.name);
    frame.type = layer.type;
    note_limits(layer, frame);
    // The message itself was read already; a mail that comes by the way of a file is read here.
    const bool message = layer.level == 0 && round_ == 0;
    if (layer.type == "CL_TYPE_MAIL" && !message) read_mail(layer.bytes, frame.path + "/", true);
    if (!message) look(layer, frame);
    if (frames_.size() < kMostLayersDeep) frames_.push_back(std::move(frame));
}

void ContentWatch::note_limits(const Layer& layer, const Frame& frame) {
    const auto above = [&](std::uint64_t limit) { return limit != 0 && layer.bytes.size() > limit; };
    const auto reached = [&](const char* limit) {
        ledger_.add(gap_of_limit(limit, frame.path, frame.type, layer.bytes.size()));
    };
    const bool html = layer.type == "CL_TYPE_HTML" || layer.type == "CL_TYPE_HTML_UTF16";
    if (html && above(limits_.max_html_normalize)) reached("MaxHTMLNormalize");
    if (html && above(limits_.max_html_no_tags)) reached("MaxHTMLNoTags");
    // A program inside of one of these is looked for only in files that are not larger.
    const bool embeds = layer.type == "CL_TYPE_MSEXE" || layer.type == "CL_TYPE_MSOLE2";
    if (embeds && above(limits_.max_embedded_pe)) reached("MaxEmbeddedPE");
    if (!html && layer.type.starts_with("CL_TYPE_TEXT_") && above(limits_.max_script_normalize))
        reached("MaxScriptNormalize");
    if (above(limits_.pcre_max_file_size)) reached("PCREMaxFileSize");
}

void ContentWatch::look(const Layer& layer, Frame& frame) {
    Contents contents = look_into(layer.type, layer.bytes, {limit_or_most(limits_.max_file_size), deadline_});
    frame.locked = layer.decrypted ? std::string_view() : contents.locked;
    for (Gap& gap : contents.gaps) {
        gap.path = frame.path;
        ledger_.add(std::move(gap));
    }
    for (MemberList& list : contents.lists) expect(layer, frame, std::move(list));
    for (const Piece& piece : contents.pieces) {
        if (piece.bytes.size() <= kTooSmall) continue;
        MimePart part;
        part.path = joined(frame.path, piece.name);
        part.decoded = piece.bytes;
        part.content = part.decoded;
        keep_part(std::move(part));
    }
    if (contents.passed_over && layer.bytes.size() > kTooSmall) {
        MimePart part;
        part.path = frame.path;
        part.decoded.assign(kTypelessPrefix, '\0');
        part.decoded += layer.bytes;
        part.content = part.decoded;
        keep_part(std::move(part));
    }
}

// ---------------------------------------------------------------- members

void ContentWatch::expect(const Layer& layer, Frame& frame, MemberList list) {
    Container container;
    container.path = frame.path;
    container.format = std::move(list.format);
    container.packing = list.packing;
    // Of an archive behind another file libclamav's layers do not tell which are its members.
    container.unpack_all = list.offset != 0 || !is_container_type(layer.type);
    container.broken = !list.broken.empty();
    if (list.too_many) ledger_.add(gap_of_limit("MaxFiles", frame.path, container.format, 0));
    if (list.encrypted && list.members.empty())
        ledger_.add(gap_of(Unseen::encrypted, frame.path, container.format, 0, "its directory"));
    else if (container.broken)
        ledger_.add(gap_of(Unseen::malformed, frame.path, container.format, 0, std::move(list.broken)));
    bool unpackable = false;
    for (Member& member : list.members) {
        if (member.size <= kTooSmall && !member.encrypted) continue;
        unpackable = unpackable || !member.encrypted;
        container.expected.push_back({std::move(member)});
    }
    container.left = container.expected.size();
    if (container.left == 0) return;
    std::sort(container.expected.begin(), container.expected.end(), before);
    if (unpackable && list.packing != Packing::none && kept_ + layer.bytes.size() <= kMostKept) {
        container.kept = layer.bytes.substr(list.offset);
        kept_ += container.kept.size();
    }
    frame.containers.push_back(std::move(container));
}

bool ContentWatch::match_members(const Layer& layer) {
    if (frames_.empty()) return false;
    // Members are what libclamav opens next below their container. A hostile archive may hold the same number of bytes,
    // with the same checksum, elsewhere: that speaks for no member.
    Frame& above = frames_.back();
    std::optional<std::uint32_t> crc;
    bool matched = false;
    for (Container& container : above.containers) matched = match(container, layer, crc) || matched;
    // A xar's members may be unpacked in two steps: the compressed file is then no member itself.
    const bool two_steps =
        above.type.starts_with("CL_TYPE_BZ") || above.type == "CL_TYPE_XZ" || above.type == "CL_TYPE_GZ";
    if (two_steps && !above.is_member && frames_.size() >= 2 && frames_[frames_.size() - 2].type == "CL_TYPE_XAR")
        for (Container& container : frames_[frames_.size() - 2].containers) (void)match(container, layer, crc);
    return matched;
}

// One layer stands for one member.
bool ContentWatch::match(Container& container, const Layer& layer, std::optional<std::uint32_t>& crc) {
    if (container.left == 0 || container.unpack_all) return false;
    Expected wanted;
    wanted.member.size = layer.bytes.size();
    auto one = std::lower_bound(container.expected.begin(), container.expected.end(), wanted, before);
    if (one == container.expected.end() || one->member.size != wanted.member.size) return false;
    if (one->member.crc) {
        if (!crc) crc = crc_of(layer.bytes);
        wanted.member.crc = crc;
        one = std::lower_bound(one, container.expected.end(), wanted, before);
    }
    for (; one != container.expected.end() && !before(wanted, *one); ++one) {
        if (one->opened || (one->member.encrypted && !layer.decrypted)) continue;
        one->opened = true;
        --container.left;
        return true;
    }
    return false;
}

void ContentWatch::end_scan(const std::vector<std::string>& limits_reached) {
    close_above(0);
    for (Container& container : unsettled_) settle(container, limits_reached);
    unsettled_.clear();
    kept_ = 0;
}

void ContentWatch::settle(Container& container, const std::vector<std::string>& limits_reached) {
    // Past a limit on how much or how deep, nothing more is looked at, in whatever way.
    const bool stop = reached_any(limits_reached, {"MaxScanSize", "MaxFiles", "MaxRecursion", "TempSize"});
    // Of members that are alike in all that is known, as soon as one is missing, it is not known which.
    for (std::size_t i = 1; i < container.expected.size(); ++i)
        if (!before(container.expected[i - 1], container.expected[i]) && !container.expected[i - 1].opened)
            container.expected[i].opened = false;
    for (std::size_t i = container.expected.size(); i-- > 1;)
        if (!before(container.expected[i - 1], container.expected[i]) && !container.expected[i].opened)
            container.expected[i - 1].opened = false;
    std::vector<const Member*> wanted;
    for (const Expected& one : container.expected) {
        if (one.opened) continue;
        const bool too_large = limits_.max_file_size != 0 && one.member.size > limits_.max_file_size;
        if (stop || one.member.encrypted || too_large || container.kept.empty())
            ledger_.add(gap_of_missing(container, one.member, limits_reached));
        else
            wanted.push_back(&one.member);
    }
    if (wanted.empty()) return;
    std::sort(wanted.begin(), wanted.end(), [](const Member* a, const Member* b) { return a->index < b->index; });
    const std::uint64_t most = limit_or_most(limits_.max_scan_size);
    std::size_t given = 0;
    unpack_members(container.packing, container.kept, wanted, {most > unpacked_ ? most - unpacked_ : 0, deadline_},
                   [&](const Member& member, std::optional<std::string> bytes) {
                       ++given;
                       if (!bytes) return ledger_.add(gap_of_missing(container, member, limits_reached));
                       unpacked_ += bytes->size();
                       MimePart part;
                       part.path = joined(container.path, member.name);
                       part.decoded = std::move(*bytes);
                       part.content = part.decoded;
                       keep_part(std::move(part));
                   });
    for (; given < wanted.size(); ++given) {
        if (unpacked_ >= most)
            ledger_.add(gap_of_limit("MaxScanSize", joined(container.path, wanted[given]->name), container.format,
                                     wanted[given]->size));
        else
            ledger_.add(gap_of_missing(container, *wanted[given], limits_reached));
    }
}

Gap ContentWatch::gap_of_missing(const Container& container, const Member& member,
                                 const std::vector<std::string>& limits_reached) const {
    std::string path = joined(container.path, member.name);
    if (member.encrypted) return gap_of(Unseen::encrypted, std::move(path), container.format, member.size, {});
    if (limits_.max_file_size != 0 && member.size > limits_.max_file_size)
        return gap_of_limit("MaxFileSize", std::move(path), container.format, member.size);
    if (!limits_reached.empty())
        return gap_of_limit(limits_reached.front(), std::move(path), container.format, member.size);
    // A directory that is whole, and a member that can be had in no way.
    return gap_of(container.broken ? Unseen::malformed : Unseen::unsupported, std::move(path), container.format,
                  member.size, "not unpacked");
}

} // namespace evermilter::scanner
