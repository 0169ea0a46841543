#!/usr/bin/env python3
"""Writes fs/report/width_table.h: the characters that take no column of a terminal, or two.

    python3 fs/report/width_table.py > fs/report/width_table.h

Two columns have those whose East Asian Width (UAX #11) is W or F. None have combining marks (general category Mn or Me)
and the vowels and final consonants of Hangul that join the one before.
"""
import sys
import unicodedata


def width(code):
    char = chr(code)
    if unicodedata.category(char) in ("Mn", "Me") or 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def spans(wanted):
    out = []
    for code in range(0x110000):
        if 0xD800 <= code <= 0xDFFF or width(code) != wanted:
            continue
        if out and out[-1][1] == code - 1:
            out[-1][1] = code
        else:
            out.append([code, code])
    return out


def print_table(name, ranges):
    print(f"\nstatic const struct code_range {name}[] = {{")
    line = "   "
    for first, last in ranges:
        item = f" {{{first:#x}, {last:#x}}},"
        if len(line) + len(item) > 108:
            print(line)
            line = "   "
        line += item
    print(line + "\n};")


def main():
    print(f"/* Written by fs/report/width_table.py from Unicode {unicodedata.unidata_version}. Do not edit. */")
    print("/* clang-format off */")
    print_table("no_column", spans(0))
    print_table("two_columns", spans(2))


if __name__ == "__main__":
    sys.exit(main())
