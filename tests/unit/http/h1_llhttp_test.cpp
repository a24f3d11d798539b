// SPDX-License-Identifier: Apache-2.0
// A second opinion: what llhttp, told to be strict, takes for requests, we take for the same ones. The other way round
// doesn't hold: we show what servers answer, and llhttp refuses much of that.
#include <llhttp.h>

#include <string>
#include <vector>

#include "support/http_line.h"
#include "support/random.h"

using namespace rebuilder;
using namespace rebuilder::test;
using namespace std::string_literals;

namespace {

struct Opinion {
    std::vector<std::string> requests;  // in the form of show(), without what it says of the framing
    bool fault = false;
};

struct Reading {
    std::string method, target, fields, name, value, body;
    bool in_value = false;
    Opinion opinion;

    void end_field() {
        while (value.ends_with(' ') || value.ends_with('\t')) value.pop_back();
        if (!name.empty()) fields += " {" + name + ": " + value + "}";
        name.clear();
        value.clear();
        in_value = false;
    }
};

Reading& reading_of(llhttp_t* parser) {
    return *static_cast<Reading*>(parser->data);
}

Opinion ask_llhttp(const std::string& bytes) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_message_begin = [](llhttp_t* parser) {
        Opinion kept = reading_of(parser).opinion;
        reading_of(parser) = {};
        reading_of(parser).opinion = std::move(kept);
        return 0;
    };
    settings.on_url = [](llhttp_t* parser, const char* at, std::size_t size) {
        reading_of(parser).target.append(at, size);
        return 0;
    };
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
        Reading& reading = reading_of(parser);
        if (reading.in_value) reading.end_field();
        reading.name.append(at, size);
        return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
        reading_of(parser).in_value = true;
        reading_of(parser).value.append(at, size);
        return 0;
    };
    settings.on_headers_complete = [](llhttp_t* parser) {
        reading_of(parser).end_field();
        if (parser->http_major == 0) return static_cast<int>(HPE_USER);  // it reads fields behind a simple request
        reading_of(parser).method = llhttp_method_name(static_cast<llhttp_method_t>(parser->method));
        return 0;
    };
    settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
        reading_of(parser).body.append(at, size);
        return 0;
    };
    settings.on_message_complete = [](llhttp_t* parser) {
        Reading& reading = reading_of(parser);
        reading.end_field();
        std::string shown = reading.method + " " + reading.target + reading.fields;
        if (!reading.body.empty()) shown += " <" + reading.body + ">";
        reading.opinion.requests.push_back(shown);
        reading.fields.clear();
        return 0;
    };
    llhttp_t parser;
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    Reading reading;
    parser.data = &reading;
    reading.opinion.fault = llhttp_execute(&parser, bytes.data(), bytes.size()) != HPE_OK;
    return reading.opinion;
}

// Of a value over several lines llhttp tells the lines, and nothing of what is between them.
std::string on_one_line(std::string_view value) {
    std::string text(value);
    std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
    return text;
}

// The same of ours: trailers are fields like others there.
std::string shown_alike(const http::Request& request) {
    std::string text = std::string(request.method) + " " + std::string(request.target);
    for (const auto& fields : {request.headers, request.trailers}) {
        for (const http::Field& field : fields) {
            if (field.name_size == 0) continue;  // of which llhttp tells nothing
            text.append(" {").append(request.name(field)).append(": ");
            text.append(on_one_line(request.value(field))).append("}");
        }
    }
    const std::string body = body_of(request);
    return body.empty() ? text : text + " <" + body + ">";
}

std::string random_stream(Random& random) {
    const std::vector<std::string> methods{"GET", "POST", "PUT", "OPTIONS", "PROPFIND", "M-SEARCH", "PURGE"};
    const std::vector<std::string> targets{
        "/", "/a?b=c&d", "*", "http://h.example/p", "/%zz;'\"", "/" + std::string(300, 'x')};
    const std::vector<std::string> names{"Host", "accept", "X-Y", "Cookie", "Content-Type", "A", "If-None-Match"};
    const std::vector<std::string> values{"", "a", "a b\tc", "*/*", "x=y; z=\"q\"", "\xe4\xf6", std::string(200, 'v')};
    std::string text;
    for (std::size_t i = 0, count = random.between(1, 4); i < count; ++i) {
        const bool old = random.one_in(5);
        text += random.of(methods) + " " + random.of(targets) + (old ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
        for (std::size_t field = 0, fields = random.below(8); field < fields; ++field) {
            text += random.of(names) + (random.one_in(4) ? ":" : ": ") + random.of(values) +
                    (random.one_in(6) ? " \r\n" : "\r\n");
        }
        const std::string body(random.below(40), 'b');
        if (random.one_in(3)) {
            text += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        } else if (!old && random.one_in(2)) {  // which llhttp reads in HTTP/1.0, too, and others don't
            text += "Transfer-Encoding: chunked\r\n\r\n";
            if (!body.empty()) text += "2;ext=1\r\nzz\r\n";
            text += random.one_in(2) ? "0\r\n\r\n" : "0\r\nTrailer-A: t\r\n\r\n";
        } else {
            text += "\r\n";
        }
    }
    // Mostly as it is; else with a byte changed, gone, or twice.
    if (random.one_in(3)) {
        const std::size_t at = random.below(text.size());
        switch (random.below(3)) {
        case 0: text[at] = static_cast<char>(random.below(256)); break;
        case 1: text.erase(at, 1); break;
        default: text.insert(at, 1, text[at]); break;
        }
    }
    return text;
}

}  // namespace

TEST_CASE("what llhttp takes for requests, we take for the same ones", "[h1][property]") {
    Random random(8);
    INFO(random.seed());
    std::size_t agreed = 0;
    for (int round = 0; round < 20'000; ++round) {
        const std::string bytes = random_stream(random);
        const Opinion opinion = ask_llhttp(bytes);
        if (opinion.fault) continue;
        std::vector<std::string> ours;
        HttpLine line;
        line.on_request = [&ours](http::Request& request) { ours.push_back(shown_alike(request)); };
        (void)line.open();
        (void)line.data(bytes);
        line.finish();
        agreed += ours.size();
        if (ours == opinion.requests) continue;
        INFO(bytes);
        CHECK(ours == opinion.requests);
    }
    CHECK(agreed > 20'000);
}
