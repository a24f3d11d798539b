// SPDX-License-Identifier: Apache-2.0
#include "forward/record.h"

#include <openssl/evp.h>

#include <array>
#include <string_view>

#include "base/error.h"
#include "forward/chain_writer.h"
#include "packet/address_text.h"

namespace rebuilder::forward {
namespace {

using http::Field;
using http::Request;
using packet::AddressText;

constexpr std::string_view hex_digits = "0123456789abcdef";

void write_escaped(ChainWriter& out, std::string_view text) noexcept {
    while (!text.empty()) {
        std::size_t plain = 0;
        const auto is_plain = [](char c) {
            const auto byte = static_cast<unsigned char>(c);
            return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
        };
        while (plain < text.size() && is_plain(text[plain])) ++plain;
        out << text.substr(0, plain);
        text.remove_prefix(plain);
        if (text.empty()) break;
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        switch (byte) {
        case '"': out << "\\\""; break;
        case '\\': out << "\\\\"; break;
        case '\b': out << "\\b"; break;
        case '\f': out << "\\f"; break;
        case '\n': out << "\\n"; break;
        case '\r': out << "\\r"; break;
        case '\t': out << "\\t"; break;
        default: out << "\\u00" << hex_digits.substr(byte >> 4, 1) << hex_digits.substr(byte & 15, 1);
        }
    }
}

void write_string(ChainWriter& out, std::string_view text) noexcept {
    out << "\"";
    write_escaped(out, text);
    out << "\"";
}

// A folded value as one line: each line break and the whitespace around it is one space (RFC 9112, section 5.2).
void write_value(ChainWriter& out, const Request& request, const Field& field) noexcept {
    std::string_view value = request.value(field);
    out << "\"";
    while (field.folded != 0) {
        const std::size_t fold = value.find_first_of("\r\n");
        if (fold == std::string_view::npos) break;
        std::string_view line = value.substr(0, fold);
        while (line.ends_with(' ') || line.ends_with('\t')) line.remove_suffix(1);
        write_escaped(out, line);
        out << " ";
        value.remove_prefix(std::min(value.find_first_not_of("\r\n \t", fold), value.size()));
    }
    write_escaped(out, value);
    out << "\"";
}

void write_fields(
    ChainWriter& out, const Request& request, const Rewriting& rewriting, std::span<const Field> fields) noexcept {
    out << "[";
    bool first = true;
    for (const Field& field : fields) {
        const FieldRule* rule = rewriting.find(request.name(field));
        if (field.pseudo != 0 || (rule != nullptr && rule->action == FieldRule::Action::remove)) continue;
        out << (first ? "[" : ",[");
        first = false;
        write_string(out, request.name(field));
        out << ",";
        if (rule != nullptr && rule->action == FieldRule::Action::redact) {
            out << "\"";
            write_redacted(out, request.value(field));
            out << "\"";
        } else {
            write_value(out, request, field);
        }
        out << "]";
    }
    out << "]";
}

template <class Visit>
void for_each_piece(const http::Body& body, Visit&& visit) noexcept {
    for (const Block* block = body.blocks->head; block != nullptr; block = block->next) visit(block->bytes());
    if (!body.tail.empty()) visit(body.tail);
}

void write_base64(ChainWriter& out, const http::Body& body) noexcept {
    constexpr std::size_t group = 48;  // a multiple of 3, so that only the last group is padded
    std::array<std::uint8_t, group> in;
    std::size_t filled = 0;
    const auto flush = [&] {
        std::array<std::uint8_t, group / 3 * 4 + 1> encoded;
        const int size = EVP_EncodeBlock(encoded.data(), in.data(), static_cast<int>(filled));
        out << Bytes(encoded.data(), static_cast<std::size_t>(size));
        filled = 0;
    };
    for_each_piece(body, [&](Bytes piece) {
        for (const std::uint8_t byte : piece) {
            in[filled++] = byte;
            if (filled == group) flush();
        }
    });
    if (filled != 0) flush();
}

void write_time(ChainWriter& out, std::uint64_t time_ns) noexcept {
    std::array<char, 7> fraction{'.'};
    std::uint64_t micros = time_ns / 1000 % 1'000'000;
    for (std::size_t i = fraction.size() - 1; i > 0; --i, micros /= 10) fraction[i] = hex_digits[micros % 10];
    out << time_ns / 1'000'000'000 << std::string_view(fraction.data(), fraction.size());
}

}  // namespace

class RecordWriter::Digest {
  public:
    Digest() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {
        if (algorithm_ == nullptr || context_ == nullptr) {
            throw Error(ExitStatus::runtime, "OpenSSL has no SHA-256, which records of requests need");
        }
    }
    ~Digest() {
        EVP_MD_CTX_free(context_);
        EVP_MD_free(algorithm_);
    }
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;

    void write_sha256(ChainWriter& out, const http::Body& body) noexcept {
        EVP_DigestInit_ex2(context_, algorithm_, nullptr);
        for_each_piece(body, [this](Bytes piece) { EVP_DigestUpdate(context_, piece.data(), piece.size()); });
        std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
        unsigned int size = 0;
        EVP_DigestFinal_ex(context_, digest.data(), &size);
        out << "\"";
        for (const std::uint8_t byte : std::span(digest).first(size)) {
            out << hex_digits.substr(byte >> 4, 1) << hex_digits.substr(byte & 15, 1);
        }
        out << "\"";
    }

  private:
    EVP_MD* algorithm_;
    EVP_MD_CTX* context_;
};

RecordWriter::RecordWriter(bool bodies) : digest_(std::make_unique<Digest>()), bodies_(bodies) {}
RecordWriter::~RecordWriter() = default;
RecordWriter::RecordWriter(RecordWriter&&) noexcept = default;

Counter RecordWriter::write(const Request& request, const Rewriting& rewriting, BlockPool& pool, Slot& slot) noexcept {
    ChainWriter out(pool);
    out << "{\"ts\":";
    write_time(out, request.time_ns);
    out << ",\"vni\":";
    if (request.vni == packet::no_vni) {
        out << "null";
    } else {
        out << request.vni;
    }
    out << ",\"src\":\"" << AddressText(request.source).view();
    out << "\",\"dst\":\"" << AddressText(request.destination).view();
    out << "\",\"version\":";
    write_string(out, request.version);
    out << ",\"method\":";
    write_string(out, request.method);
    out << ",\"target\":";
    write_string(out, request.target);
    out << ",\"host\":";
    if (const Field* host = request.find(http::FieldKind::host)) {
        write_value(out, request, *host);
    } else {
        out << "\"\"";
    }
    const Field* upgrade = request.find(http::FieldKind::upgrade);
    if (upgrade != nullptr && upgrade->pseudo != 0) {
        out << ",\"protocol\":";
        write_value(out, request, *upgrade);
    }
    out << ",\"headers\":";
    write_fields(out, request, rewriting, request.headers);
    out << ",\"body_len\":" << request.body.size << ",\"body_sha256\":";
    digest_->write_sha256(out, request.body);
    out << ",\"client\":\"" << AddressText(request.client).view();
    out << "\",\"truncated\":" << (request.body.truncated() ? "true" : "false") << ",\"trailers\":";
    write_fields(out, request, rewriting, request.trailers);
    if (request.body.truncated()) out << ",\"body_full_len\":" << request.body.full_size;
    if (bodies_) {
        out << ",\"body_b64\":\"";
        write_base64(out, request.body);
        out << "\"";
    }
    out << "}\n";
    if (!out.complete()) return Counter::shed_no_memory;
    const Chain chain = out.take();
    slot = {chain.head, chain.bytes, chain.blocks, false, request.time_ns};
    return Counter::handed_off;
}

}  // namespace rebuilder::forward
