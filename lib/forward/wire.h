// SPDX-License-Identifier: Apache-2.0
// write_wire: a Request as the bytes that an HTTP/1.1 server is sent.
//
// In:    a Request, whose body blocks it takes.
// Out:   a Slot in blocks of `pool`, or the counter that says why there is none.
// Rules: what the client sent, header names, order, duplicates, values and spacing byte for byte, copied in
//        runs; but in a framing that can be read in one way only. Exactly one Content-Length, or no body.
//        Origin-form target, in which spaces and control characters are percent-encoded. Every line ends with
//        CRLF, none is folded, none has whitespace in front of its colon or a NUL in it; a field that no
//        strict receiver takes (the name is no token, a second Host) is not sent (request_fields_unsendable). The fields that are for one hop
//        are left out (RFC 9110, section 7.6.1), and so is what Connection names in HTTP/1, except fields that are
//        never for one hop: a client can't hide those from the analyser. X-Forwarded-For, or another that
//        --client-ip-header names, is extended with the client's address, or by Rewriting::client_ip replaced or left
//        alone; X-Server-Addr and -Port are replaced, X-Forwarded-Proto and -Port added if absent, X-Rebuilder-*
//        belongs to us. The rules of `rewriting` come before all that, in the fields that they may touch; what
//        they remove or set is not added by us either.
// So one rebuilt request is one request for the receiver, whatever bytes the client put into it.
#pragma once

#include "base/block.h"
#include "base/counters.h"
#include "forward/handoff.h"
#include "forward/rewriting.h"
#include "http/request.h"

namespace rebuilder::forward {

// Counter::handed_off and a filled slot; or unforwardable_*, or shed_no_memory, and nothing is held.
[[nodiscard]] Counter write_wire(
    http::Request& request, const Rewriting& rewriting, BlockPool& pool, Slot& slot) noexcept;

}  // namespace rebuilder::forward
