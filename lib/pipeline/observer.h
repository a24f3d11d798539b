// SPDX-License-Identifier: Apache-2.0
// Observer: who is told what a Worker does with each connection. For tools that explain a capture; the appliance has
// none.
//
// In:    on_chunk() for each StreamChunk, once the HTTP stage has had it; on_segment() for each Segment, once all that
//        it caused is done. On the worker's thread; what they are given lives until they return.
// Whose: the streams, requests, and bytes delivered or dropped that were counted since the last call are those of this
//        call's connection. If flows_opened has moved, this call's is a new one. Counters of frames and of flows that
//        end tell no connection: they move between the calls; and so may tcp_ignored_bytes, when a stream is found unwanted
//        in a tick, or while another is evicted.
#pragma once

#include "packet/segment.h"
#include "tcp/stream.h"

namespace rebuilder::pipeline {

class Observer {
  public:
    virtual ~Observer() = default;
    virtual void on_chunk(const packet::FlowKey& key, packet::Side sender, const tcp::StreamChunk& chunk) noexcept = 0;
    virtual void on_segment(const packet::Segment& segment) noexcept = 0;
};

}  // namespace rebuilder::pipeline
