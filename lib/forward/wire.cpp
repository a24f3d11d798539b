// SPDX-License-Identifier: Apache-2.0
#include "forward/wire.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/ascii.h"
#include "forward/chain_writer.h"
#include "forward/target.h"
#include "packet/address_text.h"

namespace rebuilder::forward {
namespace {

using http::Field;
using http::FieldKind;
using http::Framing;
using http::Request;
using packet::AddressText;

// ---- fields that Connection names ------------------------------------------------------------------------

// What is never for one hop, whoever says so.
bool is_end_to_end(std::string_view name) noexcept {
    constexpr auto prefixes = std::to_array<std::string_view>({
        "accept",
        "authorization",
        "cache-control",
        "content-",
        "cookie",
        "date",
        "forwarded",
        "from",
        "if-",
        "origin",
        "pragma",
        "range",
        "referer",
        "user-agent",
        "via",
        "x-forwarded-",
        "x-real-ip",
    });
    return std::any_of(prefixes.begin(), prefixes.end(),
        [name](std::string_view prefix) { return begins_with_ignoring_case(name, prefix); });
}

// The options that Connection fields list, as far as there is room. A client that lists more gets its fields sent: that
// is harmless, and a list can't be made to cost more than its reading.
class ConnectionOptions {
  public:
    void add(std::string_view list) noexcept {
        if (equal_ignoring_case(list, "keep-alive")) return;  // the most usual; that field is never sent on
        while (!list.empty() && count_ < options_.size()) {
            const auto end = std::find_if(list.begin(), list.end(), is_separator);
            const auto size = static_cast<std::size_t>(end - list.begin());
            if (size != 0 && !is_end_to_end(list.substr(0, size))) options_[count_++] = {list.data(), size};
            list.remove_prefix(std::min(size + 1, list.size()));
        }
    }
    [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
    [[nodiscard]] bool name(std::string_view field) const noexcept {
        return std::any_of(options_.begin(), options_.begin() + count_, [field](const Option& option) {
            return equal_ignoring_case({option.at, option.size}, field);
        });
    }

  private:
    static bool is_separator(char c) noexcept { return c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

    struct Option {  // not a string_view: those would be made for each request, though few are used
        const char* at;
        std::size_t size;
    };
    std::array<Option, 16> options_;
    std::uint32_t count_ = 0;
};

// ---- the header section ----------------------------------------------------------------------------------

class WireWriter {
  public:
    WireWriter(Request& request, const Target& target, const Rewriting& rewriting, BlockPool& pool) noexcept
        : request_(request)
        , target_(target)
        , rewriting_(rewriting)
        , out_(pool)
        , client_(request.client)
        , http2_(request.version == "HTTP/2")
        , as_is_(request.canonical_lines)
        , host_decided_(rewriting.replaces("host"))
        , port_decided_(rewriting.replaces("x-forwarded-port"))
        , proto_decided_(rewriting.replaces("x-forwarded-proto")) {
        names_matter_ = rewriting.has_rules() || rewriting.client_field_kind() == FieldKind::other;
        each_field([this](const Field& field) {
            // In HTTP/2 it says nothing (RFC 9113, section 8.2.2), so it can't hide anything either.
            if (field.kind == FieldKind::connection && !http2_) connection_.add(request_.value(field));
            if (rewriting_.client_ip == ClientIp::append && says_client(field)) last_client_ = &field;
            lengths_ += field.kind == FieldKind::content_length;
            if (http2_ && field.kind == FieldKind::cookie && crumbs_++ == 0) first_crumb_ = &field;
        });
        names_matter_ = names_matter_ || !connection_.empty();
    }

    void write_head() noexcept {
        write_request_line();
        each_field([this](const Field& field) {
            const bool last = &field == &request_.headers.back();
            write_field(field, last ? request_.header_at + request_.header_size : (&field + 1)->name_at);
        });
        flush_run(request_.header_at + request_.header_size);
        add_fields();
        out_ << "\r\n";
    }

    void write_body() noexcept {
        out_.splice(*request_.body.blocks);
        out_ << request_.body.tail;
    }

    ChainWriter& out() noexcept { return out_; }

  private:
    enum class Fate : std::uint8_t { keep, drop, replace, redact, join };

    // Those that are looked at: fields of no special kind mostly go as they are.
    template <class Visit>
    void each_field(Visit visit) const noexcept {
        if (as_is_ && !names_matter_) return request_.special.each(request_.headers, visit);
        for (const Field& field : request_.headers) visit(field);
    }

    void write_request_line() noexcept {
        const std::size_t plain_size = request_.method.size() + request_.target.size() + 12;  // 2 SP, version, CRLF
        const std::string_view target = target_.origin_form;
        const bool plain_target = !any_needs_encoding(target);
        const bool plain_version = request_.version == "HTTP/1.1" || http2_;
        const bool connect = request_.method == "CONNECT";  // for the protocol of :protocol: GET (RFC 8441, section 5)
        if (request_.header_at == plain_size && plain_version && target_.authority.empty() && plain_target && as_is_ &&
            !connect) {
            run_ = 0;  // as it is; it may go with the fields behind it
            return;
        }
        out_ << (connect ? "GET" : request_.method) << (target_.add_slash ? " /" : " ");
        if (plain_target) {
            out_ << target;
        } else {
            write_encoded(target);
        }
        out_ << " HTTP/1.1\r\n";
        run_ = request_.header_at;
    }

    // Percent-encoded where it has to be (RFC 3986, section 2.1).
    void write_encoded(std::string_view target) noexcept {
        constexpr std::string_view digits = "0123456789ABCDEF";
        for (const char c : target) {
            const auto byte = static_cast<unsigned char>(c);
            if (needs_encoding(c)) {
                out_ << "%" << digits.substr(byte >> 4, 1) << digits.substr(byte & 15, 1);
            } else {
                out_ << std::string_view(&c, 1);
            }
        }
    }

    void write_field(const Field& field, std::uint32_t line_end) noexcept {
        const Fate fate = decide(field);
        if (fate == Fate::keep && as_is_) return;  // it stays in the run
        flush_run(field.name_at);
        run_ = line_end;
        if (fate == Fate::drop) return;
        if (fate == Fate::redact) {
            out_ << request_.name(field) << ": ";
            write_redacted(out_, request_.value(field));
            out_ << "\r\n";
            return;
        }
        if (fate == Fate::join) return write_crumbs();
        if (field.kind == FieldKind::host && fate == Fate::replace) {
            out_ << request_.name(field) << ": " << target_.authority << "\r\n";
            return;
        }
        std::string_view line(request_.text + field.name_at, line_end - field.name_at);
        while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
        if (field.loose != 0) {
            out_ << request_.name(field) << ": ";
            line = request_.value(field);
        } else if (fate == Fate::replace) {  // the client's address: one more
            line = line.substr(
                0, field.value_size == 0 ? field.name_size + 1 : field.value_at + field.value_size - field.name_at);
        }
        write_unfolded(line);
        if (fate == Fate::replace) out_ << (field.value_size == 0 ? "" : ", ") << client_.view();
        out_ << "\r\n";
    }

    // All crumbs of the cookie in one field (RFC 9113, section 8.2.3).
    void write_crumbs() noexcept {
        out_ << request_.name(*first_crumb_) << ": ";
        for (const Field& field : request_.headers) {
            if (field.kind != FieldKind::cookie) continue;
            if (&field != first_crumb_) out_ << "; ";
            const FieldRule* rule = rewriting_.find(request_.name(field));
            if (rule != nullptr && rule->action == FieldRule::Action::redact) {
                write_redacted(out_, request_.value(field));
            } else if (as_is_) {
                out_ << request_.value(field);
            } else {
                write_unfolded(request_.value(field));
            }
        }
        out_ << "\r\n";
    }

    Fate decide(const Field& field) noexcept {
        if (field.unsendable != 0) return Fate::drop;
        const FieldRule* rule = rewriting_.find(request_.name(field));
        if (rule != nullptr && rule->action != FieldRule::Action::redact) return Fate::drop;
        const Fate fate = decide_by_kind(field);
        return rule != nullptr && fate == Fate::keep ? Fate::redact : fate;
    }

    Fate decide_by_kind(const Field& field) noexcept {
        if (rewriting_.client_ip != ClientIp::keep && says_client(field)) {
            if (rewriting_.client_ip == ClientIp::set) return Fate::drop;
            return &field == last_client_ ? Fate::replace : Fate::keep;
        }
        switch (field.kind) {
        case FieldKind::connection:
        case FieldKind::expect:
        case FieldKind::keep_alive:
        case FieldKind::proxy_connection:
        case FieldKind::trailer:
        case FieldKind::transfer_encoding:
        case FieldKind::upgrade:
        case FieldKind::x_rebuilder:
        case FieldKind::x_server_addr:
        case FieldKind::x_server_port: return Fate::drop;
        case FieldKind::content_length:
            length_kept_ = lengths_ == 1 && says_body_size(request_.value(field));
            return length_kept_ ? Fate::keep : Fate::drop;
        case FieldKind::cookie:
            if (crumbs_ <= 1) break;
            return &field == first_crumb_ ? Fate::join : Fate::drop;
        case FieldKind::te:  // HTTP/2 has it for both ends, with this one value (RFC 9113, section 8.2.2)
            return http2_ && equal_ignoring_case(request_.value(field), "trailers") ? Fate::keep : Fate::drop;
        case FieldKind::host: host_decided_ = true; return target_.authority.empty() ? Fate::keep : Fate::replace;
        case FieldKind::x_forwarded_port: port_decided_ = true; return Fate::keep;
        case FieldKind::x_forwarded_proto: proto_decided_ = true; return Fate::keep;
        case FieldKind::x_forwarded_for:
        case FieldKind::other: break;
        }
        return connection_.name(request_.name(field)) ? Fate::drop : Fate::keep;
    }

    [[nodiscard]] bool says_client(const Field& field) const noexcept {
        return rewriting_.says_client(field.kind, request_.name(field));
    }

    [[nodiscard]] bool says_body_size(std::string_view value) const noexcept {
        char digits[20];
        const auto end = std::to_chars(digits, digits + sizeof digits, request_.body.size).ptr;
        return request_.framing == Framing::content_length &&
               value == std::string_view(digits, static_cast<std::size_t>(end - digits));
    }

    // A line without its end: each fold with the whitespace around it is a single space (RFC 9112, section 5.2), and so is
    // each NUL (RFC 9110, section 5.5).
    void write_unfolded(std::string_view line) noexcept {
        constexpr std::string_view breaks("\r\n\0", 3);
        for (std::size_t at = line.find_first_of(breaks); at != line.npos; at = line.find_first_of(breaks)) {
            const bool fold = line[at] != '\0';
            std::size_t end = at;
            while (fold && end != 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
            out_ << line.substr(0, end);
            line.remove_prefix(fold ? std::min(line.find_first_not_of("\r\n \t", at), line.size()) : at + 1);
            if (!fold || !line.empty()) out_ << " ";
        }
        out_ << line;
    }

    void add_fields() noexcept {
        if (!host_decided_) {
            const AddressText destination(request_.destination);
            out_ << "Host: " << (target_.authority.empty() ? destination.view() : target_.authority) << "\r\n";
        }
        if (last_client_ == nullptr && rewriting_.client_ip != ClientIp::keep) {
            out_ << rewriting_.client_ip_header() << ": " << client_.view() << "\r\n";
        }
        const AddressText server(request_.destination);
        const std::string_view address = server.address(), port = server.port();
        out_ << "X-Server-Addr: " << address << "\r\nX-Server-Port: " << port << "\r\n";
        if (!proto_decided_) out_ << "X-Forwarded-Proto: http\r\n";
        if (!port_decided_) out_ << "X-Forwarded-Port: " << port << "\r\n";
        out_ << rewriting_.added_lines();
        if (!length_kept_ && request_.framing != Framing::none) {
            out_ << "Content-Length: " << request_.body.size << "\r\n";
        }
        if (request_.body.truncated()) out_ << "X-Rebuilder-Truncated: " << request_.body.full_size << "\r\n";
    }

    void flush_run(std::uint32_t end) noexcept {
        out_ << std::string_view(request_.text + run_, end - run_);
        run_ = end;
    }

    Request& request_;
    const Target& target_;
    const Rewriting& rewriting_;
    ChainWriter out_;
    AddressText client_;
    std::uint32_t run_ = 0;  // where the bytes begin that are to be copied as they are
    ConnectionOptions connection_;
    bool http2_;
    std::uint32_t crumbs_ = 0;  // of HTTP/2: fields of the one cookie
    const Field* first_crumb_ = nullptr;
    const Field* last_client_ = nullptr;  // to which the client's address is appended
    std::uint32_t lengths_ = 0;
    bool as_is_;                // the header section can be copied in runs
    bool names_matter_ = true;  // fields of no special kind may have to be left out, or changed
    bool length_kept_ = false;
    bool host_decided_;  // by the client's field, or by a rule: none of ours is added
    bool port_decided_;
    bool proto_decided_;
};

}  // namespace

Counter write_wire(Request& request, const Rewriting& rewriting, BlockPool& pool, Slot& slot) noexcept {
    const http::Field* upgrade = request.find(http::FieldKind::upgrade);
    const bool extended = upgrade != nullptr && upgrade->pseudo != 0;
    if (request.method == "CONNECT" && !extended) return Counter::unforwardable_connect;
    Target target;
    if (!parse_target(request, target)) return Counter::unforwardable_target;

    WireWriter writer(request, target, rewriting, pool);
    writer.write_head();
    writer.write_body();
    if (!writer.out().complete()) return Counter::shed_no_memory;
    const Chain chain = writer.out().take();
    slot = {chain.head, chain.bytes, chain.blocks, request.method == "HEAD", request.time_ns};
    return Counter::handed_off;
}

}  // namespace rebuilder::forward
