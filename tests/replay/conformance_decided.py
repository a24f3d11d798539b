# SPDX-License-Identifier: Apache-2.0
"""Where conformance_test.py's inputs become other requests than their files expect, on purpose: {input: (what we make
of it, why)}. The test keeps the table: conformance_test.py --list prints it anew. "No server" are those that were
asked: nginx 1.22, Apache 2.4 (Strict and Unsafe), Node 20 (also with its insecure parser)."""

# The file, or the parser that made its expectation, does otherwise than servers.
AFTER_CLOSE = "the client sent it, although behind a message that closes the connection"
AS_SENT = "shown as sent: a byte that strict parsers refuse, and that changes no framing"
BARE_LF = "LF alone ends a line (RFC 9112, section 2.2), as for nginx"
CODED = "the chunked coding counts, whatever Content-Length says, as for Apache"
FOLDED = "a folded field is one field, as for Apache"
HTTP_09 = "without a version there is no header section, as for nginx and Apache"
LENGTH = "framed by its Content-Length, as by every server"
NO_BODY = "the file's parser was told that there are no bodies"

REFUSED_TUNNEL = "what has a request line right behind a CONNECT is one to every server that refuses the tunnel"

# We refuse it.
BARE_CR = "CR alone ends no line; no server answers"
LINE = "no request line; no server answers"
RTSP = "another protocol"

DECIDED = {
    "crs:920100-2-0":
        ("refused", LINE),
    "crs:920100-12-0":
        ("refused", LINE),
    "crs:920100-13-0":
        ("refused", LINE),
    "crs:920170-4-0":
        ("rebuilt as GET / (0)", LENGTH),
    "crs:920430-4-0":
        ("refused", LINE),
    "crs:920430-5-0":
        ("rebuilt as GET / (0)", HTTP_09),
    "crs:920430-6-0":
        ("refused", LINE),
    "crs:920430-7-0":
        ("refused", LINE),
    "crs:920430-10-0":
        ("refused", LINE),
    "crs:921110-6-0":
        ("rebuilt as POST / (36), GET /b.html (0)", LENGTH),
    "crs:921140-1-0":
        ("refused", BARE_CR),
    "libhtp:test/files/03-post-urlencoded.t":
        ("rebuilt as POST /?qsp1=1&%20p%20q=2&u=Ivan+Risti%C4%87_I (12), GET / (0)", AFTER_CLOSE),
    "libhtp:test/files/100-auth-bearer.t":
        ("rebuilt as GET / (0)", BARE_LF),
    "libhtp:test/files/16-connect-extra.t":
        ("rebuilt as CONNECT www.feistyduck.com:80 (0), HEAD / (0)", REFUSED_TUNNEL),
    "libhtp:test/files/31-get-request-line-nul.t":
        ("rebuilt as GET /?p=%20\u0000%21 (0)", AS_SENT),
    "libhtp:test/files/37-invalid-request-2-t-e-and-c-l.t":
        ("rebuilt as POST / (12)", CODED),
    "libhtp:test/files/45-auth-digest-unquoted-username.t":
        ("rebuilt as GET / (0)", FOLDED),
    "libhtp:test/files/46-auth-digest-invalid-username.t":
        ("rebuilt as GET / (0)", FOLDED),
    "libhtp:test/files/62-post-no-body.t":
        ("rebuilt as POST / (0), GET / (0)", AFTER_CLOSE),
    "libhtp:test/files/99-expect-100.t":
        ("rebuilt as PUT /forbidden (14)", BARE_LF),
    "llhttp:test/request/content-length.md:444:request":
        ("refused", NO_BODY),
    "llhttp:test/request/content-length.md:519:request-lenient-optional-lf-after-cr":
        ("refused", BARE_CR),
    "llhttp:test/request/lenient-headers.md:82:request":
        ("rebuilt as GET /url (0)", AS_SENT),
    "llhttp:test/request/method.md:400:request":
        ("refused", RTSP),
}
