# Copyright: (c) 2026, kvmcloud.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's package server: files below a directory, and read-only views of sites outside for hosts without a route.

A program of its own with the standard library only: it goes on running when the lab command has ended.
usage: server.py ADDRESS PORT DIRECTORY [/path=https://site/path ...]
"""

from __future__ import annotations

import http.server
import shutil
import socket
import sys
import urllib.error
import urllib.request
from functools import partial

UPSTREAM_TIMEOUT = 30


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # apt fetches many files over one connection

    def __init__(self, *arguments: object, sites: dict[str, str], **options: object) -> None:
        self._sites = sites
        super().__init__(*arguments, **options)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        site = self._site()
        if site:
            self._pass_on(site)
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        site = self._site()
        if site:
            self._pass_on(site)
        else:
            super().do_HEAD()

    def list_directory(self, path: object) -> None:
        self.send_error(404, "Directories are not listed")

    def _site(self) -> str:
        for prefix, url in self._sites.items():
            if self.path.startswith(f"{prefix}/"):
                return url + self.path[len(prefix) :]
        return ""

    def _pass_on(self, url: str) -> None:
        request = urllib.request.Request(url, method=self.command)
        for header in ("If-Modified-Since", "Range", "If-Range"):
            if header in self.headers:
                request.add_header(header, self.headers[header])
        try:
            answer = urllib.request.urlopen(request, timeout=UPSTREAM_TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        except OSError as error:
            self.send_error(502, f"The site did not answer: {error}")
            return
        with answer:
            self.send_response(answer.status)
            for header in ("Content-Length", "Content-Range", "Content-Type", "Last-Modified"):
                if header in answer.headers:
                    self.send_header(header, answer.headers[header])
            if "Content-Length" not in answer.headers:
                self.close_connection = True
            self.end_headers()
            if self.command == "GET":
                shutil.copyfileobj(answer, self.wfile)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128  # many hosts at once
    address_family = socket.AF_INET


def main(address: str, port: str, directory: str, *routes: str) -> None:
    sites = dict(route.split("=", 1) for route in routes)
    Server((address, int(port)), partial(Handler, directory=directory, sites=sites)).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
