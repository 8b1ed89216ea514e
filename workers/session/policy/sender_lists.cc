#include "workers/session/policy/sender_lists.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "config/list_file.h"
#include "config/listener_names.h"
#include "config/skip_lists.h"
#include "workers/common/base/log.h"
#include "workers/session/policy/strictness.h"

namespace evermilter::session {

bool FollowedFile::matches(std::string_view address) const {
    std::shared_ptr<const config::PatternSet> patterns;
    {
        const std::lock_guard lock(mutex_);
        patterns = patterns_;
    }
    return patterns && patterns->matches(address);
}

void FollowedFile::refresh() {
    if (path_.empty()) return;
    std::string state = config::state_of_file(path_);
    if (state == state_) return;
    const bool first = state_.empty();
    state_ = std::move(state);
    auto patterns = config::load_patterns(path_);
    if (!patterns) {
        log::error("list-failed",
                   {{"key", key_},
                    {"reason", patterns.error()},
                    {"remedy", first ? "mend it; meanwhile it is empty" : "mend it; meanwhile it is as it was"}});
        return;
    }
    auto fresh = std::make_shared<const config::PatternSet>(std::move(*patterns));
    {
        const std::lock_guard lock(mutex_);
        patterns_.swap(fresh);
    }
    if (!first) log::info("list-read", {{"key", key_}, {"file", path_}});
}

SenderList::SenderList(const config::SenderList& list)
    : config_(list),
      senders_("senders[" + list.name + "].file", list.file),
      opted_in_("senders[" + list.name + "].opt_in", list.opt_in) {
    for (const std::string& word : list.match) {
        envelope_ = envelope_ || word == "envelope";
        from_ = from_ || word == "from";
    }
}

Result<std::shared_ptr<SenderList>> SenderList::make(const config::SenderList& list) {
    const std::shared_ptr<SenderList> made(new SenderList(list));
    const auto fault = [&](const char* key, const std::string& what) {
        return Error{0, "senders[" + list.name + "]." + key + ": " + what};
    };
    if (!list.text.empty()) {
        auto text = ReplyTemplate::parse(list.text);
        if (!text) return fault("text", text.error().what);
        made->text_ = std::move(*text);
    }
    if (!list.header.empty()) {
        auto header = config::parse_header_field(list.header);
        if (!header) return fault("header", header.error().reason);
        made->header_ = with_name(std::move(*header), list.name);
    }
    return made;
}

Reply SenderList::reply(std::string_view queue_id) const {
    const char reply_class = config_.action == config::Action::reject ? '5' : '4';
    if (text_) return text_->fill_as(reply_class, {.virus = config_.name, .queue_id = queue_id});
    if (reply_class == '5') return {"550", "5.7.1", "sender not accepted here"};
    return {"451", "4.7.1", "sender not accepted here, try again later"};
}

std::optional<config::HeaderField> SenderList::header() const {
    return header_;
}

void SenderList::refresh() {
    senders_.refresh();
    opted_in_.refresh();
}

Result<SenderLists> make_sender_lists(const config::Config& config) {
    SenderLists lists;
    for (const config::SenderList& one : config.senders) {
        auto list = SenderList::make(one);
        if (!list) return std::move(list).error();
        (*list)->refresh();
        lists.push_back(std::move(*list));
    }
    return lists;
}

SenderLists lists_of(const SenderLists& all, std::string_view listener) {
    SenderLists lists;
    std::copy_if(all.begin(), all.end(), std::back_inserter(lists),
                 [&](const auto& list) { return config::holds_for(list->config().listeners, listener); });
    return lists;
}

ListedSender::ListedSender(const SenderLists& lists) {
    cases_.reserve(lists.size());
    for (const auto& list : lists) cases_.push_back({list});
}

const SenderList* ListedSender::see_sender(std::string_view sender) {
    const SenderList* refuses = nullptr;
    for (Case& one : cases_) {
        if (!one.list->looks_at_envelope() || !one.list->has_sender(sender)) continue;
        one.matches = true;
        if (refuses == nullptr && one.list->refuses() && !one.list->asks_recipients()) refuses = one.list.get();
    }
    return refuses;
}

const SenderList* ListedSender::see_recipient(std::string_view recipient) {
    const auto refuses = std::find_if(cases_.begin(), cases_.end(), [&](const Case& one) {
        return one.matches && one.list->refuses() && one.list->asks_recipients() && one.list->has_opted_in(recipient);
    });
    return refuses == cases_.end() ? nullptr : refuses->list.get();
}

void ListedSender::take_recipient(std::string_view recipient) {
    ++recipients_;
    for (Case& one : cases_)
        if (one.list->asks_recipients() && one.list->has_opted_in(recipient)) ++one.opted_in;
}

bool ListedSender::wants_from() const noexcept {
    return std::any_of(cases_.begin(), cases_.end(), [](const Case& one) { return one.list->looks_at_from(); });
}

void ListedSender::see_from(const std::vector<std::string>& addresses) {
    for (Case& one : cases_)
        one.matches = one.matches || (one.list->looks_at_from() &&
                                      std::any_of(addresses.begin(), addresses.end(), [&](const std::string& address) {
                                          return one.list->has_sender(address);
                                      }));
}

Decision ListedSender::decide(Decision decision, std::string_view queue_id) const {
    for (const Case& one : cases_) {
        if (!one.matches) continue;
        const SenderList& list = *one.list;
        if (auto header = list.header()) decision.fields.push_back(std::move(*header));
        const bool for_all = !list.asks_recipients() || one.opted_in == recipients_;
        if (decision.list.empty()) decision.list = list.config().name;
        if (!for_all || !stricter(list.config().action, decision.action)) continue;
        decision.list = list.config().name;
        decision.action = list.config().action;
        decision.stamp = decision.action == config::Action::accept || decision.action == config::Action::quarantine;
        decision.reply = list.refuses() ? std::optional(list.reply(queue_id)) : std::nullopt;
        decision.quarantine =
            decision.action == config::Action::quarantine ? "sender in the list " + list.config().name : "";
    }
    return decision;
}

} // namespace evermilter::session
