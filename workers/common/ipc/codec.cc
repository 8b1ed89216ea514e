#include "workers/common/ipc/codec.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <concepts>
#include <cstring>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "workers/common/ipc/directions.h"

namespace evermilter::codec {
namespace {

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
    void put(Ipv4Peer& peer) {
        put(peer.address.s_addr);
        put(peer.port);
    }
    void put(Ipv6Peer& peer) {
        for (auto& byte : peer.address.s6_addr) put(byte);
        put(peer.port);
    }
    void put(UnixPeer& peer) {
        put(peer.pid);
        put(peer.uid);
        put(peer.gid);
    }
    // Its kind, then as its kind is.
    void put(PeerAddress& address) {
        auto kind = static_cast<std::uint8_t>(address.index());
        put(kind);
        std::visit([this](auto& peer) { put(peer); }, address);
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
    template <class Enum>
    requires std::is_enum_v<Enum>
    [[nodiscard]] bool get(Enum& value) {
        std::underlying_type_t<Enum> number = 0;
        if (!get(number) || number > static_cast<std::underlying_type_t<Enum>>(messages::Last<Enum>::value))
            return false;
        value = static_cast<Enum>(number);
        return true;
    }
    [[nodiscard]] bool get(MessageDigests& digests) {
        const auto each = [this](MessageDigest& digest) {
            return std::all_of(digest.words.begin(), digest.words.end(), [this](auto& word) { return get(word); });
        };
        return each(digests.whole) && each(digests.body);
    }
    [[nodiscard]] bool get(Ipv4Peer& peer) { return get(peer.address.s_addr) && get(peer.port); }
    [[nodiscard]] bool get(Ipv6Peer& peer) {
        auto& bytes = peer.address.s6_addr;
        return std::all_of(std::begin(bytes), std::end(bytes), [this](auto& byte) { return get(byte); }) &&
               get(peer.port);
    }
    [[nodiscard]] bool get(UnixPeer& peer) { return get(peer.pid) && get(peer.uid) && get(peer.gid); }
    [[nodiscard]] bool get(PeerAddress& address) {
        static_assert(std::variant_size_v<PeerAddress> == 3);
        std::uint8_t kind = 0;
        if (!get(kind)) return false;
        switch (kind) {
            case 0:
                return get(address.emplace<0>());
            case 1:
                return get(address.emplace<1>());
            case 2:
                return get(address.emplace<2>());
            default:
                return false;
        }
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

// The type on the wire of `Message` in the direction `Messages`. What any child says or hears has one type everywhere.
template <class Message, class Messages>
constexpr std::uint16_t type_of() {
    using messages::is_one_of;
    using Shared = std::conditional_t<
        is_one_of<Message, messages::FromAnyChild>, messages::FromAnyChild,
        std::conditional_t<is_one_of<Message, messages::ToAnyChild>, messages::ToAnyChild, Messages>>;
    constexpr std::size_t place = []<class... All>(std::type_identity<std::variant<All...>>) {
        std::size_t index = 0;
        static_cast<void>(((std::is_same_v<Message, All> || (++index, false)) || ...));
        return index;
    }(std::type_identity<Shared>{});
    static_assert(place < 256);
    return static_cast<std::uint16_t>(static_cast<unsigned>(messages::direction<Shared>) << 8U | place);
}

// Leaves an empty `message` where the packet is not `Message`. False: it is, and malformed.
template <class Message, class Messages>
[[nodiscard]] bool read_if(std::uint16_t type, Reader& reader, std::optional<Messages>& message) {
    if (type != type_of<Message, Messages>()) return true;
    Message value;
    const bool read =
        each_field(value, [&](auto& field, const Bound& bound) { return reader.get_field(field, bound); });
    if (read) message.emplace(std::in_place_type<Message>, std::move(value));
    return read;
}

template <class Messages>
struct All;
template <class... Alternatives>
struct All<std::variant<Alternatives...>> {
    using Messages = std::variant<Alternatives...>;
    [[nodiscard]] static std::optional<Messages> read(std::uint16_t type, Reader& reader) {
        std::optional<Messages> message;
        static_cast<void>((read_if<Alternatives>(type, reader, message) && ...));
        return message;
    }
};

} // namespace

template <class Messages>
Result<Packet> encode(std::type_identity_t<Messages> message) {
    Writer writer;
    std::visit(
        [&]<class Message>(Message& value) {
            std::uint16_t type = type_of<Message, Messages>();
            writer.put(type);
            each_field(value, [&](auto& field, const Bound& bound) {
                writer.put_field(field, bound);
                return true;
            });
        },
        message);
    if (!writer.fits || writer.packet.bytes.size() > kMaxPacket || writer.packet.descriptors.size() > kMaxDescriptors)
        return Error{EMSGSIZE, "message " + std::string(messages::message_name(message)) + " is too large to be sent"};
    return std::move(writer.packet);
}

template <class Messages>
Result<Messages> decode(std::span<const std::byte> bytes, std::vector<unique_fd> descriptors) {
    Reader reader(bytes, std::move(descriptors));
    std::uint16_t type = 0;
    if (!reader.get(type)) return Error{EBADMSG, "packet without a message type"};
    auto message = All<Messages>::read(type, reader);
    if (!message || !reader.at_end()) return Error{EBADMSG, "malformed packet of message type " + std::to_string(type)};
    return std::move(*message);
}

using Bytes = std::span<const std::byte>;
using Descriptors = std::vector<unique_fd>;
template Result<Packet> encode<messages::FromAnyChild>(messages::FromAnyChild);
template Result<messages::FromAnyChild> decode<messages::FromAnyChild>(Bytes, Descriptors);
template Result<Packet> encode<messages::ToAnyChild>(messages::ToAnyChild);
template Result<messages::ToAnyChild> decode<messages::ToAnyChild>(Bytes, Descriptors);
template Result<Packet> encode<messages::ToSession>(messages::ToSession);
template Result<messages::ToSession> decode<messages::ToSession>(Bytes, Descriptors);
template Result<Packet> encode<messages::FromSession>(messages::FromSession);
template Result<messages::FromSession> decode<messages::FromSession>(Bytes, Descriptors);
template Result<Packet> encode<messages::ToLoader>(messages::ToLoader);
template Result<messages::ToLoader> decode<messages::ToLoader>(Bytes, Descriptors);
template Result<Packet> encode<messages::FromLoader>(messages::FromLoader);
template Result<messages::FromLoader> decode<messages::FromLoader>(Bytes, Descriptors);
template Result<Packet> encode<messages::ToScanner>(messages::ToScanner);
template Result<messages::ToScanner> decode<messages::ToScanner>(Bytes, Descriptors);
template Result<Packet> encode<messages::FromScanner>(messages::FromScanner);
template Result<messages::FromScanner> decode<messages::FromScanner>(Bytes, Descriptors);

} // namespace evermilter::codec
