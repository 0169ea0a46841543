#!/usr/bin/env python3
"""Draws docs/data-flow.svg, the picture of docs/architecture.md.

    docs/data-flow.py > docs/data-flow.svg

A band is a group of folders, a box is a step or a store, an arrow is data that moves.
"""

from xml.sax.saxutils import escape

WIDTH = 900
COLUMNS = (128, 322, 516, 710)  # left edges
BOX = 170
FILL = {"outside": "#f1f1ee", "step": "#dceafb", "store": "#fdebd3", "model": "#dff2e1", "mount": "#ece3f8"}
STROKE = {"outside": "#9a9a92", "step": "#4d7fb8", "store": "#c58a3a", "model": "#57995d", "mount": "#8464b5"}

# (top, height, what it says at the left)
BANDS = ((8, 76, ("outside",)),
         (92, 90, ("discovery", "settings")),
         (190, 104, ("scan", "sources", "history", "cache")),
         (302, 172, ("billing", "catalog, teams", "sums, budgets", "streams", "", "(under the lock)")),
         (482, 66, ("documents",)),
         (556, 104, ("fs/inodes", "fs/serve", "fs/ops", "fs/watchers")),
         (668, 84, ("outside",)))

# (name, left, top, width, height, kind, title, lines)
BOXES = (
    ("agent", COLUMNS[0], 18, BOX, 56, "outside", "An agent", ("appends a line",)),
    ("file", COLUMNS[1], 18, BOX, 56, "outside", "Transcript", ("JSON lines",)),
    ("user", COLUMNS[3], 18, BOX, 56, "outside", "The user's files", ("okstrafs.json, prices.json",)),
    ("queue", COLUMNS[0], 102, BOX, 70, "step", "inotify queues", ("all in one epoll set:", "unchanged = 1 epoll_wait")),
    ("dirty", COLUMNS[1], 102, BOX, 70, "step", "Dirty transcripts", ("a sync scans them",)),
    ("settings", COLUMNS[3], 102, BOX, 70, "step", "Settings", ("prices, budgets",)),
    ("cache", COLUMNS[0], 200, BOX, 84, "store", "Caches, snapshot", ("where the last scan", "ended, and its rows")),
    ("scan", COLUMNS[1], 200, BOX, 84, "step", "Scan", ("read from the cursor,", "find lines, walk JSON")),
    ("reader", COLUMNS[2], 200, BOX, 84, "step", "Source's reader", ("one of each agent:", "line to record")),
    ("history", COLUMNS[3], 200, BOX, 84, "step", "History", ("record to event and", "request (rows)")),
    ("sums", COLUMNS[0], 312, 364, 84, "model", "Sums, timeline, streams",
     ("running totals by session, project, model, agent ...", "rows of days and hours; requests as lines")),
    ("billing", COLUMNS[2], 312, BOX, 84, "model", "Billing", ("each request once,", "over all transcripts")),
    ("commit", COLUMNS[3], 312, BOX, 84, "model", "Commit", ("puts the rows of a", "scan in place")),
    ("budgets", COLUMNS[2], 410, BOX, 54, "model", "Budgets", ("spent against limits",)),
    ("catalog", COLUMNS[3], 410, BOX, 54, "model", "Catalog, teams", ("who belongs to whom",)),
    ("document", COLUMNS[0], 492, 752, 46, "step", "Document", ("JSON of (model, target, window of time), rendered if a version changed",)),
    ("generation", COLUMNS[0], 566, BOX, 84, "mount", "Generation", ("one inode for each", "content of a document")),
    ("pages", COLUMNS[1], 566, BOX, 84, "mount", "Kernel's page cache", ("filled before the", "open is answered")),
    ("notifier", COLUMNS[2], 566, BOX, 84, "mount", "Notifier", ("a thread: compares", "contents and names")),
    ("toucher", COLUMNS[3], 566, BOX, 84, "mount", "Toucher", ("a child process: makes", "system calls on the mount")),
    ("cat", COLUMNS[0], 678, 364, 64, "outside", "A reader: cat, a shell, an editor", ("its LOOKUP starts a sync (dashed)",)),
    ("watcher", COLUMNS[3], 678, BOX, 64, "outside", "Watchers", ("inotifywait, entr ...",)),
)

# (points, kind of line)
ARROWS = (
    (((298, 46), (322, 46)), "solid"),
    (((372, 74), (372, 88), (240, 88), (240, 102)), "solid"),  # transcript to queue
    (((298, 137), (322, 137)), "solid"),
    (((795, 74), (795, 102)), "solid"),
    (((407, 172), (407, 200)), "solid"),
    (((298, 242), (322, 242)), "both"),
    (((492, 242), (516, 242)), "solid"),
    (((686, 242), (710, 242)), "solid"),
    (((795, 284), (795, 312)), "solid"),
    (((710, 354), (686, 354)), "solid"),
    (((516, 354), (492, 354)), "solid"),
    (((795, 396), (795, 410)), "solid"),
    (((601, 396), (601, 410)), "solid"),
    (((710, 137), (698, 137), (698, 326), (686, 326)), "solid"),  # settings to billing
    (((310, 396), (310, 492)), "solid"),
    (((601, 464), (601, 492)), "solid"),
    (((795, 464), (795, 492)), "solid"),
    (((213, 538), (213, 566)), "solid"),
    (((601, 538), (601, 566)), "solid"),
    (((298, 608), (322, 608)), "solid"),
    (((686, 608), (710, 608)), "solid"),
    (((407, 650), (407, 678)), "solid"),
    (((795, 650), (795, 678)), "solid"),
    (((128, 710), (112, 710), (112, 137), (128, 137)), "dashed"),
)


def text(x, y, string, size, weight="normal", fill="#222", anchor="middle"):
    return (f'<text x="{x}" y="{y}" font-size="{size}" font-weight="{weight}" fill="{fill}" '
            f'text-anchor="{anchor}">{escape(string)}</text>')


def band(top, height, names):
    yield f'<rect x="4" y="{top}" width="{WIDTH - 8}" height="{height}" rx="6" fill="#fafafa" stroke="#e2e2e2"/>'
    y = top + height / 2 - 7 * (len(names) - 1) + 4
    for i, name in enumerate(names):
        yield text(12, y + 14 * i, name, 11.5, fill="#666", anchor="start")


def box(_, left, top, width, height, kind, title, lines):
    yield (f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="5" fill="{FILL[kind]}" '
           f'stroke="{STROKE[kind]}" stroke-width="1.2"/>')
    middle = left + width / 2
    y = top + height / 2 - 8 * len(lines) + 5
    yield text(middle, y, title, 13.5, "bold")
    for i, line in enumerate(lines, 1):
        yield text(middle, y + 16 * i, line, 12, fill="#444")


def arrow(points, kind):
    path = " ".join(f"{'ML'[i > 0]}{x} {y}" for i, (x, y) in enumerate(points))
    dash = ' stroke-dasharray="5 4"' if kind == "dashed" else ""
    start = ' marker-start="url(#back)"' if kind == "both" else ""
    yield f'<path d="{path}" fill="none" stroke="#555" stroke-width="1.4"{dash}{start} marker-end="url(#head)"/>'


def main():
    height = BANDS[-1][0] + BANDS[-1][1] + 8
    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
          'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif">')
    print('<defs><marker id="head" markerWidth="8" markerHeight="8" refX="6.5" refY="3.5" orient="auto">'
          '<path d="M0 0L7 3.5L0 7z" fill="#555"/></marker>'
          '<marker id="back" markerWidth="8" markerHeight="8" refX="0.5" refY="3.5" orient="auto">'
          '<path d="M7 0L0 3.5L7 7z" fill="#555"/></marker></defs>')
    print(f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>')
    for drawer, things in ((band, BANDS), (box, BOXES), (arrow, ARROWS)):
        for thing in things:
            print("\n".join(drawer(*thing)))
    print("</svg>")


if __name__ == "__main__":
    main()
