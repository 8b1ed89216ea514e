#include "config/diff.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/canonical.h"
#include "config/entries.h"
#include "config/value.h"

namespace evermilter::config {

namespace {

class Comparison {
  public:
    Comparison(const void* before, const void* after) : before_(before), after_(after) {}

    void compare(const Section& section) {
        if (!section.place.repeated()) return compare_entries(section, 0, 0);
        for (std::size_t i = 0; i < entry_count(section, after_); ++i) {
            if (const auto same = find(section, before_, after_, i))
                compare_entries(section, *same, i);
            else
                add_whole(section, key_of(section, after_, i), "", inline_table(section, entry_of(section, after_, i)));
        }
        for (std::size_t i = 0; i < entry_count(section, before_); ++i)
            if (!find(section, after_, before_, i))
                add_whole(section, key_of(section, before_, i), inline_table(section, entry_of(section, before_, i)),
                          "");
        if (section.ordered) compare_order(section);
    }

    std::vector<Change> take() { return std::move(changes_); }

  private:
    // The entry of `root` that is the `index`th of `other`.
    static std::optional<std::size_t> find(const Section& section, const void* root, const void* other,
                                           std::size_t index) {
        const std::size_t count = entry_count(section, root);
        if (section.named_by.empty()) return index < count ? std::optional(index) : std::nullopt;
        const std::string name = name_of(section, entry_of(section, other, index));
        for (std::size_t i = 0; i < count; ++i)
            if (name_of(section, entry_of(section, root, i)) == name) return i;
        return std::nullopt;
    }

    void compare_entries(const Section& section, std::size_t index_before, std::size_t index_after) {
        const void* before = entry_of(section, before_, index_before);
        const void* after = entry_of(section, after_, index_after);
        std::vector<const void*> old_owners; // in the order of each_key()
        each_key(section, before,
                 [&](const Row&, const void* owner, const std::string&) { old_owners.push_back(owner); });
        auto old_owner = old_owners.begin();
        each_key(section, after, [&](const Row& row, const void* owner, const std::string& name) {
            const void* const old = *old_owner++;
            const Value old_value = read(row, old);
            const Value new_value = read(row, owner);
            if (old_value == new_value && stands_in_file(row, old) == stands_in_file(row, owner)) return;
            changes_.push_back({key_of(section, after_, index_after) + "." + name, row.applies_by,
                                value_text(old_value), value_text(new_value)});
        });
    }

    // The names of those entries that are in both, as they stand in `root`.
    static std::vector<std::string> common_names(const Section& section, const void* root, const void* other) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < entry_count(section, root); ++i)
            if (find(section, other, root, i)) names.push_back(name_of(section, entry_of(section, root, i)));
        return names;
    }

    void compare_order(const Section& section) {
        const Value before = common_names(section, before_, after_);
        const Value after = common_names(section, after_, before_);
        if (before != after) add_whole(section, std::string(section.name), value_text(before), value_text(after));
    }

    // An entry that came or went needs what the most demanding of its keys does.
    void add_whole(const Section& section, std::string key, std::string before, std::string after) {
        AppliesBy needs = AppliesBy::live;
        for (const Row& row : section.rows) needs = std::max(needs, row.applies_by);
        for (const Inner& inner : section.inner)
            for (const Row& row : inner.section->rows) needs = std::max(needs, row.applies_by);
        changes_.push_back({std::move(key), needs, std::move(before), std::move(after)});
    }

    const void* before_;
    const void* after_;
    std::vector<Change> changes_;
};

} // namespace

std::vector<Change> diff(const Schema& schema, const void* before, const void* after) {
    Comparison comparison(before, after);
    for (const Section& section : schema.sections) comparison.compare(section);
    return comparison.take();
}

std::vector<Change> diff(const Config& before, const Config& after) {
    return diff(schema(), &before, &after);
}

AppliesBy most_needed(const std::vector<Change>& changes) {
    AppliesBy most = AppliesBy::live;
    for (const Change& change : changes) most = std::max(most, change.needs);
    return most;
}

std::string_view needs_text(AppliesBy needs) {
    switch (needs) {
        case AppliesBy::live:
            return "taken at once";
        case AppliesBy::new_session_workers:
            return "new session workers";
        case AppliesBy::new_generation:
            return "a new generation";
        case AppliesBy::restart:
            return "a restart";
    }
    return "a restart";
}

} // namespace evermilter::config
