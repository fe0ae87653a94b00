#!/usr/bin/env python3
"""Fails on an #include that points up or sideways in the order of rooms (docs/architecture.md)."""
import pathlib
import re
import sys

# Highest first; rooms on one line do not include each other, unless ALSO allows it.
LEVELS = [
    ["app"],
    ["api", "cli", "metrics"],
    ["schedule", "alerts"],
    ["jobs", "http"],
    ["places"],
    ["snapshot", "zip", "restore", "store", "objects", "state", "auth", "settings", "logs", "notify", "datadir"],
    ["sqlite", "curl", "s3"],
    ["fs"],
    ["base"],
]
ALSO = {"s3": {"curl"}}
LEVEL = {room: depth for depth, rooms in enumerate(LEVELS) for room in rooms}
# Tests, and headers that are for tests: others don't include these.
TESTS = ("_test.cc", "_testing.h", "fuzz_entry.h")
# Test helpers are seen by tests only and may use what lies at or below sqlite.
TESTING_SEES = {"base", "fs", "sqlite", "testing"}
# One header describes what every store must do, for tests of stores.
TESTING_EXTRA = {"store_contract.h": {"store"}}

root = pathlib.Path(__file__).resolve().parent.parent
faults = []
for path in sorted(root.rglob("*.h")) + sorted(root.rglob("*.cc")):
    room = path.relative_to(root).parts[0]
    is_test = path.name.endswith(TESTS)
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([a-z0-9_]+)/(.*)"', line)
        if not match:
            continue
        target = match.group(1)
        where = f"{path.relative_to(root.parent)}:{number}"
        if room == "testing":
            if target not in TESTING_SEES | TESTING_EXTRA.get(path.name, set()):
                faults.append(f"{where}: testing/ must not include {target}/")
            continue
        if not is_test and (target == "testing" or match.group(2).endswith(TESTS)):
            faults.append(f"{where}: only tests may include {target}/{match.group(2)}")
            continue
        if target == "testing":
            continue
        if target == room:
            continue
        if target not in LEVEL or room not in LEVEL:
            faults.append(f"{where}: unknown room {target}/ (add it to rooms.py)")
        elif LEVEL[target] <= LEVEL[room] and target not in ALSO.get(room, set()):
            faults.append(f"{where}: {room}/ must not include {target}/")
for fault in faults:
    print(fault)
print(f"rooms: {len(faults)} includes point the wrong way")
sys.exit(1 if faults else 0)
