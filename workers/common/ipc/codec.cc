#include "workers/common/ipc/codec.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "workers/common/ipc/message_bounds.h"

namespace evermilter::codec {
namespace {

using messages::Message;

static_assert(std::endian::native == std::endian::little, "both ends are on one machine; the codec copies integers");

using messages::Bound;

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

// At a whole character: a text that was cut is shown to people and put into JSON.
void cut_text(std::string& text, std::size_t bytes) {
    if (text.size() <= bytes) return;
    while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U) --bytes;
    text.resize(bytes);
}

// A text or a list beyond its bound makes the writer's packet invalid.
class Writer {
  public:
    template <class T>
    void put_field(T& value, const Bound& /*bound*/) {
        put(value);
    }
    void put_field(std::string& value, const Bound& bound) {
        if (bound.cut) cut_text(value, bound.bytes);
        if (value.size() > bound.bytes) fits = false;
        put(value);
    }
    template <class T>
    void put_field(std::vector<T>& values, const Bound& bound) {
        if (values.size() > bound.count) fits = false;
        auto count = static_cast<std::uint32_t>(values.size());
        put(count);
        for (auto& value : values) put_field(value, bound);
    }
    template <Number T>
    void put(T& value) {
        const auto* raw = reinterpret_cast<const std::byte*>(&value);
        packet.bytes.insert(packet.bytes.end(), raw, raw + sizeof value);
    }
    void put(bool& value) {
        auto number = static_cast<std::uint8_t>(value ? 1 : 0);
        put(number);
    }
    template <class T>
    requires std::is_enum_v<T>
    void put(T& value) {
        auto number = static_cast<std::underlying_type_t<T>>(value);
        put(number);
    }
    void put(std::string& value) {
        auto count = static_cast<std::uint32_t>(value.size());
        put(count);
        const auto* raw = reinterpret_cast<const std::byte*>(value.data());
        packet.bytes.insert(packet.bytes.end(), raw, raw + value.size());
    }
    void put(MessageDigests& digests) {
        for (auto& word : digests.whole.words) put(word);
        for (auto& word : digests.body.words) put(word);
    }
    void put(unique_fd& descriptor) {
        auto present = static_cast<bool>(descriptor);
        put(present);
        if (present) packet.descriptors.push_back(std::move(descriptor));
    }

    Packet packet;
    bool fits = true;
};

// Each get returns false at the first thing that does not fit; the fields read so far are then dropped.
class Reader {
  public:
    Reader(std::span<const std::byte> bytes, std::vector<unique_fd> descriptors)
        : bytes_(bytes), descriptors_(std::move(descriptors)) {}

    template <Number T>
    [[nodiscard]] bool get(T& value) {
        if (bytes_.size() < sizeof value) return false;
        std::memcpy(&value, bytes_.data(), sizeof value);
        bytes_ = bytes_.subspan(sizeof value);
        return true;
    }
    [[nodiscard]] bool get(bool& value) {
        std::uint8_t number = 0;
        if (!get(number) || number > 1) return false;
        value = number == 1;
        return true;
    }
    [[nodiscard]] bool get(messages::Role& value) { return get_enum(value, messages::Role::scanner); }
    [[nodiscard]] bool get(messages::ScanOutcome& value) { return get_enum(value, messages::ScanOutcome::temp_failed); }
    [[nodiscard]] bool get(messages::Suspected& value) { return get_enum(value, messages::Suspected::cpu_time); }
    [[nodiscard]] bool get(MessageDigests& digests) {
        const auto each = [this](MessageDigest& digest) {
            return std::all_of(digest.words.begin(), digest.words.end(), [this](auto& word) { return get(word); });
        };
        return each(digests.whole) && each(digests.body);
    }
    template <class T>
    [[nodiscard]] bool get_field(T& value, const Bound& /*bound*/) {
        return get(value);
    }
    [[nodiscard]] bool get_field(std::string& value, const Bound& bound) {
        std::uint32_t count = 0;
        if (!get(count) || count > bound.bytes || bytes_.size() < count) return false;
        value.assign(reinterpret_cast<const char*>(bytes_.data()), count);
        bytes_ = bytes_.subspan(count);
        return true;
    }
    template <class T>
    [[nodiscard]] bool get_field(std::vector<T>& values, const Bound& bound) {
        std::uint32_t count = 0;
        if (!get(count) || count > bound.count) return false;
        values.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            T value{};
            if (!get_field(value, bound)) return false;
            values.push_back(std::move(value));
        }
        return true;
    }
    [[nodiscard]] bool get(unique_fd& descriptor) {
        bool present = false;
        if (!get(present)) return false;
        if (!present) return true;
        if (next_descriptor_ >= descriptors_.size()) return false;
        descriptor = std::move(descriptors_[next_descriptor_++]);
        return true;
    }
    [[nodiscard]] bool at_end() const { return bytes_.empty() && next_descriptor_ == descriptors_.size(); }

  private:
    template <class T>
    [[nodiscard]] bool get_enum(T& value, T last) {
        std::underlying_type_t<T> number = 0;
        if (!get(number) || number > static_cast<std::underlying_type_t<T>>(last)) return false;
        value = static_cast<T>(number);
        return true;
    }

    std::span<const std::byte> bytes_;
    std::vector<unique_fd> descriptors_;
    std::size_t next_descriptor_ = 0;
};

// `visit` with each field of `target` and its bound, until one returns false.
template <class Struct, class Visit>
bool each_field(Struct& target, Visit visit) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return (visit(target.*std::get<I>(Struct::fields), messages::bound<std::get<I>(Struct::fields)>) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<decltype(Struct::fields)>>{});
}

template <std::size_t Index = 0>
[[nodiscard]] std::optional<Message> read_alternative(std::size_t wanted, Reader& reader) {
    if constexpr (Index < std::variant_size_v<Message>) {
        if (wanted != Index) return read_alternative<Index + 1>(wanted, reader);
        std::variant_alternative_t<Index, Message> value;
        const bool read =
            each_field(value, [&](auto& field, const Bound& bound) { return reader.get_field(field, bound); });
        if (!read) return std::nullopt;
        return Message(std::in_place_index<Index>, std::move(value));
    } else {
        return std::nullopt;
    }
}

} // namespace

Result<Packet> encode(Message message) {
    Writer writer;
    auto type = static_cast<std::uint16_t>(message.index());
    writer.put(type);
    std::visit(
        [&](auto& value) {
            each_field(value, [&](auto& field, const Bound& bound) {
                writer.put_field(field, bound);
                return true;
            });
        },
        message);
    if (!writer.fits || writer.packet.bytes.size() > kMaxPacket || writer.packet.descriptors.size() > kMaxDescriptors)
        return Error{EMSGSIZE, std::string("message ") + messages::message_name(message) + " is too large to be sent"};
    return std::move(writer.packet);
}

Result<Message> decode(std::span<const std::byte> bytes, std::vector<unique_fd> descriptors) {
    Reader reader(bytes, std::move(descriptors));
    std::uint16_t type = 0;
    if (!reader.get(type)) return Error{EBADMSG, "packet without a message type"};
    auto message = read_alternative(type, reader);
    if (!message || !reader.at_end()) return Error{EBADMSG, "malformed packet of message type " + std::to_string(type)};
    return std::move(*message);
}

} // namespace evermilter::codec
