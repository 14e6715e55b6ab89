"""Servers that behave badly, for the rows about isolation: one hangs, one answers 50 MB, one floods 429."""
import http.server
import threading
import time

ANSWER_BYTES = 50 * 1024 * 1024
PART = b" " * 65536


class Hangs(http.server.BaseHTTPRequestHandler):
    """Takes every request and says nothing."""

    def do_GET(self):
        time.sleep(3600)

    do_POST = do_GET

    def log_message(self, *_):
        pass


class Huge(Hangs):
    """Answers every request with 50 MB that begin like JSON."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        try:
            self.wfile.write(b'{"status":"success","data":[')
            for _ in range(ANSWER_BYTES // len(PART)):
                self.wfile.write(PART)
        except OSError:
            pass  # the client has had enough, as it should

    do_POST = do_GET


class Floods(Hangs):
    """Refuses every request at once, and asks to be asked again in no time."""

    def do_GET(self):
        self.send_response(429)
        self.send_header("Retry-After", "0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET


def start():
    """Starts one of each; returns their addresses. They end with this process."""
    urls = {}
    for handler in (Hangs, Huge, Floods):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        urls[handler.__name__.lower()] = f"http://127.0.0.1:{server.server_address[1]}"
    return urls
