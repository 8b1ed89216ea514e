#include "workers/scanner/look/containers.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "workers/scanner/look/encryption.h"
#include "workers/scanner/look/find_bytes.h"

namespace evermilter::scanner {
namespace {

using namespace std::string_view_literals;

bool one_of(std::string_view type, std::initializer_list<std::string_view> types) noexcept {
    return std::find(types.begin(), types.end(), type) != types.end();
}

bool is_zip(std::string_view type) noexcept {
    return type == "CL_TYPE_ZIP" || type.starts_with("CL_TYPE_OOXML_");
}

// Types that libarchive lists and libclamav unpacks, each in its own way.
bool is_archive(std::string_view type) noexcept {
    return one_of(type, {"CL_TYPE_7Z", "CL_TYPE_RAR", "CL_TYPE_POSIX_TAR", "CL_TYPE_OLD_TAR", "CL_TYPE_CPIO_OLD",
                         "CL_TYPE_CPIO_ODC", "CL_TYPE_CPIO_NEWC", "CL_TYPE_CPIO_CRC", "CL_TYPE_ISO9660",
                         "CL_TYPE_MSCAB", "CL_TYPE_XAR", "CL_TYPE_LHA_LZH"});
}

bool is_compressed(std::string_view type) noexcept {
    return one_of(type, {"CL_TYPE_GZ", "CL_TYPE_BZ", "CL_TYPE_XZ"});
}

class Look {
  public:
    Look(std::string_view type, std::string_view bytes, const UnpackBounds& bounds)
        : type_(type), bytes_(bytes), bounds_(bounds) {}

    Contents run() {
        // What is in a mail is in its parts.
        if (type_ == "CL_TYPE_MAIL") return std::move(contents_);
        const bool html = one_of(type_, {"CL_TYPE_HTML", "CL_TYPE_HTML_UTF16"});
        if (is_zip(type_)) {
            must_list(list_zip(bytes_), "no central directory");
            for (const MemberList& list : contents_.lists)
                for (const std::string& name : unlisted_in_zip(bytes_, list.names))
                    add(Unseen::ambiguous, "not in its directory: " + name);
        } else if (is_archive(type_)) {
            archive();
            if (type_ == "CL_TYPE_RAR" && rar5_encrypted(bytes_)) add(Unseen::encrypted, "RAR 5");
        } else if (is_compressed(type_)) {
            must_list(list_compressed(bytes_, bounds_), "unreadable");
        } else if (type_ == "CL_TYPE_ALZ") {
            must_list(list_alz(bytes_), "unreadable");
        } else if (type_ == "CL_TYPE_MSSZDD") {
            must_list(list_szdd(bytes_), "unreadable");
        } else if (type_ == "CL_TYPE_TNEF") {
            must_have(tnef_attachments(bytes_));
        } else if (type_ == "CL_TYPE_ONENOTE") {
            must_have(onenote_files(bytes_));
        } else if (!html) { // other text may be any file that libclamav has no type for
            other();
        }
        if (!is_zip(type_) && !is_archive(type_)) embedded();
        // A zip behind another file: a self-extracting archive, or a picture or gzip that is one too.
        if (!is_zip(type_) && has_zip_directory(bytes_)) may_list(list_zip(bytes_));
        // Of one that is cut off: only where a zip is not a member, or libclamav would find it there.
        else if (one_of(type_, {"CL_TYPE_MSEXE", "CL_TYPE_ELF", "CL_TYPE_TEXT_ASCII", "CL_TYPE_BINARY_DATA"}) &&
                 has_zip_member(bytes_))
            add(Unseen::malformed, "a zip without its directory");
        contents_.passed_over = type_ == "CL_TYPE_IGNORED";
        return std::move(contents_);
    }

  private:
    void add(Unseen reason, std::string detail) {
        contents_.gaps.push_back(gap_of(reason, {}, std::string(type_), bytes_.size(), std::move(detail)));
    }
    void may_list(std::optional<MemberList> list) {
        if (list) contents_.lists.push_back(std::move(*list));
    }
    void must_list(std::optional<MemberList> list, const char* otherwise) {
        if (!list) add(Unseen::malformed, otherwise);
        may_list(std::move(list));
    }
    void archive() {
        auto list = list_archive(bytes_);
        // libclamav knows these by two or three bytes, which other files begin with too.
        const bool weak = one_of(type_, {"CL_TYPE_CPIO_OLD", "CL_TYPE_LHA_LZH"});
        if (weak && (!list || list->members.empty())) return;
        must_list(std::move(list), "unreadable");
    }
    void must_have(Pieces found) {
        if (!found.broken.empty()) add(Unseen::malformed, std::move(found.broken));
        contents_.pieces = std::move(found.pieces);
    }

    // Types that libclamav does not unpack, at least not by a directory that is known here.
    void other() {
        contents_.locked = encrypted_office(bytes_);
        if (const std::string_view what = encrypted_file(bytes_); !what.empty())
            add(Unseen::encrypted, std::string(what));
        if (compound_file_cut_off(bytes_)) add(Unseen::malformed, "cut off");
        if (type_ == "CL_TYPE_SWF") contents_.pieces = swf_binary_data(bytes_);
        constexpr std::size_t kVolume = 16 * 2048 + 1; // ECMA-119 6.2.1, 8.1.2
        if (bytes_.size() > kVolume && bytes_.substr(kVolume).starts_with("CD001")) {
            auto list = list_archive(bytes_);
            if (list && list->format.starts_with("ISO"))
                may_list(std::move(list));
            else
                add(Unseen::malformed, "ISO 9660");
        }
        // LHA, which libclamav does not take for it because of its method.
        if (bytes_.size() > 6 && bytes_.substr(2, 3) == "-lh" && bytes_[6] == '-') add(Unseen::unsupported, "LHA");
        if (const std::string_view what = unreadable_container(bytes_); !what.empty())
            add(Unseen::unsupported, std::string(what));
        // At such a beginning libclamav matches no pattern in the first 128 KiB (matcher-ac.c, "PDF image").
        constexpr std::size_t kNear = 256;
        if (bytes_.substr(0, kNear).find("/RGB\nID\n\xff\xff\xff\xff"sv) != std::string_view::npos)
            add(Unseen::unsupported, "taken for a picture of a PDF");
        may_list(list_compressed(bytes_, bounds_));
        if (bytes_.starts_with("!<arch>\n")) may_list(list_archive(bytes_));
    }

    // Archives behind a program that unpacks them, or behind any other file: archivers look for them so far, WinRAR the
    // farthest. Of zips see run().
    void embedded() {
        constexpr std::size_t kFarthest = 4U << 20U;
        constexpr std::string_view kMagic[] = {"7z\xbc\xaf\x27\x1c\0"sv, "Rar!\x1a\7"sv, "MSCF\0\0\0\0"sv};
        const std::string_view head = bytes_.substr(0, kFarthest);
        for (const std::string_view magic : kMagic) {
            constexpr int kMostHits = 16; // the bytes stand in programs that write such archives too
            std::size_t at = find_bytes(head, magic, 1);
            for (int hit = 0; hit < kMostHits && at != std::string_view::npos;
                 ++hit, at = find_bytes(head, magic, at + 1)) {
                if (rar5_encrypted(bytes_.substr(at))) {
                    add(Unseen::encrypted, "RAR 5");
                    break;
                }
                auto list = list_archive(bytes_.substr(at));
                if (!list || (list->members.empty() && !list->encrypted)) continue;
                list->offset = at;
                contents_.lists.push_back(std::move(*list));
                break;
            }
        }
    }

    std::string_view type_;
    std::string_view bytes_;
    const UnpackBounds& bounds_;
    Contents contents_;
};

} // namespace

bool is_container_type(std::string_view type) noexcept {
    return is_zip(type) || is_archive(type) || is_compressed(type) || type == "CL_TYPE_ALZ" || type == "CL_TYPE_MSSZDD";
}

bool is_text_type(std::string_view type) noexcept {
    return type.starts_with("CL_TYPE_TEXT_") || one_of(type, {"CL_TYPE_HTML", "CL_TYPE_HTML_UTF16", "CL_TYPE_MAIL"});
}

Contents look_into(std::string_view type, std::string_view bytes, const UnpackBounds& bounds) {
    return Look(type, bytes, bounds).run();
}

} // namespace evermilter::scanner
