#!/usr/bin/env python3
"""web.py DIR PORT: a web server that says which version it is, as DIR/version says at its start.

`broken` is a version that does not start. Ends on SIGTERM once what it is answering is answered; DIR/pid holds its
process id. Who starts it again is web-keep.sh.
"""
import http.server
import os
import signal
import socketserver
import sys
import threading

folder, port = sys.argv[1], int(sys.argv[2])
with open(os.path.join(folder, "version"), encoding="ascii") as file:
    VERSION = file.read().strip()
if VERSION == "broken":
    sys.exit("this version does not start")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802, the name is http.server's
        body = f"{os.path.basename(folder)} {VERSION}\n".encode("ascii")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        """Says nothing: thousands of requests pass."""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 64


server = Server(("127.0.0.1", port), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
with open(os.path.join(folder, "pid"), "w", encoding="ascii") as file:
    file.write(f"{os.getpid()}\n")
server.serve_forever()
server.server_close()
