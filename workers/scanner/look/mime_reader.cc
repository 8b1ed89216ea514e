#include "workers/scanner/look/mime_reader.h"

#include <gmime/gmime.h>
#include <strings.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

namespace evermilter::scanner {
namespace {

struct Unref {
    void operator()(gpointer object) const noexcept { g_object_unref(object); }
};
template <class T>
using Object = std::unique_ptr<T, Unref>;

struct FreeOptions {
    void operator()(GMimeParserOptions* options) const noexcept { g_mime_parser_options_free(options); }
};
struct FreeText {
    void operator()(char* text) const noexcept { g_free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

// A stream over memory that it neither copies nor frees.
class Borrowed {
  public:
    explicit Borrowed(std::string_view bytes)
        : array_(g_byte_array_new_take(reinterpret_cast<guint8*>(const_cast<char*>(bytes.data())), // NOLINT: only read
                                       bytes.size())),
          stream_(g_mime_stream_mem_new_with_byte_array(array_)) {
        g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream_.get()), FALSE);
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    ~Borrowed() {
        stream_.reset();
        (void)g_byte_array_free(array_, FALSE);
    }
    [[nodiscard]] GMimeStream* get() const noexcept { return stream_.get(); }

  private:
    GByteArray* array_;
    Object<GMimeStream> stream_;
};

bool equals(std::string_view one, const char* other) noexcept {
    return one.size() == std::strlen(other) && ::strncasecmp(one.data(), other, one.size()) == 0;
}

bool blank(std::string_view text) noexcept {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char byte) { return byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte; });
    return text;
}

std::string type_of(GMimeObject* object) {
    const Text type(g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object)));
    return type ? lower(type.get()) : std::string();
}

// What GMime noticed while it parsed, as far as programs differ there.
struct Warnings {
    std::vector<std::string> differences;
};

// Called by GMime; nothing may be thrown through it.
void on_warning(gint64, GMimeParserWarning warning, const gchar* item, gpointer data) noexcept {
    const std::string_view what = item == nullptr ? std::string_view() : std::string_view(item);
    const char* difference = nullptr;
    switch (warning) {
        case GMIME_CRIT_CONFLICTING_HEADER:
            if (equals(what, "Content-Type")) difference = "two Content-Type fields";
            if (equals(what, "Content-Transfer-Encoding")) difference = "two Content-Transfer-Encoding fields";
            break;
        case GMIME_CRIT_CONFLICTING_PARAMETER:
            if (equals(what, "boundary")) difference = "two boundaries";
            break;
        case GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY:
            difference = "multipart without a boundary";
            break;
        default:
            break;
    }
    if (difference == nullptr) return;
    try {
        static_cast<Warnings*>(data)->differences.emplace_back(difference);
    } catch (...) {
        std::abort(); // as GLib does without memory: a difference that is forgotten would be called clean
    }
}

constexpr std::string_view kPgpMessage = "-----BEGIN PGP MESSAGE-----";

bool holds_pgp_message(std::string_view text) noexcept {
    for (std::size_t at = text.find(kPgpMessage); at != std::string_view::npos; at = text.find(kPgpMessage, at + 1))
        if (at == 0 || text[at - 1] == '\n') return true;
    return false;
}

// The last number of the object identifier 1.2.840.113549.1.7.N with which a CMS structure begins (RFC 5652); 0: none.
int cms_kind(std::string_view content) noexcept {
    constexpr std::string_view kPkcs7("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", 10);
    constexpr std::size_t kNear = 64;
    const std::string_view head = content.substr(0, kNear);
    const std::size_t at = head.find(kPkcs7);
    if (at == std::string_view::npos || at + kPkcs7.size() >= head.size()) return 0;
    return static_cast<unsigned char>(head[at + kPkcs7.size()]);
}

class Reader {
  public:
    Reader(std::string_view message, std::string_view prefix, MimeReading& reading)
        : message_(message), prefix_(prefix), reading_(reading) {}

    void walk(GMimeObject* object, const std::string& path, int depth) {
        if (depth > kMostMimeDepth) return limit("MimeDepth", path);
        if (GMIME_IS_MULTIPART(object)) return multipart(GMIME_MULTIPART(object), path, depth);
        if (GMIME_IS_MESSAGE_PART(object)) {
            GMimeMessage* inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
            if (inner != nullptr && g_mime_message_get_mime_part(inner) != nullptr)
                walk(g_mime_message_get_mime_part(inner), path + ".m", depth + 1);
            return;
        }
        if (GMIME_IS_PART(object)) leaf(GMIME_PART(object), path);
    }

  private:
    void add(Unseen reason, const std::string& path, std::string type, std::uint64_t size, std::string detail) {
        reading_.gaps.push_back(gap_of(reason, prefix_ + path, std::move(type), size, std::move(detail)));
    }
    void limit(std::string_view name, const std::string& path) {
        const bool known =
            std::any_of(reading_.gaps.begin(), reading_.gaps.end(), [&](const Gap& gap) { return gap.label == name; });
        if (!known) reading_.gaps.push_back(gap_of_limit(name, prefix_ + path, {}, 0));
    }

    void multipart(GMimeMultipart* parts, const std::string& path, int depth) {
        GMimeObject* object = GMIME_OBJECT(parts);
        if (equals(type_of(object), "multipart/encrypted"))
            add(Unseen::encrypted, path, "multipart/encrypted", 0, "RFC 1847");
        const int count = g_mime_multipart_get_count(parts);
        const char* before = g_mime_multipart_get_prologue(parts);
        if (count == 0 && before != nullptr && !blank(before))
            add(Unseen::ambiguous, path, type_of(object), std::strlen(before), "its boundary does not occur");
        const char* boundary = g_mime_multipart_get_boundary(parts);
        const char* after = g_mime_multipart_get_epilogue(parts);
        if (boundary != nullptr && after != nullptr && has_delimiter(after, boundary))
            add(Unseen::ambiguous, path, type_of(object), std::strlen(after), "parts behind the last boundary");
        for (int i = 0; i < count; ++i) {
            if (reading_.parts.size() >= kMostMimeParts) return limit("MimeParts", path);
            walk(g_mime_multipart_get_part(parts, i), path + "." + std::to_string(i + 1), depth + 1);
        }
    }

    static bool has_delimiter(std::string_view text, std::string_view boundary) {
        const std::string delimiter = "--" + std::string(boundary);
        for (std::size_t at = text.find(delimiter); at != std::string_view::npos; at = text.find(delimiter, at + 1))
            if (at == 0 || text[at - 1] == '\n') return true;
        return false;
    }

    void leaf(GMimePart* part, const std::string& path) {
        MimePart found;
        found.path = prefix_ + path;
        found.type = type_of(GMIME_OBJECT(part));
        if (const char* name = g_mime_part_get_filename(part)) found.name = name;
        GMimeDataWrapper* content = g_mime_part_get_content(part);
        const std::uint64_t size = content == nullptr
                                       ? 0
                                       : static_cast<std::uint64_t>(std::max<gint64>(
                                             g_mime_stream_length(g_mime_data_wrapper_get_stream(content)), 0));
        if (found.type == "message/partial") add(Unseen::partial, path, found.type, size, "a fragment, RFC 2046 5.2.2");
        if (found.type == "message/external-body")
            add(Unseen::unsupported, path, found.type, size, "its content is elsewhere, RFC 2046 5.2.3");
        if (found.type.starts_with("multipart/")) // GMime gave up on it
            add(Unseen::ambiguous, path, found.type, size, "not taken apart");
        if (content == nullptr) return;
        decode(part, content, found);
        look_for_encryption(found, path);
        keep(std::move(found), path);
    }

    void keep(MimePart part, const std::string& path) {
        if (part.content.empty()) return;
        if (reading_.parts.size() >= kMostMimeParts) return limit("MimeParts", path);
        reading_.parts.push_back(std::move(part));
    }

    // Programs differ in what they make of such text; the other reading is a part of its own.
    void keep_other_reading(const MimePart& part, std::string decoded, const std::string& path) {
        if (same_text(decoded, part.decoded)) return;
        MimePart other;
        other.path = part.path;
        other.name = part.name;
        other.type = part.type;
        other.decoded = std::move(decoded);
        other.content = other.decoded;
        keep(std::move(other), path);
    }

    void look_for_encryption(const MimePart& part, const std::string& path) {
        if (part.type == "application/pkcs7-mime" || part.type == "application/x-pkcs7-mime") {
            constexpr int kSigned = 2; // its content stands in it as it is, but nobody takes it out
            const int kind = cms_kind(part.content);
            add(kind == kSigned ? Unseen::unsupported : Unseen::encrypted, path, part.type, part.content.size(),
                kind == kSigned ? "S/MIME, signed data" : "S/MIME");
        } else if (holds_pgp_message(part.content)) {
            add(Unseen::encrypted, path, part.type, part.content.size(), "OpenPGP");
        }
    }

    void decode(GMimePart* part, GMimeDataWrapper* content, MimePart& found) {
        GMimeContentEncoding encoding = g_mime_part_get_content_encoding(part);
        if (encoding == GMIME_CONTENT_ENCODING_DEFAULT) encoding = lenient_encoding(GMIME_OBJECT(part));
        const std::string_view text = raw(g_mime_data_wrapper_get_stream(content));
        switch (encoding) {
            case GMIME_CONTENT_ENCODING_BASE64:
                found.decoded = decoded(text, encoding);
                if (padding_inside(text)) keep_other_reading(found, decoded_in_pieces(text), found.path);
                break;
            case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
                found.decoded = decoded(text, encoding);
                // Blanks at the end of a line are none of the text (RFC 2045, 6.7 (3)), also behind a soft line end.
                keep_other_reading(found, decoded(without_blanks_at_ends(text), encoding), found.path);
                break;
            case GMIME_CONTENT_ENCODING_UUENCODE:
                found.decoded = uudecoded(content);
                break;
            default:
                found.content = text;
                return;
        }
        found.content = found.decoded;
    }

    static bool padding_inside(std::string_view text) noexcept {
        const std::size_t end = text.find_last_not_of("= \t\r\n");
        return end != std::string_view::npos && text.substr(0, end).find('=') != std::string_view::npos;
    }

    // Some begin again behind each padding, others end there.
    static std::string decoded_in_pieces(std::string_view text) {
        std::string bytes;
        while (!text.empty()) {
            const std::size_t padding = text.find('=');
            const std::size_t next = padding == std::string_view::npos ? padding : text.find_first_not_of('=', padding);
            bytes += decoded(text.substr(0, next), GMIME_CONTENT_ENCODING_BASE64);
            text = next == std::string_view::npos ? std::string_view() : text.substr(next);
        }
        return bytes;
    }

    static std::string without_blanks_at_ends(std::string_view text) {
        std::string stripped;
        stripped.reserve(text.size());
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            const std::string_view line = text.substr(0, end);
            const std::size_t last = line.find_last_not_of(" \t\r");
            stripped += line.substr(0, last == std::string_view::npos ? 0 : last + 1);
            if (end == std::string_view::npos) break;
            stripped += "\r\n";
            text = text.substr(end + 1);
        }
        return stripped;
    }

    // With its "begin" line, for which GMime's wrapper looks.
    static std::string uudecoded(GMimeDataWrapper* content) {
        const Object<GMimeStream> memory(g_mime_stream_mem_new());
        (void)g_mime_data_wrapper_write_to_stream(content, memory.get());
        const GByteArray* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
        if (bytes == nullptr || bytes->len == 0) return {};
        return {reinterpret_cast<const char*>(bytes->data), bytes->len};
    }

    // A stream of the parser is a piece of the message.
    std::string_view raw(GMimeStream* stream) const noexcept {
        const auto from = static_cast<std::size_t>(std::max<gint64>(stream->bound_start, 0));
        const gint64 length = g_mime_stream_length(stream);
        if (from > message_.size() || length <= 0) return {};
        return message_.substr(from, static_cast<std::size_t>(length));
    }

    static std::string decoded(std::string_view text, GMimeContentEncoding encoding) {
        GMimeEncoding state{};
        g_mime_encoding_init_decode(&state, encoding);
        std::string bytes(g_mime_encoding_outlen(&state, text.size()), '\0');
        const std::size_t size = g_mime_encoding_step(&state, text.data(), text.size(), bytes.data());
        bytes.resize(std::min(size, bytes.size()));
        return bytes;
    }

    // A Content-Transfer-Encoding that is none, but that a program may take for one: `"base64"`, `x-base64`.
    static GMimeContentEncoding lenient_encoding(GMimeObject* object) {
        const char* value = g_mime_object_get_header(object, "Content-Transfer-Encoding");
        if (value == nullptr) return GMIME_CONTENT_ENCODING_DEFAULT;
        const std::string word = lower(value);
        if (word.find("base64") != std::string::npos) return GMIME_CONTENT_ENCODING_BASE64;
        if (word.find("quoted") != std::string::npos) return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
        return GMIME_CONTENT_ENCODING_DEFAULT;
    }

    std::string_view message_;
    std::string prefix_;
    MimeReading& reading_;
};

} // namespace

MimePart::MimePart(MimePart&& other) noexcept {
    *this = std::move(other);
}

MimePart& MimePart::operator=(MimePart&& other) noexcept {
    const bool own = !other.decoded.empty();
    path = std::move(other.path);
    name = std::move(other.name);
    type = std::move(other.type);
    decoded = std::move(other.decoded);
    content = own ? std::string_view(decoded) : other.content;
    return *this;
}

MimeReading read_mime(std::string_view message, std::string_view prefix) {
    static const bool initialised = [] {
        g_mime_init();
        return true;
    }();
    static_cast<void>(initialised);

    MimeReading reading;
    Warnings warnings;
    const std::unique_ptr<GMimeParserOptions, FreeOptions> options(g_mime_parser_options_new());
#if GMIME_CHECK_VERSION(3, 2, 15)
    g_mime_parser_options_set_warning_callback(options.get(), on_warning, &warnings, nullptr);
#else
    g_mime_parser_options_set_warning_callback(options.get(), on_warning, &warnings);
#endif
    const Borrowed stream(message);
    const Object<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const Object<GMimeMessage> parsed(g_mime_parser_construct_message(parser.get(), options.get()));
    // A text that libclamav took for a mail inside another is none: it was looked at as what it is.
    if (!parsed || g_mime_message_get_mime_part(parsed.get()) == nullptr) {
        if (prefix.empty() && !blank(message))
            reading.gaps.push_back(gap_of(Unseen::ambiguous, {}, {}, message.size(), "not a mail"));
        return reading;
    }
    Reader(message, prefix, reading).walk(g_mime_message_get_mime_part(parsed.get()), "1", 0);
    for (std::string& difference : warnings.differences)
        reading.gaps.push_back(gap_of(Unseen::ambiguous, std::string(prefix), {}, 0, std::move(difference)));
    return reading;
}

bool has_bare_cr(std::string_view message) noexcept {
    for (std::size_t at = message.find('\r'); at != std::string_view::npos; at = message.find('\r', at + 1))
        if (at + 1 >= message.size() || message[at + 1] != '\n') return true;
    return false;
}

std::string with_line_ends(std::string_view message) {
    std::string text;
    text.reserve(message.size() + message.size() / 16);
    for (std::size_t at = 0; at < message.size(); ++at) {
        if (message[at] == '\r' || message[at] == '\n') {
            if (message[at] == '\r' && at + 1 < message.size() && message[at + 1] == '\n') ++at;
            text += "\r\n";
        } else {
            text += message[at];
        }
    }
    return text;
}

bool same_text(std::string_view one, std::string_view other) noexcept {
    const auto without_end = [](std::string_view text) {
        while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
        return text;
    };
    one = without_end(one);
    other = without_end(other);
    std::size_t left = 0;
    std::size_t right = 0;
    for (;;) {
        while (left < one.size() && one[left] == '\r') ++left;
        while (right < other.size() && other[right] == '\r') ++right;
        if (left == one.size() || right == other.size()) return left == one.size() && right == other.size();
        if (one[left] != other[right]) return false;
        ++left;
        ++right;
    }
}

} // namespace evermilter::scanner
