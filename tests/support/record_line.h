// SPDX-License-Identifier: Apache-2.0
// RecordLine: a line of forward/record.h, read back.
//
// parse_record() throws std::runtime_error when the line is not that JSON. Text has the bytes that the client sent: a
// record writes each byte from 0x80 as one character.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rebuilder::test {

using FieldList = std::vector<std::pair<std::string, std::string>>;

struct RecordLine {
    std::string source;
    std::string destination;
    std::string client;
    std::string version;
    std::string method;
    std::string target;
    std::string host;
    std::optional<std::string> protocol{};  // of an extended CONNECT
    FieldList headers;
    FieldList trailers;
    bool truncated = false;
    std::uint64_t full_size = 0;  // of the body as the client sent it
    std::string body;
};

namespace detail {

// As much of JSON as a record has: strings, lists of pairs of strings, and bare words (numbers, true, null).
class RecordReader {
  public:
    explicit RecordReader(std::string_view line) : rest_(line) {}

    RecordLine read() {
        RecordLine record;
        std::map<std::string, std::string> texts;
        expect('{');
        do {
            const std::string key = string();
            expect(':');
            if (key == "headers") {
                record.headers = fields();
            } else if (key == "trailers") {
                record.trailers = fields();
            } else {
                texts[key] = rest_.starts_with('"') ? string() : word();
            }
        } while (next(','));
        expect('}');
        if (rest_ != "\n") fail();
        record.source = texts.at("src");
        record.destination = texts.at("dst");
        record.client = texts.at("client");
        record.version = texts.at("version");
        record.method = texts.at("method");
        record.target = texts.at("target");
        record.host = texts.at("host");
        if (texts.count("protocol") != 0) record.protocol = texts.at("protocol");
        record.truncated = texts.at("truncated") == "true";
        record.body = from_base64(texts.at("body_b64"));
        if (std::to_string(record.body.size()) != texts.at("body_len")) fail();
        record.full_size = record.truncated ? std::stoull(texts.at("body_full_len")) : record.body.size();
        return record;
    }

  private:
    [[noreturn]] void fail() const {
        throw std::runtime_error("not the JSON of a record, at: " + std::string(rest_.substr(0, 40)));
    }
    bool next(char c) {
        if (!rest_.starts_with(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!next(c)) fail();
    }
    char take() {
        if (rest_.empty()) fail();
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    std::string string() {
        std::string text;
        expect('"');
        for (;;) {
            const char c = take();
            if (c == '"') return text;
            if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x80) fail();
            text += c == '\\' ? escaped() : c;
        }
    }
    char escaped() {
        static constexpr std::string_view letters = "bfnrt\"\\", meanings = "\b\f\n\r\t\"\\";
        const char c = take();
        if (c != 'u') {
            const std::size_t at = letters.find(c);
            if (at == letters.npos) fail();
            return meanings[at];
        }
        unsigned value = 0;
        for (int i = 0; i < 4; ++i) {
            const std::size_t digit = std::string_view("0123456789abcdef").find(take());
            if (digit == std::string_view::npos) fail();
            value = value << 4 | static_cast<unsigned>(digit);
        }
        if (value > 0xff) fail();
        return static_cast<char>(value);
    }
    std::string word() {
        const std::size_t size = rest_.find_first_not_of("0123456789.aeflnrstu");
        if (size == 0 || size == rest_.npos) fail();
        const std::string text(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return text;
    }
    FieldList fields() {
        FieldList list;
        expect('[');
        if (next(']')) return list;
        do {
            expect('[');
            std::string name = string();
            expect(',');
            list.emplace_back(std::move(name), string());
            expect(']');
        } while (next(','));
        expect(']');
        return list;
    }

    std::string from_base64(std::string_view text) const {
        static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        std::string bytes;
        std::uint32_t bits = 0;
        int count = 0;
        while (text.ends_with('=')) text.remove_suffix(1);
        for (const char c : text) {
            const std::size_t value = letters.find(c);
            if (value == letters.npos) fail();
            bits = bits << 6 | static_cast<std::uint32_t>(value);
            count += 6;
            if (count < 8) continue;
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
        return bytes;
    }

    std::string_view rest_;
};

}  // namespace detail

inline RecordLine parse_record(std::string_view line) {
    return detail::RecordReader(line).read();
}

}  // namespace rebuilder::test
