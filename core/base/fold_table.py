#!/usr/bin/env python3
"""Writes core/base/fold_table.h: what fold.c has to know of Unicode.

    python3 core/base/fold_table.py > core/base/fold_table.h

Everything is asked of this interpreter's own str.lower(), since that is the function to be matched: the
lower-case form of every character, and the two classes that decide on a final sigma, seen by how a sigma
comes out behind them. The result belongs to the Unicode version named in it.
"""
import sys
import unicodedata

SIGMA, FINAL = "\u03a3", "\u03c2"
CODES = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def mappings():
    """(code, lower) of all that change; only U+0130 becomes two characters, and fold.c knows it."""
    for code in CODES:
        lower = chr(code).lower()
        if len(lower) != 1:
            assert code == 0x130 and lower == "i\u0307", hex(code)
        elif lower != chr(code):
            yield code, ord(lower)


def is_cased(code):
    return (chr(code) + SIGMA).lower().endswith(FINAL)


def is_ignorable(code):
    return not is_cased(code) and ("a" + chr(code) + SIGMA).lower().endswith(FINAL)


def steps(pairs):
    """Joins mappings of one distance whose codes follow each other by 1 or by 2."""
    out = []
    for code, lower in pairs:
        delta = lower - code
        if out and out[-1][3] == delta:
            first, last, step, _ = out[-1]
            if code - last in (1, 2) and step in (0, code - last):
                out[-1] = [first, code, code - last, delta]
                continue
        out.append([code, code, 0, delta])
    return [(first, last, step or 1, delta) for first, last, step, delta in out]


def spans(member):
    out = []
    for code in CODES:
        if not member(code):
            continue
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def print_table(declaration, rows):
    print(f"\nstatic const {declaration}[] = {{")
    line = "   "
    for row in rows:
        item = " {" + ", ".join(row) + "},"
        if len(line) + len(item) > 108:
            print(line)
            line = "   "
        line += item
    print(line + "\n};")


def main():
    assert (chr(0x130) + "x").lower() == "i\u0307x"
    print(f"/* Written by core/base/fold_table.py from Unicode {unicodedata.unidata_version}. Do not edit. */")
    print("/* clang-format off */")
    print_table("struct lower_range lower_ranges",
                [(f"{first:#x}", f"{last:#x}", str(step), str(delta))
                 for first, last, step, delta in steps(mappings())])
    print_table("struct code_range cased_ranges", [(f"{a:#x}", f"{b:#x}") for a, b in spans(is_cased)])
    print_table("struct code_range ignorable_ranges", [(f"{a:#x}", f"{b:#x}") for a, b in spans(is_ignorable)])


if __name__ == "__main__":
    sys.exit(main())
