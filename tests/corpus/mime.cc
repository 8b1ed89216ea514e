#include "tests/corpus/mime.h"

#include <iconv.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

#include "tests/support/messages.h"

namespace evermilter::corpus {
namespace {

std::string percent(unsigned char byte, char sign) {
    std::array<char, 4> text{};
    std::snprintf(text.data(), text.size(), "%c%02X", sign, byte);
    return text.data();
}

bool attribute_char(unsigned char byte) { // RFC 2231, 7
    return byte > 0x20 && byte < 0x7f &&
           std::string_view("*'%()<>@,;:\\\"/[]?=").find(static_cast<char>(byte)) == std::string_view::npos;
}

// CRC-CCITT as BinHex 4.0 defines it.
std::uint16_t binhex_crc(std::string_view bytes) {
    std::uint32_t crc = 0;
    const auto shift = [&crc](unsigned byte) {
        for (int bit = 7; bit >= 0; --bit) {
            crc = (crc << 1U) | ((byte >> static_cast<unsigned>(bit)) & 1U);
            if ((crc & 0x10000U) != 0) crc ^= 0x11021U;
        }
    };
    for (const char byte : bytes) shift(static_cast<unsigned char>(byte));
    shift(0);
    shift(0);
    return static_cast<std::uint16_t>(crc);
}

std::string big(std::uint64_t value, unsigned bytes) {
    std::string text;
    for (unsigned at = bytes; at-- > 0;) text += static_cast<char>((value >> (8 * at)) & 0xffU);
    return text;
}

} // namespace

const char* encoding_name(Encoding encoding) {
    switch (encoding) {
        case Encoding::seven_bit:
            return "7bit";
        case Encoding::eight_bit:
            return "8bit";
        case Encoding::quoted_printable:
            return "quoted-printable";
        case Encoding::base64:
            return "base64";
    }
    return "";
}

std::optional<std::string> in_charset(std::string_view utf8, const std::string& charset) {
    const iconv_t converter = ::iconv_open(charset.c_str(), "UTF-8");
    if (converter == reinterpret_cast<iconv_t>(-1)) return std::nullopt; // NOLINT(performance-no-int-to-ptr)
    std::string input(utf8);
    std::string output(4 * input.size() + 64, '\0');
    char* from = input.data();
    std::size_t from_left = input.size();
    char* to = output.data();
    std::size_t to_left = output.size();
    const bool done = ::iconv(converter, &from, &from_left, &to, &to_left) != static_cast<std::size_t>(-1) &&
                      ::iconv(converter, nullptr, nullptr, &to, &to_left) != static_cast<std::size_t>(-1);
    ::iconv_close(converter);
    if (!done) return std::nullopt;
    output.resize(output.size() - to_left);
    return output;
}

std::string crlf(std::string_view text) {
    std::string out;
    char before = '\0';
    for (const char byte : text) {
        if (byte == '\n' && before != '\r') out += '\r';
        out += byte;
        before = byte;
    }
    return out;
}

std::string quoted_printable(std::string_view text) {
    std::string out;
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (text.substr(at, 2) == "\r\n") {
            out += "\r\n";
            column = 0;
            ++at;
            continue;
        }
        const bool last_of_line = at + 1 == text.size() || text.substr(at + 1, 2) == "\r\n";
        const bool plain =
            (byte > 0x20 && byte < 0x7f && byte != '=') || ((byte == ' ' || byte == '\t') && !last_of_line);
        const std::string one = plain ? std::string(1, static_cast<char>(byte)) : percent(byte, '=');
        if (column + one.size() > 75) {
            out += "=\r\n";
            column = 0;
        }
        out += one;
        column += one.size();
    }
    return out;
}

std::string uuencoded(std::string_view bytes, const std::string& name) {
    std::string out = "begin 644 " + name + "\r\n";
    const auto digit = [](unsigned value) { return static_cast<char>(value == 0 ? '`' : 0x20 + value); };
    for (std::size_t line = 0; line < bytes.size(); line += 45) {
        const std::string_view here = bytes.substr(line, 45);
        out += digit(static_cast<unsigned>(here.size()));
        for (std::size_t at = 0; at < here.size(); at += 3) {
            std::uint32_t group = 0;
            for (std::size_t byte = 0; byte < 3; ++byte)
                group = (group << 8U) | (at + byte < here.size() ? static_cast<unsigned char>(here[at + byte]) : 0U);
            for (unsigned part = 0; part < 4; ++part) out += digit((group >> (18 - 6 * part)) & 0x3fU);
        }
        out += "\r\n";
    }
    return out + "`\r\nend\r\n";
}

std::string binhex(std::string_view bytes, const std::string& name) {
    std::string head = big(name.size(), 1) + name + '\0' + "TEXTttxt" + big(0, 2) + big(bytes.size(), 4) + big(0, 4);
    head += big(binhex_crc(head), 2);
    const std::string whole = head + std::string(bytes) + big(binhex_crc(bytes), 2) + big(binhex_crc(""), 2);
    std::string marked; // 0x90 marks a run, so a literal 0x90 is written as a run of length none
    for (const char byte : whole) {
        marked += byte;
        if (static_cast<unsigned char>(byte) == 0x90) marked += '\0';
    }
    constexpr std::string_view digits = "!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr";
    std::string out = "(This file must be converted with BinHex 4.0)\r\n\r\n:";
    std::size_t column = 1;
    std::uint32_t pending = 0;
    unsigned bits = 0;
    const auto put = [&](unsigned value) {
        out += digits[value & 0x3fU];
        if (++column == 64) {
            out += "\r\n";
            column = 0;
        }
    };
    for (const char byte : marked) {
        pending = (pending << 8U) | static_cast<unsigned char>(byte);
        bits += 8;
        while (bits >= 6) {
            bits -= 6;
            put(pending >> bits);
        }
    }
    if (bits > 0) put(pending << (6 - bits));
    return out + ":\r\n";
}

std::string encoded_words(std::string_view bytes, const std::string& charset, char kind) {
    std::string out;
    const std::size_t step = kind == 'B' ? 39 : 16; // so that no word is above 75 characters
    for (std::size_t at = 0; at < bytes.size();) {
        std::size_t end = std::min(at + step, bytes.size());
        // A character must not be split between two words (RFC 2047, 5).
        if (charset == "UTF-8")
            while (end < bytes.size() && (static_cast<unsigned char>(bytes[end]) & 0xc0U) == 0x80U) --end;
        const std::string_view piece = bytes.substr(at, end - at);
        std::string text;
        if (kind == 'B') {
            text = test::base64(piece);
            text.resize(text.find('\r'));
        } else {
            for (const char byte : piece) {
                const auto value = static_cast<unsigned char>(byte);
                const bool plain =
                    (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z') || (value >= 'a' && value <= 'z');
                text += byte == ' ' ? "_" : plain ? std::string(1, byte) : percent(value, '=');
            }
        }
        out += (at == 0 ? "" : "\r\n ") + ("=?" + charset + "?" + kind + "?") + text + "?=";
        at = end;
    }
    return out;
}

std::string extended_parameter(const std::string& name, std::string_view bytes, const std::string& charset,
                               bool continued) {
    std::vector<std::string> pieces(1);
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        if (continued && pieces.back().size() > 40) pieces.emplace_back();
        pieces.back() += attribute_char(value) ? std::string(1, byte) : percent(value, '%');
    }
    if (!continued) return name + "*=" + charset + "''" + pieces.front();
    std::string out;
    for (std::size_t number = 0; number < pieces.size(); ++number)
        out += (number == 0 ? "" : ";\r\n ") + name + "*" + std::to_string(number) +
               "*=" + (number == 0 ? charset + "''" : "") + pieces[number];
    return out;
}

Entity leaf(const std::string& type, std::string_view content, Encoding encoding, const std::string& more_headers) {
    Entity entity;
    entity.headers =
        "Content-Type: " + type + "\r\nContent-Transfer-Encoding: " + encoding_name(encoding) + "\r\n" + more_headers;
    switch (encoding) {
        case Encoding::quoted_printable:
            entity.body = quoted_printable(content);
            break;
        case Encoding::base64:
            entity.body = test::base64(content);
            break;
        default:
            entity.body = content;
    }
    return entity;
}

Entity multipart(const std::string& type, const std::string& boundary, const std::vector<Entity>& parts,
                 const std::string& preamble, const std::string& epilogue) {
    Entity entity;
    entity.headers = "Content-Type: multipart/" + type + ";\r\n boundary=\"" + boundary + "\"\r\n";
    entity.body = preamble.empty() ? "" : preamble + "\r\n";
    for (const Entity& part : parts) entity.body += "--" + boundary + "\r\n" + part.text() + "\r\n";
    entity.body += "--" + boundary + "--\r\n" + epilogue;
    return entity;
}

Entity enclosed(const Entity& mail) {
    return {"Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n", mail.text()};
}

} // namespace evermilter::corpus
