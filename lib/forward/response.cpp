// SPDX-License-Identifier: Apache-2.0
#include "forward/response.h"

#include <llhttp.h>

#include <new>

namespace rebuilder::forward {

struct ResponseParser::Callbacks {
    static_assert(sizeof(llhttp_t) <= sizeof(parser_));

    static llhttp_t& parser(ResponseParser& of) noexcept {
        return *std::launder(reinterpret_cast<llhttp_t*>(of.parser_.data()));
    }
    static ResponseParser& self(llhttp_t* parser) noexcept { return *static_cast<ResponseParser*>(parser->data); }

    static int on_headers_complete(llhttp_t* parser) noexcept {
        ResponseParser& me = self(parser);
        me.status_ = parser->status_code;
        if (parser->http_major != 1) return -1;
        if (me.status_ < 100 || me.status_ > 599 || me.status_ == 101) return -1;
        // These never have a body, whatever their fields say (RFC 9112, section 6.3). llhttp believes a
        // Content-Length there and would wait.
        const bool bodiless = me.head_request_ || me.status_ < 200 || me.status_ == 204 || me.status_ == 304;
        return bodiless ? 1 : 0;
    }
    static int on_message_complete(llhttp_t* parser) noexcept {
        ResponseParser& me = self(parser);
        me.keep_alive_ = llhttp_should_keep_alive(parser) != 0;
        me.complete_ = true;
        return HPE_PAUSED;  // so that what follows is left for the next request
    }
    static const llhttp_settings_t* settings() noexcept {
        static const llhttp_settings_t table = [] {
            llhttp_settings_t made;
            llhttp_settings_init(&made);
            made.on_headers_complete = on_headers_complete;
            made.on_message_complete = on_message_complete;
            return made;
        }();
        return &table;
    }
};

void ResponseParser::reset() noexcept {
    llhttp_init(::new (parser_.data()) llhttp_t, HTTP_RESPONSE, Callbacks::settings());
    complete_ = false;
    at_start_ = true;
}

ResponseParser::Event ResponseParser::next(Bytes& bytes, bool head_request) noexcept {
    if (bytes.empty()) return Event::more;
    llhttp_t& parser = Callbacks::parser(*this);
    parser.data = this;
    head_request_ = head_request;
    at_start_ = false;
    const char* from = as_text(bytes).data();
    const llhttp_errno_t error = llhttp_execute(&parser, from, bytes.size());
    if (error == HPE_OK) {
        bytes = {};
        return Event::more;
    }
    if (error != HPE_PAUSED || !complete_) return Event::broken;
    bytes = bytes.subspan(static_cast<std::size_t>(llhttp_get_error_pos(&parser) - from));
    reset();
    if (status_ >= 200) return Event::answered;
    at_start_ = false;  // the response that is due has been announced
    return Event::interim;
}

ResponseParser::Event ResponseParser::end_of_stream() noexcept {
    llhttp_t& parser = Callbacks::parser(*this);
    parser.data = this;
    (void)llhttp_finish(&parser);
    if (!complete_) return Event::more;
    keep_alive_ = false;
    return Event::answered;
}

}  // namespace rebuilder::forward
