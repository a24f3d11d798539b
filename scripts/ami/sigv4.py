# SPDX-License-Identifier: Apache-2.0
"""Signs a request to an AWS API: Signature Version 4, as "Create a signed AWS API request" of the IAM User Guide has it.
Part of the machine image, which so needs no SDK."""

import datetime
import hashlib
import hmac
import urllib.parse

ALGORITHM = "AWS4-HMAC-SHA256"


def form(parameters):
    """A query API's parameters as a body."""
    return urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote, safe="-_.~").encode("ascii")


def signed_headers(url, body, service, region, credentials, now=None):
    """The header fields of a POST of a form to the root of `url`. Credentials are those of IMDS, `now` is UTC."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Host": urllib.parse.urlsplit(url).netloc,
        "X-Amz-Date": stamp,
        "X-Amz-Security-Token": credentials["Token"],
    }
    names = ";".join(sorted(name.lower() for name in headers))
    canonical = "".join(f"{name.lower()}:{value}\n" for name, value in sorted(headers.items(), key=lambda item: item[0].lower()))
    request = f"POST\n/\n\n{canonical}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"{ALGORITHM}\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials['SecretAccessKey']}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return headers | {"Authorization": f"{ALGORITHM} Credential={credentials['AccessKeyId']}/{scope}, "
                                       f"SignedHeaders={names}, Signature={signature}"}
