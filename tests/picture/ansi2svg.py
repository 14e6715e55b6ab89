#!/usr/bin/env python3
"""ansi2svg: draw a captured terminal screen as an SVG picture.

    tmux capture-pane -e -p | ansi2svg.py COLUMNS ROWS >screen.svg

Every cell has its own place on a grid, so that box drawing lines meet and columns stay columns whatever font the
viewer has. Lines, blocks and braille are drawn as shapes, not as text, because fonts disagree about them most.
Understands the SGR codes that tmux prints: 16, 256 and 24-bit colours, bold, dim, italic, underline, reverse, strike.
Python 3 standard library only.
"""
import html
import re
import sys
import unicodedata

CELL_W, CELL_H, BASELINE, FONT = 8.4, 18.0, 13.4, 14
MARGIN = 12
BACKGROUND, FOREGROUND = "#11141a", "#d3d7de"
# The sixteen colours of the terminal in the picture.
SIXTEEN = ["#1c1f26", "#e5646b", "#7fc26b", "#e0b15a", "#6aa3e8", "#c586d8", "#56b6c2", "#c8ccd4",
           "#6b7280", "#ff8087", "#9fdc8b", "#f5cf7a", "#8fbdf5", "#dca6ea", "#7fd4dd", "#ffffff"]
FAMILY = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
SGR = re.compile(r"\x1b\[([0-9;:]*)m")
OTHER = re.compile(r"\x1b(\[[0-9;?]*[A-Za-ln-z]|\][^\x07\x1b]*(\x07|\x1b\\)|\(.|[=>])|[\x0e\x0f]")


def indexed(n):
    """Colour of the 256-colour palette as #rrggbb."""
    if n < 16:
        return SIXTEEN[n]
    if n >= 232:
        return "#" + "%02x" % (8 + 10 * (n - 232)) * 3
    levels = (0, 95, 135, 175, 215, 255)
    n -= 16
    return "#%02x%02x%02x" % (levels[n // 36], levels[n // 6 % 6], levels[n % 6])


class Pen:
    """What the last SGR codes have set."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.fg = self.bg = None
        self.bold = self.dim = self.italic = self.underline = self.reverse = self.strike = False

    def look(self):
        fg, bg = self.fg or FOREGROUND, self.bg
        if isinstance(fg, int):
            fg = indexed(fg + 8 if self.bold and fg < 8 else fg)
        if isinstance(bg, int):
            bg = indexed(bg)
        if self.reverse:
            fg, bg = bg or BACKGROUND, fg
        return (fg, bg, self.bold, self.dim, self.italic, self.underline, self.strike)

    def take(self, codes):
        numbers = [int(c) if c else 0 for c in re.split("[;:]", codes)] if codes else [0]
        at = 0
        while at < len(numbers):
            at += self.one(numbers, at)

    def one(self, n, at):
        """Takes the code at `at`; returns how many numbers it used."""
        c = n[at]
        if c == 0:
            self.clear()
        elif c in (38, 48):
            kind = n[at + 1] if at + 1 < len(n) else 0
            if kind == 5 and at + 2 < len(n):
                # Only the short codes of the eight colours are brightened by bold.
                value, used = indexed(n[at + 2]), 3
            elif kind == 2 and at + 4 < len(n):
                value, used = "#%02x%02x%02x" % tuple(n[at + 2:at + 5]), 5
            else:
                return len(n) - at
            if c == 38:
                self.fg = value
            else:
                self.bg = value
            return used
        elif 30 <= c <= 37:
            self.fg = c - 30
        elif 90 <= c <= 97:
            self.fg = c - 90 + 8
        elif 40 <= c <= 47:
            self.bg = c - 40
        elif 100 <= c <= 107:
            self.bg = c - 100 + 8
        elif c == 39:
            self.fg = None
        elif c == 49:
            self.bg = None
        elif c in (1, 2, 3, 4, 7, 9):
            setattr(self, {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}[c], True)
        elif c == 22:
            self.bold = self.dim = False
        elif c in (23, 24, 27, 29):
            setattr(self, {23: "italic", 24: "underline", 27: "reverse", 29: "strike"}[c], False)
        return 1


def width(char):
    if unicodedata.combining(char) or char in "\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cells(text, columns, rows):
    """The screen as rows of (character, look), a wide character followed by None."""
    pen, out = Pen(), []
    blank = (" ", Pen().look())
    for line in text.split("\n")[:rows]:
        row, at = [], 0
        line = OTHER.sub("", line.rstrip("\r"))
        while at < len(line):
            m = SGR.match(line, at)
            if m:
                pen.take(m.group(1))
                at = m.end()
                continue
            char, wide = line[at], width(line[at])
            at += 1
            if wide == 0 and row:
                last = row[-1] or row[-2]
                row[-1 if row[-1] else -2] = (last[0] + char, last[1])
            elif wide and char >= " ":
                row.append((char, pen.look()))
                row.extend([None] * (wide - 1))
        row = row[:columns]
        out.append(row + [blank] * (columns - len(row)))
    while len(out) < rows:
        out.append([blank] * columns)
    return out


# Arms of a box drawing character: up, right, down, left; 1 light, 2 heavy, 3 double.
ARMS = {
    "─": "0101", "━": "0202", "│": "1010", "┃": "2020", "┌": "0110", "┐": "0011", "└": "1100", "┘": "1001",
    "├": "1110", "┤": "1011", "┬": "0111", "┴": "1101", "┼": "1111", "╭": "0110", "╮": "0011", "╰": "1100",
    "╯": "1001", "┏": "0220", "┓": "0022", "┗": "2200", "┛": "2002", "┣": "2220", "┫": "2022", "┳": "0222",
    "┻": "2202", "╋": "2222", "═": "0303", "║": "3030", "╔": "0330", "╗": "0033", "╚": "3300", "╝": "3003",
    "╠": "3330", "╣": "3033", "╦": "0333", "╩": "3303", "╬": "3333", "╴": "0001", "╵": "1000", "╶": "0100",
    "╷": "0010", "╸": "0002", "╹": "2000", "╺": "0200", "╻": "0020", "╼": "0201", "╾": "0102",
}
DASHED = {"┄": "─", "┈": "─", "╌": "─", "┆": "│", "┊": "│", "╎": "│"}
ROUND = {"╭": (1, 1), "╮": (-1, 1), "╰": (1, -1), "╯": (-1, -1)}


def rect(x, y, w, h, fill):
    return '<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s"/>' % (x, y, w, h, fill)


def box(char, x, y, color):
    """Shapes of a box drawing character."""
    dash = ""
    if char in DASHED:
        char, dash = DASHED[char], ' stroke-dasharray="2.1 2.1"'
    arms = ARMS.get(char)
    if not arms:
        return None
    cx, cy = x + CELL_W / 2, y + CELL_H / 2
    if char in ROUND:
        dx, dy = ROUND[char]
        return '<path d="M%.2f %.2fQ%.2f %.2f %.2f %.2f" stroke="%s" stroke-width="1.2" fill="none"/>' % (
            cx + dx * CELL_W / 2, cy, cx, cy, cx, cy + dy * CELL_H / 2, color)
    ends = [(cx, y), (x + CELL_W, cy), (cx, y + CELL_H), (x, cy)]
    out = []
    for (ex, ey), weight in zip(ends, arms):
        if weight == "0":
            continue
        shifts = [0] if weight != "3" else [-1.5, 1.5]
        for shift in shifts:
            sx, sy = (shift, 0) if ex == cx else (0, shift)
            out.append('<path d="M%.2f %.2fL%.2f %.2f" stroke="%s" stroke-width="%s"%s/>' % (
                cx + sx, cy + sy, ex + sx, ey + sy, color, "2.4" if weight == "2" else "1.2", dash))
    return "".join(out)


def block(char, x, y, color):
    """Shapes of block elements and braille."""
    code = ord(char)
    if 0x2581 <= code <= 0x2588:
        h = CELL_H * (code - 0x2580) / 8
        return rect(x, y + CELL_H - h, CELL_W, h, color)
    if 0x2589 <= code <= 0x258F:
        return rect(x, y, CELL_W * (0x2590 - code) / 8, CELL_H, color)
    if char == "▀":
        return rect(x, y, CELL_W, CELL_H / 2, color)
    if char == "▐":
        return rect(x + CELL_W / 2, y, CELL_W / 2, CELL_H, color)
    if char in "░▒▓":
        return '<g opacity="%s">%s</g>' % ({"░": .25, "▒": .5, "▓": .75}[char], rect(x, y, CELL_W, CELL_H, color))
    if 0x2596 <= code <= 0x259F:
        quarters = {0x2596: 4, 0x2597: 8, 0x2598: 1, 0x2599: 13, 0x259A: 9, 0x259B: 7, 0x259C: 11, 0x259D: 2,
                    0x259E: 6, 0x259F: 14}[code]
        return "".join(rect(x + CELL_W / 2 * (i % 2), y + CELL_H / 2 * (i // 2), CELL_W / 2, CELL_H / 2, color)
                       for i in range(4) if quarters & 1 << i)
    if 0x2800 <= code <= 0x28FF:
        places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
        return "".join('<circle cx="%.2f" cy="%.2f" r="1.25" fill="%s"/>' % (
            x + CELL_W * (0.27 + 0.46 * px), y + CELL_H * (0.14 + 0.24 * py), color)
            for bit, (px, py) in enumerate(places) if code - 0x2800 & 1 << bit)
    return None


def words(text, look, x, y):
    fg, _, bold, dim, italic, underline, strike = look
    style = "".join(part for part, on in [
        (' font-weight="bold"', bold), (' opacity="0.6"', dim), (' font-style="italic"', italic),
        (' text-decoration="underline"', underline), (' text-decoration="line-through"', strike)] if on)
    # textLength keeps a run on the grid in a viewer that has another font.
    total = sum(width(c) for c in text) * CELL_W
    return '<text x="%.2f" y="%.2f" fill="%s"%s textLength="%.2f" lengthAdjust="spacingAndGlyphs" xml:space="preserve">%s</text>' % (
        x, y + BASELINE, fg, style, total, html.escape(text, quote=False))


def row_shapes(row, top):
    """Backgrounds, then shapes and words of one row."""
    under, over, run, at = [], [], "", 0
    run_look, run_x = None, 0.0

    def flush():
        nonlocal run
        if run.strip():
            lead = len(run) - len(run.lstrip(" "))
            over.append(words(run.strip(" "), run_look, run_x + lead * CELL_W, top))
        run = ""

    while at < len(row):
        cell = row[at]
        if cell is None:
            at += 1
            continue
        text, look = cell
        x = MARGIN + at * CELL_W
        span = 2 if at + 1 < len(row) and row[at + 1] is None else 1
        if look[1]:
            # A hair wider than the cell: else viewers show seams between neighbours.
            under.append((x, span * CELL_W, look[1]))
        if text == "─":
            # A border is one line, not a hundred.
            end = at
            while end < len(row) and row[end] == cell:
                end += 1
            flush()
            if look[1] and end > at + 1:
                under.append((x + CELL_W, (end - at - 1) * CELL_W, look[1]))
            line = '<path d="M%.2f %.2fH%.2f" stroke="%s" stroke-width="1.2"/>' % (
                x, top + CELL_H / 2, MARGIN + end * CELL_W, look[0])
            over.append(line if not look[3] else '<g opacity="0.6">%s</g>' % line)
            at = end
            continue
        shape = box(text, x, top, look[0]) or (block(text, x, top, look[0]) if len(text) == 1 else None)
        if shape:
            flush()
            over.append(shape if not look[3] else '<g opacity="0.6">%s</g>' % shape)
        elif text == " " and not look[5]:
            run += " " if run else ""
        else:
            plain = text.isascii()
            if not run or look != run_look or not plain:
                flush()
                run_look, run_x = look, x
            run += text
            if not plain:
                flush()
        at += span
    flush()
    merged = []
    for x, w, color in under:
        if merged and merged[-1][2] == color and abs(merged[-1][0] + merged[-1][1] - x) < 0.01:
            merged[-1] = (merged[-1][0], merged[-1][1] + w, color)
        else:
            merged.append((x, w, color))
    return "".join(rect(x, top, w + 0.2, CELL_H + 0.2, color) for x, w, color in merged), "".join(over)


def ground(grid):
    """Background of most cells, so that the margin of the picture belongs to the screen."""
    looks = [cell[1][1] for row in grid for cell in row if cell]
    return max(set(looks), key=looks.count) or BACKGROUND


def main():
    columns, rows = int(sys.argv[1]), int(sys.argv[2])
    text = sys.stdin.buffer.read().decode("utf-8", "replace")
    grid = cells(text, columns, rows)
    w, h = columns * CELL_W + 2 * MARGIN, rows * CELL_H + 2 * MARGIN
    parts = [row_shapes(row, MARGIN + i * CELL_H) for i, row in enumerate(grid)]
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.2f %.2f" '
          'font-family="%s" font-size="%s">' % (w, h, w, h, FAMILY, FONT))
    print('<rect width="100%%" height="100%%" rx="8" fill="%s"/>' % ground(grid))
    for under, over in parts:
        if under:
            print(under)
        if over:
            print(over)
    print("</svg>")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main()
