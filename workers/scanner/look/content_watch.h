// Compares what libclamav opens of a message with what is in it. libclamav tells of each layer that it opens (a part of
// a mail, a member of an archive) by a callback; here each is held against the parts that a mail program would find
// (mime_reader.h) and the members that an archiver would find (members.h). What was never opened becomes a gap of the
// ledger, or, for parts of a mail, is handed out to be scanned by itself.
//
// No libclamav in here: layers come as values. One message, one thread. Bounded: see kMost… below and in mime_reader.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workers/scanner/look/gap.h"
#include "workers/scanner/look/members.h"
#include "workers/scanner/look/mime_reader.h"

namespace evermilter::scanner {

// The limits that were given to libclamav; 0 is none.
struct ContentLimits {
    std::uint64_t max_file_size = 0;
    std::uint64_t max_html_normalize = 0;
    std::uint64_t max_script_normalize = 0;
    std::uint64_t pcre_max_file_size = 0; // 0 where no signature is a regular expression: nothing is passed over then
    std::uint64_t max_files = 0;
};

struct Layer {
    std::uint32_t level = 0; // 0 is what was handed to libclamav
    std::string_view type;   // libclamav's name: "CL_TYPE_ZIP"
    std::string_view name;   // as the container has it; may be empty
    std::string_view bytes;  // valid during the call
    bool decrypted = false;  // libclamav knew the password
    bool normalized = false; // made from the layer above by libclamav: no content of its own
};

class ContentWatch {
  public:
    static constexpr std::size_t kMostLayersDeep = 256; // libclamav's own limit is 100

    ContentWatch(const ContentLimits& limits, std::chrono::steady_clock::time_point deadline)
        : limits_(limits), deadline_(deadline) {}

    // The message is read as a mail, whatever libclamav takes it for. `message` must outlive this object.
    void read_message(std::string_view message);

    // A scan by libclamav begins; `path` names what it scans, "" for the whole message.
    void begin_scan(std::string path);
    // libclamav opens a layer of it.
    void open(const Layer& layer);
    // Where libclamav is: the path of the layer that it opened last. For what it says meanwhile.
    [[nodiscard]] std::string where() const;
    [[nodiscard]] std::string where_type() const;
    // The scan is over. `limits_reached`: the limits that it stopped at, by their names; they explain what was not
    // opened.
    void end_scan(const std::vector<std::string>& limits_reached);

    // The next part of a mail that was not opened. It counts as opened from now on: the caller scans it. nullopt: none.
    [[nodiscard]] std::optional<MimePart> take_unopened();

    void add(Gap gap) { ledger_.add(std::move(gap)); }
    [[nodiscard]] const Ledger& ledger() const noexcept { return ledger_; }
    // Parts that were scanned by themselves, for measurements.
    [[nodiscard]] std::size_t scanned_again() const noexcept { return taken_; }

  private:
    struct Expected {
        Member member;
        bool opened = false;
    };
    struct Frame {
        std::uint32_t level = 0;
        std::string path;
        std::string type;
        std::string format;             // of what is expected; empty: nothing
        std::vector<Expected> expected; // by size and checksum
        std::size_t left = 0;           // of them, not opened
        std::string broken;
        std::string locked; // why it is encrypted, unless libclamav opens it all the same
    };
    struct Missing {
        Member member;
        std::string path;
        std::string format;
        bool broken = false;
    };

    [[nodiscard]] static bool before(const Expected& one, const Expected& other) noexcept;
    void read_mail(std::string_view bytes, const std::string& prefix, bool keep);
    void keep_parts(MimeReading reading, bool copy);
    void match_parts(const Layer& layer);
    void match_members(const Layer& layer);
    void expect_members(const Layer& layer, Frame& frame);
    void expect(Frame& frame, MemberList list);
    void expect_unpacked(const Layer& layer, Frame& frame);
    void note_limits(const Layer& layer, const Frame& frame);
    void close_above(std::uint32_t level);
    void close(Frame& frame);
    [[nodiscard]] Gap gap_of_missing(const Missing& missing, const std::vector<std::string>& limits_reached) const;

    ContentLimits limits_;
    std::chrono::steady_clock::time_point deadline_;
    Ledger ledger_;
    std::vector<MimePart> parts_;   // opened ones have no content any more
    std::size_t parts_left_ = 0;    // not opened
    std::uint64_t text_budget_ = 0; // bytes that may still be compared as text
    std::size_t taken_ = 0;
    std::string path_; // of the scan that runs
    std::vector<Frame> frames_;
    std::vector<Missing> missing_;
};

} // namespace evermilter::scanner
