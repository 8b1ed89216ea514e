// Compares what libclamav opens of a message with what is in it. libclamav reports each layer that it opens (a part of
// a mail, a member of an archive) by a callback; here each is held against the parts that a mail program would find
// (mime_reader.h) and the members that an archiver would find (containers.h). What was never opened is handed out to be
// scanned alone where it can be had, and is a gap of the ledger where not.
//
// No libclamav in here: layers come as values. One message, one thread. Bounded: see the constants below, those of
// mime_reader.h, and the limits of the site.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/scanner/look/containers.h"
#include "workers/scanner/look/gap.h"
#include "workers/scanner/look/members.h"
#include "workers/scanner/look/mime_reader.h"

namespace evermilter::scanner {

// The limits that were given to libclamav; 0 is none.
struct ContentLimits {
    std::uint64_t max_file_size = 0;
    std::uint64_t max_scan_size = 0;
    std::uint64_t max_files = 0;
    std::uint64_t max_html_normalize = 0;
    std::uint64_t max_html_no_tags = 0;
    std::uint64_t max_script_normalize = 0;
    std::uint64_t max_embedded_pe = 0;
    std::uint64_t pcre_max_file_size = 0;
};

struct Layer {
    std::uint32_t level = 0; // 0 is what was handed to libclamav
    std::string_view type;   // libclamav's name: "CL_TYPE_ZIP"
    std::string_view name;   // as the container has it; may be empty
    std::string_view bytes;  // valid during the call
    bool decrypted = false;  // libclamav knew the password
    bool normalized = false; // made from the layer above by libclamav: no content of its own
};

// What is to be scanned alone.
struct Unopened {
    std::string path;
    std::string bytes_kept;
    std::string_view bytes; // `bytes_kept`, or a piece of the message
    int round = 0;          // how often something was taken out of something that was taken out
};

class ContentWatch {
  public:
    static constexpr std::size_t kMostLayersDeep = 256;       // libclamav's own limit is 100
    static constexpr std::uint64_t kMostKept = 128ULL << 20U; // bytes of archives that may be unpacked here
    static constexpr int kMostRounds = 16;                    // of taking out; beyond is the limit "MaxRecursion"

    ContentWatch(const ContentLimits& limits, std::chrono::steady_clock::time_point deadline)
        : limits_(limits), deadline_(deadline) {}

    // The message is read as a mail, whatever libclamav takes it for. `message` must outlive this object.
    void read_message(std::string_view message);

    // A scan by libclamav begins, of the whole message or of what take_unopened() gave.
    void begin_scan();
    void begin_scan(const Unopened& what);
    // libclamav opens a layer of it.
    void open(const Layer& layer);
    // Where libclamav is: path and type of the layer that it opened last, for what it says meanwhile.
    [[nodiscard]] std::string where() const;
    [[nodiscard]] std::string where_type() const;
    // The scan is over. `limits_reached`: the limits that it stopped at, by their names; they explain what was not
    // opened.
    void end_scan(const std::vector<std::string>& limits_reached);

    // The next that was not opened. It counts as opened from now on. nullopt: none.
    [[nodiscard]] std::optional<Unopened> take_unopened();

    void add(Gap gap) { ledger_.add(std::move(gap)); }
    [[nodiscard]] const Ledger& ledger() const noexcept { return ledger_; }
    // What was scanned alone so far, for measurements.
    [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  private:
    struct Part {
        MimePart mime;
        int round = 0;
    };
    struct Expected {
        Member member;
        bool opened = false;
    };
    // A container of which libclamav is opening the members.
    struct Container {
        std::string path;
        std::string format;
        Packing packing = Packing::none;
        std::vector<Expected> expected; // by size and checksum
        std::size_t left = 0;           // of them, not opened
        bool broken = false;
        bool unpack_all = false; // what libclamav opens says nothing of its members
        std::string kept;        // its bytes, to unpack what is left
    };
    struct Frame {
        std::uint32_t level = 0;
        std::string path;
        std::string type;
        bool is_member = false;  // of the container above
        std::string_view locked; // why it is encrypted
        std::vector<Container> containers;
    };

    [[nodiscard]] static bool before(const Expected& one, const Expected& other) noexcept;
    void read_mail(std::string_view bytes, const std::string& prefix, bool keep);
    void keep_parts(MimeReading reading, bool copy);
    void keep_part(MimePart part);
    void match_parts(const Layer& layer);
    // Whether the layer is a member of the container above it.
    bool match_members(const Layer& layer);
    static bool match(Container& container, const Layer& layer, std::optional<std::uint32_t>& crc);
    void look(const Layer& layer, Frame& frame);
    void expect(const Layer& layer, Frame& frame, MemberList list);
    void note_limits(const Layer& layer, const Frame& frame);
    void close_above(std::uint32_t level);
    void close(Frame& frame);
    void settle(Container& container, const std::vector<std::string>& limits_reached);
    [[nodiscard]] Gap gap_of_missing(const Container& container, const Member& member,
                                     const std::vector<std::string>& limits_reached) const;

    ContentLimits limits_;
    std::chrono::steady_clock::time_point deadline_;
    Ledger ledger_;
    std::deque<Part> parts_;        // opened ones have no content any more
    std::size_t parts_left_ = 0;    // not opened
    std::uint64_t text_budget_ = 0; // bytes that may still be compared as text
    std::uint64_t unpacked_ = 0;    // bytes that were unpacked here
    std::uint64_t kept_ = 0;        // bytes of containers that are kept
    std::size_t taken_ = 0;
    std::string path_; // of the scan that runs
    int round_ = 0;    // of the scan that runs
    std::vector<Frame> frames_;
    std::vector<Container> unsettled_; // closed, and something is missing
};

} // namespace evermilter::scanner
