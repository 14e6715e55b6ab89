"""Row 18: how long it takes from the deciding sample to the hold on every screen, and to the first undo of an automatic rollback.

The metrics server is made here, so that the moment the deciding answer leaves is known to the microsecond; the undo writes
down when it began. Both ends read one clock.
"""
import http.server
import json
import os
import select
import statistics
import threading
import time
import urllib.parse

TERMINALS = 3
RUNBOOK = """# Measure a guard

```promql guard id=level crit="> 10" stale_after=30s on_breach=%s
level
```

## Work

- [ ] Change something
  ```sh run
  true
  ```
  ```sh undo
  exec date +%%s%%N > "%s"
  ```
- [ ] Change something else
  ```sh run
  sleep 60
  ```
"""


class Metrics:
    """Answers every query with one number, and knows when it first told the bad one."""

    def __init__(self):
        self.value, self.told = 1, None
        outer = self

        class Answers(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                value = outer.value
                path = urllib.parse.urlparse(self.path).path
                if path.endswith("/query"):
                    result = [{"metric": {}, "value": [time.time(), str(value)]}]
                    data = {"resultType": "vector", "result": result}
                elif path.endswith("/query_range"):
                    data = {"resultType": "matrix", "result": []}
                elif path.endswith("/alerts"):
                    data = {"alerts": []}
                else:
                    data = {"version": "3.0.0", "groups": [], "activeTargets": [], "droppedTargets": []}
                body = json.dumps({"status": "success", "data": data}).encode()
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                self.wfile.write(head.encode() + body)
                self.wfile.flush()
                if path.endswith("/query") and value > 10 and outer.told is None:
                    outer.told = time.time_ns()

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.do_GET()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"


def breach(bench, metrics, clients, text):
    """Lets the guard break; gives when each terminal was sent `text`, in nanoseconds of the wall clock."""
    for client in clients:
        client.read_for(0.05)
    marks = {client.master: b"" for client in clients}
    shown = {}
    metrics.told, metrics.value = None, 99
    end = time.monotonic() + 10
    while len(shown) < len(clients) and time.monotonic() < end:
        ready, _, _ = select.select(list(marks), [], [], 0.2)
        now = time.time_ns()
        for master in ready:
            try:
                marks[master] += os.read(master, 65536)
            except OSError:
                continue
            if text in marks[master]:
                shown.setdefault(master, now)
    metrics.value = 1
    return [shown.get(client.master) for client in clients]


def one(bench, metrics, number, on_breach):
    """One session: milliseconds to the text on the slowest terminal, and to the first undo (None where there is none)."""
    name, undo = f"guard{number}", f"{bench.dir}/undo{number}"
    path = f"{bench.dir}/{name}.md"
    with open(path, "w") as f:
        f.write(RUNBOOK % (on_breach, undo))
    bench.call("guard.toml", "run", "-d", "-t", name, path)
    bench.sessions[name] = "guard.toml"
    clients = [bench.attach("guard.toml", name) for _ in range(TERMINALS)]
    for client in clients:
        client.read_for(0.7)
    # Begin, run the first step to its end, start the second one: it runs when the guard breaks.
    for key in (b"B", b"y", b"f", b"s", b"f", b"s"):
        clients[0].send(key)
        for client in clients:
            client.read_for(0.4)
    # The words of the header and of the feed differ in more cells than these.
    shown = breach(bench, metrics, clients, b"HOLD" if on_breach == "hold" else b"ROLL")
    told = metrics.told
    end, began = time.monotonic() + 5, None
    while on_breach == "rollback" and began is None and time.monotonic() < end:
        try:
            with open(undo) as f:
                began = int(f.read() or 0) or None
        except OSError:
            pass
        time.sleep(0.01)
    for client in clients:
        client.end(b"\x02d")
    bench.stop(name)
    if told is None or None in shown:
        return None, None
    to_undo = None if began is None else (began - told) / 1e6
    return (max(shown) - told) / 1e6, to_undo


def measure(bench, options, table):
    metrics = Metrics()
    bench.write_config("guard.toml", f'[connect.prometheus.main]\nurl = "{metrics.url}"\nevery = "1s"\nhistory = "0s"\n')
    holds = [one(bench, metrics, n, "hold") for n in range(options.repeat)]
    backs = [one(bench, metrics, 100 + n, "rollback") for n in range(options.repeat)]
    shown = [hold for hold, _ in holds if hold is not None]
    undone = [undo for _, undo in backs if undo is not None]
    for what, values, limit in [(f"hold on {TERMINALS} terminals", shown, 50), ("first undo process", undone, 100)]:
        table.row("18", f"guard: deciding sample to {what}", statistics.median(values) if values else None, "ms", None, limit)
    missed = 2 * options.repeat - len(shown) - len(undone)
    table.row("18", "  breaches without an effect in time", missed, "", None, 0)
