#!/usr/bin/env python3
"""Turns a file into a C array: embed.py INPUT OUTPUT NAME. Meson runs it while building."""
import sys

source, target, name = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
with open(target, "w", encoding="ascii") as out:
    out.write(f"static const char {name}[] = {{")
    for at in range(0, len(data), 20):
        out.write("\n" + "".join(f"{byte}," for byte in data[at:at + 20]))
    out.write("\n};\n")
