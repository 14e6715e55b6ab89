"""Runs a terminal program in a pseudo-terminal and counts what it costs. Python standard library, Linux only.

Every process that descends from this one is counted: it makes itself the reaper of orphans, so that session servers
that leave their parent are counted too.
"""
import ctypes
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import time

PR_SET_CHILD_SUBREAPER = 36
ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def slurp(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def descendants(root=None):
    """Process ids below `root` (this process), with their parents before them."""
    children = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = slurp(f"/proc/{name}/stat")
            if stat:
                parent = int(stat[stat.rindex(b")") + 2:].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, todo = [], [root or os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def status_number(pid, key):
    for line in slurp(f"/proc/{pid}/status").splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    return 0


class Cost:
    """Processor time, wakeups and memory of some processes, now."""

    def __init__(self, pids):
        self.at, self.tasks = time.monotonic(), {}
        self.peak_kib, self.share_kib, self.private_kib = 0, 0, 0
        for pid in pids:
            # Pages of the program that two processes have in common are counted once here, twice in the peak.
            for line in slurp(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith(b"Pss:"):
                    self.share_kib += int(line.split()[1])
                if line.startswith(b"Private_Dirty:"):
                    self.private_kib += int(line.split()[1])
            self.peak_kib += status_number(pid, b"VmHWM:")
            try:
                tasks = os.listdir(f"/proc/{pid}/task")
            except OSError:
                continue
            for task in tasks:
                run = slurp(f"/proc/{pid}/task/{task}/schedstat").split()
                cpu = int(run[0]) / 1e9 if run else 0
                self.tasks[task] = cpu, status_number(f"{pid}/task/{task}", b"voluntary_ctxt_switches:")

    def since(self, before):
        """What those cost that are still there: a thread that has ended takes along what it had cost before."""
        span = self.at - before.at
        cpu = wakeups = 0
        for task, (now_cpu, now_wakeups) in self.tasks.items():
            then_cpu, then_wakeups = before.tasks.get(task, (0, 0))
            cpu, wakeups = cpu + now_cpu - then_cpu, wakeups + now_wakeups - then_wakeups
        return {"cpu_percent": 100 * cpu / span, "wakeups": wakeups / span}


class Visible:
    """A scanner that says when the first visible character goes by."""

    def __init__(self):
        self.inside = ""

    def feed(self, data):
        for byte in data:
            if self.inside == "":
                if byte == 0x1B:
                    self.inside = "escape"
                elif byte > 0x20 and byte != 0x7F:
                    return True
            elif self.inside == "escape":
                self.inside = "control" if byte == 0x5B else "string" if byte in (0x5D, 0x50, 0x5F, 0x5E) else ""
            elif self.inside == "control":
                if 0x40 <= byte <= 0x7E:
                    self.inside = ""
            elif byte == 7:
                self.inside = ""
            elif byte == 0x1B:
                self.inside = "escape"
        return False


class Program:
    """A program in a pseudo-terminal of its own."""

    def __init__(self, argv, size=(200, 50), env=None, term="xterm-256color"):
        columns, rows = size
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TMUX")}
        environment.update(TERM=term, COLORTERM="truecolor", LC_ALL="C.UTF-8", **(env or {}))
        self.chunks, self.bytes, self.first_paint, self.exit = [], 0, None, None
        self.scanner, self.started = Visible(), time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for fd in (0, 1, 2):
                    os.dup2(slave, fd)
                os.closerange(3, 256)
                os.execvpe(argv[0], argv, environment)
            finally:
                os._exit(127)
        os.close(slave)
        os.set_blocking(self.master, False)

    def read(self, until, stop=False):
        """Reads until a time; with `stop` until something came. Returns when the last bytes came, or None."""
        last = None
        while True:
            wait = until - time.monotonic()
            if wait <= 0 and last is not None or wait < -0.001:
                return last
            ready, _, _ = select.select([self.master], [], [], max(wait, 0))
            now = time.monotonic()
            if not ready:
                return last
            try:
                data = os.read(self.master, 65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.reap()
                return last
            self.chunks.append((now - self.started, data))
            self.bytes += len(data)
            last = now
            # Answers to the questions programs ask a terminal: what it is, and where the cursor stands.
            if b"\x1b[c" in data or b"\x1b[0c" in data:
                self.send(b"\x1b[?62;22c")
            if b"\x1b[6n" in data:
                self.send(b"\x1b[1;1R")
            if self.first_paint is None and self.scanner.feed(data):
                self.first_paint = now - self.started
            if stop:
                return last

    def read_for(self, seconds):
        return self.read(time.monotonic() + seconds)

    def quiet(self, gap=0.15, most=5.0):
        """Reads until nothing came for `gap` seconds; returns the time of the last bytes since the start."""
        end = time.monotonic() + most
        if not self.chunks:
            self.read(end, stop=True)
        while time.monotonic() < end:
            if self.read(time.monotonic() + gap, stop=True) is None:
                break
        return self.chunks[-1][0] if self.chunks else None

    def wait_text(self, text, most=15.0):
        """Reads until the bytes so far hold `text`; returns the time since the start, or None."""
        end = time.monotonic() + most
        seen = b"".join(d for _, d in self.chunks)
        while text not in seen:
            if time.monotonic() > end or self.exit is not None:
                return None
            at = len(self.chunks)
            self.read(time.monotonic() + 0.2, stop=True)
            seen = seen[-4096:] + b"".join(d for _, d in self.chunks[at:])
        return time.monotonic() - self.started

    def send(self, data):
        os.write(self.master, data)

    def key(self, data, most=1.0, gap=0.006):
        """Sends a key; returns (seconds to the first byte, seconds to the end of the answer, bytes), or None."""
        self.read(time.monotonic() + 0.0005)
        before, at = self.bytes, time.monotonic()
        self.send(data)
        first = self.read(at + most, stop=True)
        if first is None:
            return None
        last = first
        while True:
            more = self.read(time.monotonic() + gap, stop=True)
            if more is None:
                return first - at, last - at, self.bytes - before
            last = more

    def redraw(self, most=2.0):
        """Asks for every cell anew; returns the bytes from the clearing of the screen to the end of that frame."""
        at, end = len(self.chunks), time.monotonic() + most
        self.send(b"\x0c")
        while time.monotonic() < end:
            self.read(time.monotonic() + 0.1, stop=True)
            sent = b"".join(data for _, data in self.chunks[at:])
            start = sent.find(b"\x1b[2J")
            # A full frame is always marked as one update.
            stop = sent.find(b"\x1b[?2026l", max(start, 0))
            if start >= 0 and stop >= 0:
                return stop - start
        return None

    def reap(self):
        if self.exit is None:
            try:
                pid, code = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                pid, code = self.pid, 0
            if pid:
                self.exit = code
        return self.exit

    def end(self, keys=b""):
        if keys:
            self.send(keys)
            self.read_for(0.3)
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self.reap() is None:
                try:
                    os.kill(self.pid, number)
                except OSError:
                    pass
                end = time.monotonic() + 1
                while self.reap() is None and time.monotonic() < end:
                    self.read_for(0.02)
                    time.sleep(0.005)
        os.close(self.master)


def run_reaping(argv):
    """Runs a command that waits for processes which are ours to bury: until they are, they look alive to it."""
    command = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    while command.poll() is None:
        for pid in descendants():
            stat = slurp(f"/proc/{pid}/stat")
            state, parent = stat[stat.rfind(b")") + 2:].split()[:2] if stat else (b"", b"0")
            if state == b"Z" and int(parent) == os.getpid() and pid != command.pid:
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.05)


def end_all():
    """Kills what this process started and still runs."""
    for pid in reversed(descendants()):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
