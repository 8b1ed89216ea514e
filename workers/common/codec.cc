#include "workers/common/codec.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>

namespace evermilter::codec {
namespace {

using messages::Message;

static_assert(std::endian::native == std::endian::little, "both ends are on one machine; the codec copies integers");

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;

class Writer {
  public:
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
    template <class T>
    void put(std::vector<T>& values) {
        auto count = static_cast<std::uint32_t>(values.size());
        put(count);
        for (auto& value : values) put(value);
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
    [[nodiscard]] bool get(std::string& value) {
        std::uint32_t count = 0;
        if (!get(count) || bytes_.size() < count) return false;
        value.assign(reinterpret_cast<const char*>(bytes_.data()), count);
        bytes_ = bytes_.subspan(count);
        return true;
    }
    template <class T>
    [[nodiscard]] bool get(std::vector<T>& values) {
        std::uint32_t count = 0;
        if (!get(count)) return false;
        values.clear();
        for (std::uint32_t i = 0; i < count; ++i) {
            T value{};
            if (!get(value)) return false;
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

template <class Struct>
[[nodiscard]] bool read_fields(Reader& reader, Struct& target) {
    return std::apply([&](auto... member) { return (reader.get(target.*member) && ...); }, Struct::fields);
}

template <std::size_t Index = 0>
[[nodiscard]] std::optional<Message> read_alternative(std::size_t wanted, Reader& reader) {
    if constexpr (Index < std::variant_size_v<Message>) {
        if (wanted != Index) return read_alternative<Index + 1>(wanted, reader);
        std::variant_alternative_t<Index, Message> value;
        if (!read_fields(reader, value)) return std::nullopt;
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
            std::apply([&](auto... member) { (writer.put(value.*member), ...); },
                       std::remove_reference_t<decltype(value)>::fields);
        },
        message);
    if (writer.packet.bytes.size() > kMaxPacket || writer.packet.descriptors.size() > kMaxDescriptors)
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
