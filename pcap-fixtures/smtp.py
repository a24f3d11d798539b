#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""SMTP: a mail is handed over; both directions, and each alone. A server that greets with 220 and doesn't say SMTP is
not taken for one: FTP greets so, too."""

from recipe import Capture, Client, dialogue

capture = Capture(__file__)
dialogue(capture, 25, [
    ("S", b"220 mail.example.com ESMTP Postfix (Debian/GNU)\r\n"),
    ("C", b"EHLO shop.example.com\r\n"),
    ("S", b"250-mail.example.com\r\n250-SIZE 10240000\r\n250 8BITMIME\r\n"),
    ("C", b"MAIL FROM:<orders@shop.example.com>\r\nRCPT TO:<a@example.net>\r\nDATA\r\n"),
    ("S", b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n"),
    ("C", b"Subject: your order\r\n\r\nhas been sent\r\n.\r\nQUIT\r\n"),
    ("S", b"250 2.0.0 Ok: queued as 4XyZ\r\n221 2.0.0 Bye\r\n"),
])
client = Client(51010, dport=21)
syn, syn_ack, _ = client.open(both=True)
capture.add([syn_ack, *client.reply(b"220 (vsFTPd 3.0.3)\r\n"), *client.server_fin()])
capture.save(requests_started=0, streams_smtp=4, streams_unknown=1, streams_http1=0, flows_opened=4)
