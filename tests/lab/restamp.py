#!/usr/bin/env python3
"""Copy a program with another version of the same length in it: a later patch release without a build.

  restamp.py FROM TO OLD NEW
"""
import os
import sys


def main():
    source, target, old, new = sys.argv[1:]
    if len(old) != len(new):
        sys.exit(f"{old} and {new} differ in length, and the places in the program would move")
    with open(source, "rb") as file:
        content = file.read()
    if old.encode() not in content:
        sys.exit(f"{source} does not contain {old}")
    with open(target, "wb") as file:
        file.write(content.replace(old.encode(), new.encode()))
    os.chmod(target, 0o755)


main()
