// SPDX-License-Identifier: Apache-2.0
// Requests for a Selection: from bytes, read as the line reads them, or made by hand, for many of them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "forward/selection.h"
#include "support/http_line.h"

namespace rebuilder::test {

using forward::Selection;
using forward::SelectionConfig;
using packet::IpAddress;
using Verdict = std::optional<Counter>;

inline constexpr Verdict selected = std::nullopt;
inline const IpAddress some_client = IpAddress::v4(0xcb007107);  // 203.0.113.7

// The verdict on the one request that these bytes are.
inline Verdict verdict(Selection& selection, const std::string& bytes, const IpAddress& client = some_client) {
    HttpLine line;
    std::vector<Verdict> verdicts;
    line.on_request = [&](http::Request& request) {
        request.client = client;
        verdicts.push_back(selection.refuse(request, 0));
    };
    (void)line.open();
    (void)line.data(bytes);
    line.finish();
    REQUIRE(verdicts.size() == 1);
    return verdicts[0];
}

inline Verdict verdict(const SelectionConfig& config, const std::string& bytes, const IpAddress& client = some_client) {
    Selection selection(config, 0);
    return verdict(selection, bytes, client);
}

inline std::string get(const std::string& target, const std::string& fields = "Host: shop.example.com\r\n") {
    return "GET " + target + " HTTP/1.1\r\n" + fields + "\r\n";
}
inline std::string host(const std::string& value) {
    return get("/", "Host: " + value + "\r\n");
}

// A request made by hand, for many of them.
class Made {
  public:
    explicit Made(const IpAddress& client) { request_.client = client; }
    Made(const std::string& name, const std::string& value, const IpAddress& client = some_client) : Made(client) {
        text_ = name + ":" + value;
        field_ = {0, static_cast<std::uint32_t>(name.size()) & 0xffffff, http::field_kind(name),
            static_cast<std::uint32_t>(name.size() + 1), static_cast<std::uint32_t>(value.size()) & 0xfffffff, 0, 0,
            0};
        request_.headers = {&field_, 1};
        if (field_.kind != http::FieldKind::other) request_.special.add(0, field_.kind);
    }
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;

    [[nodiscard]] bool passes(Selection& selection, std::uint64_t now_ns = 0) {
        request_.method = "GET";
        request_.target = "/";
        request_.text = text_.data();
        return !selection.refuse(request_, now_ns);
    }

  private:
    std::string text_;
    http::Field field_{};
    http::Request request_;
};

// The sentence of the Error.
inline std::string refusal(const std::function<void()>& act) {
    try {
        act();
    } catch (const Error& error) {
        CHECK(error.exit_status == ExitStatus::usage);
        return error.what();
    }
    return "nothing refused";
}

}  // namespace rebuilder::test
