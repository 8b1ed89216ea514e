// [[senders]]: what becomes of mail from senders that are in a file. The files are read again when they have changed; a
// session goes on with what it has.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/header_field.h"
#include "config/pattern.h"
#include "workers/common/base/result.h"
#include "workers/session/policy/reply_template.h"
#include "workers/session/policy/verdict.h"

namespace evermilter::session {

// The patterns of a file, as they are now. Any thread.
class FollowedFile {
  public:
    // `key` names it in the log. An empty path: no file, and nothing matches.
    FollowedFile(std::string key, std::string path) : key_(std::move(key)), path_(std::move(path)) {}

    [[nodiscard]] bool matches(std::string_view address) const;
    // Reads it if it has changed: waits for the disk. One that cannot be read, or has a bad line, is logged, and what
    // was read before stays. From one thread.
    void refresh();

  private:
    const std::string key_;
    const std::string path_;
    std::string state_; // of what was read last, good or bad
    mutable std::mutex mutex_;
    std::shared_ptr<const config::PatternSet> patterns_;
};

class SenderList {
  public:
    // An Error names the key. refresh() is to follow.
    [[nodiscard]] static Result<std::shared_ptr<SenderList>> make(const config::SenderList& list);

    [[nodiscard]] const config::SenderList& config() const noexcept { return config_; }
    [[nodiscard]] bool looks_at_envelope() const noexcept { return envelope_; }
    [[nodiscard]] bool looks_at_from() const noexcept { return from_; }
    // Whether it refuses, or defers, while the envelope is given.
    [[nodiscard]] bool refuses() const noexcept {
        return config_.action == config::Action::reject || config_.action == config::Action::tempfail;
    }
    [[nodiscard]] bool asks_recipients() const noexcept { return !config_.opt_in.empty(); }
    [[nodiscard]] bool has_sender(std::string_view address) const { return senders_.matches(address); }
    [[nodiscard]] bool has_opted_in(std::string_view recipient) const { return opted_in_.matches(recipient); }
    // Precondition: refuses().
    [[nodiscard]] Reply reply(std::string_view queue_id) const;
    [[nodiscard]] std::optional<config::HeaderField> header() const;

    void refresh();

  private:
    explicit SenderList(const config::SenderList& list);

    const config::SenderList config_;
    bool envelope_ = false;
    bool from_ = false;
    std::optional<ReplyTemplate> text_;
    std::optional<config::HeaderField> header_;
    FollowedFile senders_;
    FollowedFile opted_in_;
};

using SenderLists = std::vector<std::shared_ptr<SenderList>>;
// All of the configuration, their files read.
[[nodiscard]] Result<SenderLists> make_sender_lists(const config::Config& config);
[[nodiscard]] SenderLists lists_of(const SenderLists& all, std::string_view listener);

// What one message is to the lists of its listener: begun at MAIL. One thread at a time.
class ListedSender {
  public:
    ListedSender() = default;
    explicit ListedSender(const SenderLists& lists);

    // At MAIL: the list that refuses the sender at once; nullptr: none does.
    [[nodiscard]] const SenderList* see_sender(std::string_view sender);
    // At RCPT: the list that refuses this recipient; nullptr: none does.
    [[nodiscard]] const SenderList* see_recipient(std::string_view recipient);
    // The recipient is one of the message's.
    void take_recipient(std::string_view recipient);
    [[nodiscard]] bool wants_from() const noexcept;
    void see_from(const std::vector<std::string>& addresses);

    // What was decided of the message, with what the lists do: the strictest action holds, of equal ones the first.
    [[nodiscard]] Decision decide(Decision decision, std::string_view queue_id) const;

  private:
    struct Case {
        std::shared_ptr<SenderList> list;
        bool matches = false;
        std::size_t opted_in = 0; // recipients
    };
    std::vector<Case> cases_;
    std::size_t recipients_ = 0;
};

} // namespace evermilter::session
