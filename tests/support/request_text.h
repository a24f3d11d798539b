// SPDX-License-Identifier: Apache-2.0
// A rebuilt request as text, to compare it with another or to show it.
#pragma once

#include <string>

#include "http/request.h"

namespace rebuilder::test {

inline std::string body_of(const http::Request& request) {
    std::string text;
    for (const Block* block = request.body.blocks->head; block != nullptr; block = block->next) {
        text += as_text(block->bytes());
    }
    return text += as_text(request.body.tail);
}

// A request on one line: `POST /x HTTP/1.1 {Host: a} {X: y} +{Trailer: z} chunked <body> of 99`.
inline std::string show(const http::Request& request) {
    std::string text;
    text.append(request.method).append(" ").append(request.target).append(" ").append(request.version);
    const auto add = [&](const http::Field& field, const char* before) {
        text.append(before).append(request.name(field)).append(": ").append(request.value(field)).append("}");
    };
    for (const http::Field& field : request.headers) add(field, " {");
    for (const http::Field& field : request.trailers) add(field, " +{");
    if (request.framing == http::Framing::content_length) text += " length";
    if (request.framing == http::Framing::chunked) text += " chunked";
    const std::string body = body_of(request);
    if (!body.empty()) text += " <" + body + ">";
    if (body.size() != request.body.size) text += " size " + std::to_string(request.body.size);
    if (request.body.truncated()) text += " of " + std::to_string(request.body.full_size);
    return text;
}

}  // namespace rebuilder::test
