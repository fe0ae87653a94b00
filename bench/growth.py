#!/usr/bin/env python3
"""How time and memory grow with the size of the data and with the number of files, and what a second core brings.

    ./dev bench --growth                     everything, results in bench/results/growth.json, the plot in growth.svg
    ./dev bench --growth --only memory       a part: size, count, memory, cores; the others stay as they are in the JSON

size     half a data.db of text, half files of 170 kB that do not compress, 10 MB to 2 GB in all
count    1 to 100,000 files of 2 kB, each in a folder of its own as PocketBase has them
memory   peak memory of a backup and a restore, 100 MB to 20 GB; all but 100 MB of it are the zeros of one sparse file
cores    full backup and restore of bench.py's data on one processor and on all, and the CPU time of each thread

Medians; the page cache is warm, sync(1) runs before each command, and nothing is deleted between the commands of
one measurement (ext4 looks for other inodes than those that were deleted a short while ago, which takes longer than
all else).
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

from bench import PROGRAM, ROOT, fresh_data, make_data, run

RESULTS = ROOT / "bench/results"
MB = 1_000_000
SIZES = [10 * MB, 50 * MB, 200 * MB, 600 * MB, 2000 * MB]
COUNTS = [1, 100, 1000, 10_000, 100_000]
MEMORY = [100 * MB, 1000 * MB, 5000 * MB, 20_000 * MB]


def add_rows(data, target_bytes, rng):
    """Text by the megabyte: sentences of 3,000 made-up words, other ones in each row."""
    words = ["".join(rng.choices("etaoinshrdlucmfwyp", k=rng.randint(2, 9))) for _ in range(3000)]
    db = sqlite3.connect(data / "data.db", isolation_level=None)
    db.execute("CREATE TABLE IF NOT EXISTS posts (id INTEGER PRIMARY KEY, body TEXT)")
    db.execute("BEGIN")
    size = 0
    while size < target_bytes:
        body = " ".join(rng.choices(words, k=2000))
        db.execute("INSERT INTO posts (body) VALUES (?)", (body,))
        size += len(body)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def add_files(data, count, content):
    for number in range(count):
        folder = data / "storage/pbc_1234567890" / f"{number:015d}"
        folder.mkdir(parents=True)
        (folder / f"file_{number:010d}.bin").write_bytes(content(number))


def change_a_little(data):
    db = sqlite3.connect(data / "data.db", isolation_level=None)
    db.execute("CREATE TABLE IF NOT EXISTS bench_changes (at TEXT)")
    db.execute("INSERT INTO bench_changes VALUES (datetime())")
    db.close()


class Place:
    """Names that were never used, all removed at the end."""

    def __init__(self, folder):
        self.folder, self.used = folder, 0

    def new(self, suffix=""):
        self.used += 1
        return self.folder / f"{self.used}{suffix}"

    def new_data(self):
        data = self.new()
        data.mkdir()
        fresh_data(data)
        return data


def measure(place, data, rounds):
    """Median seconds of each command on `data`."""
    times = {}

    def timed(name, command, cwd=None):
        wall, _, peak, _ = run(command, cwd)
        times.setdefault(name, []).append((wall, peak))

    time.sleep(4)  # what has just been written is read again by the next backup
    backups = place.new()
    run([PROGRAM, "backup", "before.zip", "--dir", data, "--backups-dir", backups])
    for number in range(rounds):
        full = place.new()
        timed("backup, full", [PROGRAM, "backup", "a.zip", "--full", "--dir", data, "--backups-dir", full])
        change_a_little(data)
        timed("backup, incremental", [PROGRAM, "backup", f"{number}.zip", "--dir", data, "--backups-dir", backups])
        timed("restore", [PROGRAM, "restore", full / "a.zip", "--dir", place.new_data(), "--yes"])
        timed("show", [PROGRAM, "show", "a.zip", "--dir", data, "--backups-dir", full])
        timed("zip -1", ["zip", "-1", "-q", "-r", place.new(".zip"), ".", "-x", "backups/*", ".pocketvault/*"], data)
        timed("unzip", ["unzip", "-q", full / "a.zip", "-d", place.new()])
    return {name: {"seconds": round(statistics.median(wall for wall, _ in runs), 3), "peakMiB": round(max(peak for _, peak in runs), 1)}
            for name, runs in times.items()}


def over_size(place, rounds):
    rows = []
    for size in SIZES:
        data = place.new_data()
        rng = random.Random(size)
        add_rows(data, size // 2, rng)
        add_files(data, size // 2 // 170_000, lambda _: rng.randbytes(170_000))
        rows.append({"bytes": size, **measure(place, data, rounds)})
        print(rows[-1], flush=True)
    return rows


def over_count(place, rounds):
    rows = []
    for count in COUNTS:
        data = place.new_data()
        rng = random.Random(count)
        text = "".join(rng.choices("etaoin shrdlu\n", k=4000))
        add_files(data, count, lambda n: text[n % 2000:n % 2000 + 2000].encode())
        rows.append({"files": count, **measure(place, data, rounds)})
        print(rows[-1], flush=True)
    return rows


def over_memory(place):
    rows = []
    for size in MEMORY:
        data = place.new_data()
        rng = random.Random(size)
        add_rows(data, 50 * MB, rng)
        add_files(data, 45 * MB // 170_000, lambda _: rng.randbytes(170_000))
        with open(data / "storage/sparse.bin", "wb") as file:
            file.truncate(max(size - 100 * MB, 4096))
        backups, target = place.new(), place.new_data()
        backup = run([PROGRAM, "backup", "a.zip", "--full", "--dir", data, "--backups-dir", backups])
        restore = run([PROGRAM, "restore", backups / "a.zip", "--dir", target, "--yes"])
        restored = (target / "storage/sparse.bin").stat()
        rows.append({"bytes": size, "backupMiB": round(backup[2], 1), "backupSeconds": round(backup[0], 2),
                     "restoreMiB": round(restore[2], 1), "restoreSeconds": round(restore[0], 2),
                     "sparseFileOnDiskBytes": restored.st_blocks * 512})
        print(rows[-1], flush=True)
        shutil.rmtree(target)
    return rows


def cpu_of_threads(command, processors):
    """Wall seconds of a command on the given processors, and the CPU seconds of each of its threads."""
    os.sync()
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                               preexec_fn=lambda: os.sched_setaffinity(0, processors))
    tick = os.sysconf("SC_CLK_TCK")
    threads = {}
    while process.poll() is None:
        for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*"):
            try:
                fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            threads[task.name] = (int(fields[11]) + int(fields[12])) / tick
        time.sleep(0.01)
    wall = time.monotonic() - start
    if process.returncode != 0:
        sys.exit(f"{command}: exit {process.returncode}")
    return wall, sorted((seconds for seconds in threads.values() if seconds > 0), reverse=True)


def over_cores(place, data, rounds):
    every = os.sched_getaffinity(0)
    runs = {}
    for _ in range(rounds):
        for name, processors in (("one", {min(every)}), ("all", every)):
            backups = place.new()
            runs.setdefault(("backup", name), []).append(cpu_of_threads([PROGRAM, "backup", "a.zip", "--full", "--dir", data, "--backups-dir", backups], processors))
            runs.setdefault(("restore", name), []).append(cpu_of_threads([PROGRAM, "restore", backups / "a.zip", "--dir", place.new_data(), "--yes"], processors))
    rows = []
    for job in ("backup", "restore"):
        walls = {name: statistics.median(wall for wall, _ in runs[job, name]) for name in ("one", "all")}
        best = min(runs[job, "all"], key=lambda one: abs(one[0] - walls["all"]))
        rows.append({"job": job, "processors": len(every), "secondsOnOne": round(walls["one"], 3), "secondsOnAll": round(walls["all"], 3),
                     "fasterBy": round(statistics.median(one[0] / two[0] for one, two in zip(runs[job, "one"], runs[job, "all"])), 2),
                     "cpuSecondsOfThreads": [round(seconds, 2) for seconds in best[1]]})
        print(rows[-1], flush=True)
    return rows


def plot(results, path):
    try:
        import matplotlib
    except ImportError:
        print("python3-matplotlib is not installed: no plot", file=sys.stderr)
        return
    if not results.get("size") or not results.get("count"):
        return
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "pocketvault"
    from matplotlib import pyplot
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.5))
    for axis, rows, key, label in ((axes[0], results.get("size", []), "bytes", "MB of data"), (axes[1], results.get("count", []), "files", "files of 2 kB")):
        for name in ("backup, full", "backup, incremental", "restore", "show", "zip -1", "unzip"):
            points = [(row[key] / (MB if key == "bytes" else 1), row[name]["seconds"]) for row in rows]
            axis.plot(*zip(*points), marker="o", markersize=3, label=name, linestyle="--" if name in ("zip -1", "unzip") else "-")
        axis.set(xscale="log", yscale="log", xlabel=label, ylabel="seconds")
        axis.grid(True, which="major", alpha=0.3)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=["size", "count", "memory", "cores"], action="append")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/bench", help="where data is made, needs 30 GB")
    options = parser.parse_args()
    only = options.only or ["size", "count", "memory", "cores"]
    options.dir.mkdir(parents=True, exist_ok=True)
    work = pathlib.Path(tempfile.mkdtemp(prefix="growth-", dir=options.dir))
    path = RESULTS / "growth.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    place = Place(work)
    measures = {"size": lambda: over_size(place, options.rounds), "count": lambda: over_count(place, options.rounds),
                "memory": lambda: over_memory(place), "cores": lambda: over_cores(place, make_data(options.dir, 1), options.rounds)}
    try:
        for name in only:
            results[name] = measures[name]()
            results.setdefault("measured", {})[name] = f"{time.strftime('%Y-%m-%d')}, {cpu}, {len(os.sched_getaffinity(0))} processors"
        RESULTS.mkdir(exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
        plot(results, RESULTS / "growth.svg")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
