// Looks at what a milter connection has in its receive buffer, without taking it: is the next packet whole, so that
// libmilter can read it without waiting for the client? The framing is that of workers/common/milter/packet.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace evermilter::session {

struct PacketLook {
    enum class State : std::uint8_t {
        nothing, // not a byte
        partial, // a packet has begun
        whole,   // libmilter may read: the packet, or as much of it as a socket is sure to hold, or what it refuses
        ended,   // the peer has closed, or the connection is broken
    };
    State state = State::nothing;
    char command = '\0';       // of the packet, once its fifth byte is there
    std::size_t length = 0;    // of the packet as it says itself, likewise: the command and its data
    std::size_t available = 0; // bytes in the buffer
};

// What a socket's buffer holds in any case, in bytes: a longer packet is let through with that much.
inline constexpr std::size_t kPacketHold = 32768;
// What libmilter takes of any MTA, in bytes of data behind the command (MILTER_MAX_DATA_SIZE, comm.c).
inline constexpr std::size_t kDataMost = 65535;

// `available` bytes begin with `head` (at most 5 of them are needed). A packet longer than milter::kLargestLength
// counts as whole: libmilter refuses it as soon as it has its length. Pure.
[[nodiscard]] PacketLook judge_packet(std::string_view head, std::size_t available);

// Never blocks. Any thread, as long as nobody reads from the descriptor meanwhile.
[[nodiscard]] PacketLook look_at_packet(int descriptor);

// Whether a connection's buffer holds whole packets of this command and nothing else, fewer than kHeldMost bytes.
// Never blocks; false where that is not certain.
inline constexpr std::size_t kHeldMost = 512;
[[nodiscard]] bool holds_only(int descriptor, char command);

// What an MTA had still sent when it closed: libmilter reads nothing of a connection that has hung up, and on a unix
// socket that is so the moment the MTA closes, mostly right behind its QUIT.
struct UnreadRest {
    bool quit = false;       // the last whole packet
    bool abort = false;      // one of them
    bool headers = false;    // there are headers,
    bool body = false;       // and the end of headers or more
    std::uint64_t bytes = 0; // of headers and body, as they would be stored
};
// Never blocks, takes nothing; of more than 64 KiB it sees the beginning only.
[[nodiscard]] UnreadRest look_at_rest(int descriptor);

// The MTA's offer is next in the buffer: does it wait for no reply to headers and body, if the answer asks for that
// (SMFIP_NR_HDR, SMFIP_NR_BODY)? Never blocks.
[[nodiscard]] bool offers_no_replies(int descriptor);

} // namespace evermilter::session
