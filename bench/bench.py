#!/usr/bin/env python3
"""Side by side on the same data, in turn, round after round: ratios hold where absolute times drift.

    ./dev bench                      everything, 3 rounds
    ./dev bench --rounds 5 --only backup
    ./dev bench --scale 0.1          a tenth of the data, for a quick look

The data: a pb_data with a 370 MB data.db of text in WAL mode and 2,500 files that do not compress,
430 MB in all. Each command is a process of its own; wall time, CPU time and peak memory come from
wait4(2) (for 7-Zip and restic too: the largest process). The page cache is warm; sync(1) runs
before each command so that none pays for the writes of the one before.
"""
import argparse
import base64
import contextlib
import http.client
import json
import os
import pathlib
import random
import resource
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("POCKETVAULT", ROOT / "build/release/pocketvault"))
PASSWORD = "correct horse battery"
PARTS = ["backup", "sizes", "parts", "incremental", "restore", "stall", "swap", "s3", "look", "rest"]


def fresh_data(folder: pathlib.Path):
    """Makes a new data directory of an existing, empty folder."""
    subprocess.run([PROGRAM, "superuser", "upsert", "bench@example.com", "--dir", folder], input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)


def make_data(folder: pathlib.Path, scale: float) -> pathlib.Path:
    """A pb_data as described above; kept between runs under a name that says its scale."""
    data = folder / f"pb_data-{scale:g}"
    complete = folder / f"pb_data-{scale:g}.complete"
    if complete.exists():
        return data
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    fresh_data(data)
    rng = random.Random(20261121)
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(rng.choices(letters, weights=range(26, 0, -1), k=rng.randint(2, 10))) for _ in range(8000)]
    weights = [1 / (rank + 10) for rank in range(len(words))]
    db = sqlite3.connect(data / "data.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("CREATE TABLE posts (id TEXT PRIMARY KEY, title TEXT, body TEXT, created TEXT)")
    db.execute("BEGIN")
    target, size, number = int(370_000_000 * scale), 0, 0
    while size < target:
        text = rng.choices(words, weights=weights, k=20_000)
        for start in range(0, len(text), 250):
            body = " ".join(text[start:start + 250])
            db.execute("INSERT INTO posts VALUES (?, ?, ?, ?)", (f"{rng.getrandbits(75):015x}"[:15], body[:40], body, "2026-11-21 00:00:00.000Z"))
            size += len(body) + 100
            number += 1
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for index in range(int(2500 * scale)):
        name = data / "storage/pbc_1234567890" / f"{index:015d}" / f"photo_{index:010d}.jpg"
        name.parent.mkdir(parents=True)
        name.write_bytes(rng.randbytes(rng.randint(144_000, 200_000)))
    complete.touch()
    return data


def pocketbase_zip(folder: pathlib.Path):
    """The program that packs as PocketBase does, built from pocketbase_zip.go; None without Go."""
    go = shutil.which("go", path=os.environ["PATH"] + ":/usr/local/go/bin:/usr/lib/go/bin")
    if go is None:
        print("Go is not installed: PocketBase's way of packing is left out", file=sys.stderr)
        return None
    program = folder / "pocketbase_zip"
    subprocess.run([go, "build", "-o", program, ROOT / "bench/pocketbase_zip.go"], check=True)
    return program


def like_pocketbase(data: pathlib.Path, archive: pathlib.Path, packer):
    """Every entry one deflate stream, at the fastest level: by PocketBase's own libraries, or without Go by zlib."""
    if packer:
        subprocess.run([packer, data, archive], check=True)
        return
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in sorted(data.rglob("*")):
            name = path.relative_to(data)
            if path.is_file() and name.parts[0] not in ("backups", ".pocketvault"):
                file.write(path, name)


KINDS = {
    "words, as notes are": lambda rng: (" ".join(rng.choices(WORDS, k=400)) for _ in range(6000)),
    "JSON, as logs are": lambda rng: (json.dumps({"id": rng.getrandbits(60), "level": rng.randrange(4), "url": f"/api/collections/posts/records/{rng.getrandbits(40):x}",
                                                  "status": rng.choice([200, 200, 204, 404]), "ms": rng.random() * 90, "ip": f"10.0.{rng.randrange(9)}.{rng.randrange(250)}"}) + "\n" for _ in range(90_000)),
    "CSV of numbers": lambda rng: (f"{n},{rng.gauss(100, 15):.3f},{rng.randrange(1000)}\n" for n in range(700_000)),
    "base64": lambda rng: (base64.b64encode(rng.randbytes(3000)).decode() for _ in range(4000)),
    "zeros": lambda rng: ("\0" * 65536 for _ in range(256)),
}
WORDS = [f"{a}{b}" for a in ("ver", "con", "al", "mi", "sto", "der", "pa", "li") for b in ("ta", "ne", "sen", "mo", "ris", "ge", "len", "um", "at")]


def sizes(work, packer):
    """The zip of each kind of data, ours and PocketBase's: big files, small files, and what does not compress."""
    folder = work / "kinds"

    def compare(kind, fill):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        fresh_data(folder)
        fill(folder / "storage/c/r")
        time.sleep(4)  # only of files that lie for a while the archive says which they are
        run([PROGRAM, "backup", "ours.zip", "--full", "--dir", folder])
        like_pocketbase(folder, work / "theirs.zip", packer)
        ours, theirs = size_of(folder / "backups/ours.zip"), size_of(work / "theirs.zip")
        print(f"| {kind} | {size_of(folder / 'storage') / 1e6:.1f} | {ours / 1e6:.3f} | {theirs / 1e6:.3f} | {ours / theirs:.4f} |")

    def files(count, content):
        def fill(target):
            target.mkdir(parents=True)
            for number in range(count):
                (target / f"file_{number:08d}.bin").write_bytes(content(number))
        return fill

    print("\n### Size: the zip of one kind of data each\n\n| data | MB | ours MB | PocketBase's MB | ours / PocketBase's |\n| --- | --- | --- | --- | --- |")
    for kind, make in KINDS.items():
        rng = random.Random(7)
        text = "".join(make(rng)).encode()
        compare(kind, files(1, lambda _: text))
        if kind != "zeros":
            compare(f"{kind}; 1,000 files of 2 kB", files(1000, lambda n: text[n * 2000:n * 2000 + 2000]))
    program = PROGRAM.read_bytes()
    compare("a program", files(1, lambda _: program))
    rng = random.Random(8)
    compare("100 files of 150 kB that do not compress", files(100, lambda _: rng.randbytes(150_000)))
    compare("1,000 files of 2 kB that do not compress", files(1000, lambda _: rng.randbytes(2000)))


def size_of(path: pathlib.Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def run(command, cwd=None, env=None):
    """(wall seconds, CPU seconds, peak MiB, output) of one process and its children."""
    os.sync()
    start = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.stdout.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        sys.exit(f"{command}: exit {os.waitstatus_to_exitcode(status)}\n{output}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def side_by_side(title, peers, rounds, ours):
    """peers: name -> (prepare(), command, result path or None, cwd, env). Prints medians and ratios per round."""
    figures = {name: [] for name in peers}
    sizes = {}
    for _ in range(rounds):
        for name, (prepare, command, result, cwd, env) in peers.items():
            prepare()
            figures[name].append(run(command, cwd, env))
            if result:
                sizes[name] = size_of(result)
    print(f"\n### {title}\n\n| command | wall s (min, median, max) | CPU s | peak MiB | result MB | {ours} is faster by (median of rounds) |\n| --- | --- | --- | --- | --- | --- |")
    for name, runs in figures.items():
        walls = [wall for wall, *_ in runs]
        ratio = statistics.median(theirs / mine for theirs, mine in zip(walls, (wall for wall, *_ in figures[ours])))
        print(f"| {name} | {min(walls):.2f}, {statistics.median(walls):.2f}, {max(walls):.2f} | {statistics.median(cpu for _, cpu, _, _ in runs):.2f} "
              f"| {max(peak for _, _, peak, _ in runs):.0f} | {sizes[name] / 1e6:.1f} | {ratio:.1f} x |" if name in sizes else
              f"| {name} | {min(walls):.2f}, {statistics.median(walls):.2f}, {max(walls):.2f} | {statistics.median(cpu for _, cpu, _, _ in runs):.2f} "
              f"| {max(peak for _, _, peak, _ in runs):.0f} | - | {ratio:.1f} x |")
    return figures


class Writers:
    """Two processes that commit small rows to data.db all the while and time each commit."""
    CODE = """
import sqlite3, sys, threading, time
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
db.execute("PRAGMA synchronous=NORMAL")
db.execute("CREATE TABLE IF NOT EXISTS bench_ticks (who TEXT, n INTEGER, filler TEXT)")
print("ready", flush=True)
times = []
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
n = 0
while not stop.is_set():
    start = time.monotonic()
    db.execute("INSERT INTO bench_ticks VALUES (?, ?, ?)", (sys.argv[2], n, "x" * 300))
    times.append(time.monotonic() - start)
    n += 1
    time.sleep(0.002)
times.sort()
print(len(times), times[-1], times[int(len(times) * 0.999)], times[len(times) // 2])
"""

    def __init__(self, data_db):
        self.processes = [subprocess.Popen([sys.executable, "-c", self.CODE, str(data_db), str(i)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for i in range(2)]
        for process in self.processes:
            process.stdout.readline()

    def end(self):
        """(commits, worst ms, 99.9th percentile ms, median ms) over both."""
        for process in self.processes:
            process.stdin.close()
        rows = []
        for process in self.processes:
            rows.append([float(word) for word in process.stdout.read().split()])
            process.wait()
        return int(sum(r[0] for r in rows)), max(r[1] for r in rows) * 1e3, max(r[2] for r in rows) * 1e3, max(r[3] for r in rows) * 1e3


def stalls(data, rounds):
    print("\n### Two writers that commit all the while (each 2 ms after its last)\n\n| | commits | worst commit ms | 99.9 % ms | median ms | pause of the backup ms |\n| --- | --- | --- | --- | --- | --- |")
    for number in range(rounds):
        out = data / "backups"
        backup = [PROGRAM, "backup", "stall.zip", "--dir", data, "--json"]
        os.sync()
        writers = Writers(data / "data.db")
        start = time.monotonic()
        report = json.loads(subprocess.run([str(word) for word in backup], check=True, capture_output=True, text=True).stdout)
        span = time.monotonic() - start
        time.sleep(0.2)
        during = writers.end()
        (out / "stall.zip").unlink()
        os.sync()
        writers = Writers(data / "data.db")
        time.sleep(span + 0.2)
        alone = writers.end()
        print(f"| {number + 1}: without | {alone[0]} | {alone[1]:.1f} | {alone[2]:.1f} | {alone[3]:.2f} | |")
        print(f"| {number + 1}: during a backup ({span:.2f} s) | {during[0]} | {during[1]:.1f} | {during[2]:.1f} | {during[3]:.2f} | {report['job']['report']['pauseMs']:.2f} |")


class Client:
    """Signed in to a server."""

    def __init__(self, port):
        self.port = port
        self.sign_in()

    def sign_in(self):
        answer = self.ask("POST", "/api/collections/_superusers/auth-with-password", json.dumps({"identity": "bench@example.com", "password": PASSWORD}))
        self.headers = {"Authorization": json.loads(answer)["token"]}

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status not in (200, 204):
            raise RuntimeError(f"{path}: {response.status} {text}")
        return text


class BusyClient(Client):
    """Asks a server all the while for what wants its database, and times each answer."""

    def __init__(self, port):
        super().__init__(port)
        self.times, self.stopped = [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped.is_set():
            start = time.monotonic()
            self.ask("GET", "/api/backups", headers=self.headers)
            self.times.append(time.monotonic() - start)
            time.sleep(0.001)

    def end(self):
        """Milliseconds of the slowest request, and of the median."""
        self.stopped.set()
        self.thread.join()
        return max(self.times) * 1e3, statistics.median(self.times) * 1e3


@contextlib.contextmanager
def serving(data):
    """A server on the data: its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([str(PROGRAM), "serve", "--dir", str(data), "--http", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            time.sleep(0.05)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait()


def rest(seconds=60):
    """What a server takes that has nothing to do: memory after some work, and processor time of a minute."""
    def memory():
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return tuple(int(line.split()[1]) / 1024 for name in ("VmRSS", "RssAnon") for line in status.splitlines() if line.startswith(name + ":"))

    def used_ticks():
        return sum(int(field) for field in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13])

    with many_backups(10_000) as data, serving(data) as (port, pid):
        client = Client(port)
        steps = {}

        def after(what):
            time.sleep(6)  # memory is given back every 5 s
            steps[what] = memory()
        after("start")
        before = used_ticks()
        time.sleep(seconds)
        idle = (used_ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds
        client.ask("POST", "/api/backups", json.dumps({"name": "one.zip"}), client.headers)
        after("one backup")
        for _ in range(50):
            client.sign_in()
        after("50 sign-ins")
        for _ in range(100):
            client.ask("GET", "/api/backups", headers=client.headers)
        after("100 lists")
    print(f"\n### A server at rest, with 10,000 backups\n\n{idle:.2%} of a processor in {seconds} s. Resident, MiB (in brackets what it wrote to memory of its own):\n")
    print("| " + " | ".join(steps) + " |\n|" + " --- |" * len(steps) + "\n| " + " | ".join(f"{rss:.1f} ({own:.1f})" for rss, own in steps.values()) + " |")


def swaps(whole, folder, work, rounds):
    """How long restores and undos close the databases, by size and by number of files; a server does them while a client asks."""
    many = work / "many"
    many.mkdir()
    fresh_data(many)
    rng = random.Random(20261122)
    for index in range(10_000):
        name = many / "storage/pbc_1234567890" / f"{index:015d}" / "note.txt"
        name.parent.mkdir(parents=True)
        name.write_bytes(rng.randbytes(2000))
    print("\n### How long restores and undos close the databases, while a client asks a server all the while\n\n"
          "| data | job | closed ms (min, median, max) | slowest request ms (of each round) | median request ms |\n| --- | --- | --- | --- | --- |")
    for source in (make_data(folder, 0.06), whole, many):
        data = work / "swapped"
        shutil.copytree(source, data, ignore=shutil.ignore_patterns("backups", ".pocketvault"))
        subprocess.run([PROGRAM, "backup", "a.zip", "--dir", data], check=True, capture_output=True)
        files = sum(1 for file in (data / "storage").rglob("*") if file.is_file())
        figures = {"restore": [], "undo": []}
        with serving(data) as (port, _):
            for _ in range(rounds):
                for job, words in (("restore", ["restore", "a.zip"]), ("undo", ["undo"])):
                    os.sync()
                    client = BusyClient(port)
                    done = subprocess.run([PROGRAM, *words, "--dir", data, "--yes", "--json"], check=True, capture_output=True, text=True)
                    slowest, median = client.end()
                    figures[job].append((json.loads(done.stdout)["job"]["report"]["pauseMs"], slowest, median))
        for job, runs in figures.items():
            closed, slowest, median = zip(*runs)
            print(f"| {size_of(source) / 1e6:.0f} MB, {files} files | {job} | {min(closed):.1f}, {statistics.median(closed):.1f}, {max(closed):.1f} "
                  f"| {', '.join(f'{one:.0f}' for one in slowest)} | {statistics.median(median):.1f} |")
        shutil.rmtree(data)


def parts(data, work, rounds):
    """The two kinds of data alone: one big database against pigz on it, files that do not compress against cp."""
    database, files = work / "database", work / "files"
    for target in (database, files):
        shutil.rmtree(target, ignore_errors=True)
    database.mkdir()
    shutil.copy(data / "data.db", database)
    out = work / "parts"

    def prepare():
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()

    side_by_side("One database of text", {
        "pocketvault backup": (prepare, [PROGRAM, "backup", "a.zip", "--full", "--dir", database, "--backups-dir", out], out, None, None),
        "pigz -1 -p2 -K": (prepare, ["sh", "-c", f"pigz -1 -p2 -K -c {database}/data.db > {out}/a.zip"], out, None, None),
    }, rounds, "pocketvault backup")
    files.mkdir()
    fresh_data(files)
    shutil.copytree(data / "storage", files / "storage")
    side_by_side("Files that do not compress", {
        "pocketvault backup": (prepare, [PROGRAM, "backup", "a.zip", "--full", "--dir", files, "--backups-dir", out], out, None, None),
        "cp -r": (prepare, ["cp", "-r", files / "storage", out / "storage"], out, None, None),
    }, rounds, "pocketvault backup")
    shutil.rmtree(out)


@contextlib.contextmanager
def sharing_file_system(work):
    """An XFS in a file of its own, where files can share blocks; None where none can be mounted."""
    image, place = work / "xfs", work / "shared"
    place.mkdir()
    command = f"truncate -s 16G {image} && mkfs.xfs -q {image} && mount -o loop {image} {place}"
    mounted = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    if mounted.returncode != 0:
        print(f"\nno XFS can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(place)], check=True)


def used_bytes(place):
    os.sync()
    space = os.statvfs(place)
    return (space.f_blocks - space.f_bfree) * space.f_frsize


def incremental(data, backups, rounds, where):
    """Before each round 1 % of the data changes: the newest rows of the table, and files that replace others."""
    shutil.rmtree(backups, ignore_errors=True)
    backups.mkdir()

    def backup(name, *flags):
        return [PROGRAM, "backup", name, "--dir", data, "--backups-dir", backups, "--json", *flags]

    time.sleep(4)  # a file that has just been written is read again next time
    run(backup("new.zip"))
    names = sorted(file for file in (data / "storage").rglob("*") if file.is_file())
    rng = random.Random(1)

    def change():
        for suffix in ("", ".attrs"):
            (backups / f"new.zip{suffix}").replace(backups / f"before.zip{suffix}")
            (backups / f"full.zip{suffix}").unlink(missing_ok=True)
        db = sqlite3.connect(data / "data.db", isolation_level=None)
        db.execute("UPDATE posts SET title = ? || title WHERE rowid > (SELECT max(rowid) * 0.99 FROM posts)", (str(rng.random()),))
        db.close()
        for file in rng.sample(names, max(1, len(names) // 100)):
            file.write_bytes(rng.randbytes(file.stat().st_size))
        time.sleep(4)

    copy = backups.parent / "copy"
    used = []

    def measure():
        change()
        used.append(used_bytes(backups))

    def clear():
        used.append(used_bytes(backups))
        copy.unlink(missing_ok=True)

    figures = side_by_side(f"Incremental, {where}: 1 % changed since the backup before", {
        "pocketvault backup": (measure, backup("new.zip"), backups / "new.zip", None, None),
        "cp --reflink=never of the archive": (clear, ["cp", "--reflink=never", backups / "new.zip", copy], copy, None, None),
        "cp of the archive": (lambda: copy.unlink(missing_ok=True), ["cp", backups / "new.zip", copy], copy, None, None),
        "pocketvault backup --full": (lambda: None, backup("full.zip", "--full"), backups / "full.zip", None, None),
    }, rounds, "pocketvault backup")
    report = json.loads(figures["pocketvault backup"][-1][3].strip().splitlines()[-1])["job"]["report"]
    print(f"\n{report['copiedBytes'] / 1e6:.0f} of {report['rawBytes'] / 1e6:.0f} MB taken from the backup before; "
          f"it takes {', '.join(f'{(after - before) / 1e6:.1f}' for before, after in zip(used[::2], used[1::2]))} MB of the disk")


@contextlib.contextmanager
def s3_gateway(folder):
    """versitygw with an empty bucket "backups" below `folder`: (that of the objects, environment for clients); None where it is missing."""
    program = ROOT / ".tools/bin/versitygw"
    program = program if program.exists() else shutil.which("versitygw")
    if program is None:
        print("\nversitygw is not installed (./dev unit fetches it): S3 is left out")
        yield None
        return
    objects = folder / "root/backups"
    objects.mkdir(parents=True)
    (folder / "sidecar").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([program, "--port", f"127.0.0.1:{port}", "--access", "bench", "--secret", "bench-secret", "--region", "us-east-1", "--quiet", "--keep-alive",
                               "posix", "--sidecar", folder / "sidecar", folder / "root"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while subprocess.run(["sh", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"], executable="/bin/bash", stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.05)
        yield objects, {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_ENDPOINT_URL_S3": url, "AWS_REGION": "us-east-1",
                        "RCLONE_CONFIG_B_TYPE": "s3", "RCLONE_CONFIG_B_PROVIDER": "Other", "RCLONE_CONFIG_B_ACCESS_KEY_ID": "bench", "RCLONE_CONFIG_B_SECRET_ACCESS_KEY": "bench-secret", "RCLONE_CONFIG_B_ENDPOINT": url,
                        "RCLONE_CONFIG_B_REGION": "us-east-1", "RCLONE_CONFIG_B_NO_CHECK_BUCKET": "true", "AWS_CA_BUNDLE": ""}
    finally:
        server.kill()
        server.wait()


def s3(data, work, rounds):
    """To a bucket and back. The gateway works on the same processors and disk, and reads and writes all again to put the parts together."""
    bucket = ["--s3-bucket", "backups", "--s3-force-path-style"]
    folder = work / "folder"

    def fresh_target():
        shutil.rmtree(work / "target", ignore_errors=True)
        (work / "target").mkdir()
        fresh_data(work / "target")

    with s3_gateway(work / "gateway") as place:
        if place is None:
            return
        objects, env = place

        def clear():
            shutil.rmtree(folder, ignore_errors=True)
            for name in ("a.zip", "b.zip", "all.zip"):  # with what the gateway noted of it
                (objects / name).unlink(missing_ok=True)
                shutil.rmtree(work / "gateway/sidecar/backups" / name, ignore_errors=True)
            (work / "all.zip").unlink(missing_ok=True)

        def one_before():
            clear()
            run([*backup, *bucket], env=env)

        backup = [PROGRAM, "backup", "a.zip", "--full", "--dir", data]
        again = [PROGRAM, "backup", "b.zip", "--dir", data, *bucket]
        packed = f"zip -1 -q -r {work}/all.zip . -x 'backups/*' '.pocketvault/*' && rclone copy {work}/all.zip b:backups"
        side_by_side("Backup to a bucket", {
            "pocketvault backup to the bucket": (clear, [*backup, *bucket], objects / "a.zip", None, env),
            "the same, and nothing changed since the one there": (one_before, again, objects / "b.zip", None, env),
            "pocketvault backup to a folder": (clear, [*backup, "--backups-dir", folder], folder / "a.zip", None, None),
            "zip -1, then rclone copy": (clear, ["sh", "-c", packed], objects / "all.zip", data, env),
        }, rounds, "pocketvault backup to the bucket")
        clear()
        run([*backup, *bucket], env=env)
        run([*backup, "--backups-dir", folder])
        restore = [PROGRAM, "restore", "a.zip", "--dir", work / "target", "--yes"]
        side_by_side("Restore from a bucket", {
            "pocketvault restore from the bucket": (fresh_target, [*restore, *bucket], None, None, env),
            "pocketvault restore from a folder": (fresh_target, [*restore, "--backups-dir", folder], None, None, None),
            "rclone copy, then unzip": (fresh_target, ["sh", "-c", f"rclone copy b:backups/a.zip {work} && unzip -q -o {work}/a.zip -d {work}/target"], None, None, env),
        }, rounds, "pocketvault restore from the bucket")


@contextlib.contextmanager
def many_backups(count):
    """A data directory in memory with that many backups, the newest of them whole, and a job for each in the history."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="pocketvault-look-") as folder:
        data = pathlib.Path(folder) / "pb_data"
        data.mkdir()
        fresh_data(data)
        subprocess.run([PROGRAM, "backup", "base.zip", "--dir", data], check=True, stdout=subprocess.DEVNULL)
        backups = data / "backups"
        archive, sidecar = (backups / "base.zip").read_bytes(), (backups / "base.zip.attrs").read_bytes()
        now = int(time.time())

        def at(number):
            return now - 3600 * (count - number)

        def name_of(number):
            return f"@auto_pb_backup_acme_{time.strftime('%Y%m%d%H%M%S', time.gmtime(at(number)))}.zip"
        for number in range(count - 1):
            name = backups / name_of(number)
            name.write_bytes(archive if number == count - 2 else archive[:1000])
            (backups / (name.name + ".attrs")).write_bytes(sidecar)
            os.utime(name, (at(number),) * 2)
        db = sqlite3.connect(data / ".pocketvault/vault.db", isolation_level=None)
        db.execute("BEGIN")
        for number in range(count - 1):  # each made the backup of its name
            ended, size = at(number) * 1000 + 100, (backups / name_of(number)).stat().st_size
            db.execute("INSERT INTO jobs VALUES (NULL,?,'backup',?,1,?,?,'succeeded','',0,1000000,?,200)", (f"{number:015d}", name_of(number), ended - 1000, ended, size))
        db.execute("COMMIT")
        db.close()
        yield data


def look(rounds):
    """list and status of 10,000 backups and 10,000 jobs in memory, warm; beside ls and find on the same folder."""
    count = 10_000
    with many_backups(count) as data:
        backups = data / "backups"
        commands = {
            "pocketvault list": [PROGRAM, "list", "--dir", data],
            "pocketvault list --json": [PROGRAM, "list", "--json", "--dir", data],
            "pocketvault status": [PROGRAM, "status", "--dir", data],
            "pocketvault version": [PROGRAM, "version"],
            "true": ["true"],  # what starting any program takes here
            "ls -l": ["ls", "-l", backups],
            "find -printf": ["find", backups, "-printf", "%s %T@ %p\\n"],
        }
        wall = {name: [] for name in commands}
        cpu = {name: [] for name in commands}
        for number in range(10 * rounds + 1):
            for name, command in commands.items():
                before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
                if number > 0:  # the first warms up
                    wall[name].append(took * 1000)
                    cpu[name].append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
        print(f"\n### A look at {count:,} backups, {10 * rounds} runs in turn\n\n| command | wall ms (min, median, max) | CPU ms (median) | by `find -printf` (median) |\n| --- | --- | --- | --- |")
        peer = statistics.median(wall["find -printf"])
        for name in commands:
            times = wall[name]
            print(f"| {name} | {min(times):.1f}, {statistics.median(times):.1f}, {max(times):.1f} | {statistics.median(cpu[name]):.1f} | {statistics.median(times) / peer:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/bench", help="where the data is made and kept")
    options = parser.parse_args()
    only = options.only or PARTS
    if "look" in only:
        look(options.rounds)
    if "rest" in only:
        rest()
    if set(only) <= {"look", "rest"}:
        return
    data = make_data(options.dir, options.scale)
    packer = pocketbase_zip(options.dir)
    work = pathlib.Path(tempfile.mkdtemp(prefix="work-", dir=options.dir))
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{time.strftime('%Y-%m-%d')}, {cpu}, {len(os.sched_getaffinity(0))} processors; {size_of(data) / 1e6:.0f} MB: "
          f"data.db {size_of(data / 'data.db') / 1e6:.0f} MB and {sum(1 for f in (data / 'storage').rglob('*') if f.is_file())} files")
    backups = work / "backups"
    paths = {name: work / name for name in ("zip.zip", "7z.zip", "restic", "cp")}
    environment = {"RESTIC_PASSWORD": "x", "RESTIC_CACHE_DIR": str(work / "restic-cache")}

    def clean(*names):
        def prepare():
            for name in names:
                path = work / name
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        return prepare

    def empty_restic():
        clean("restic", "restic-cache")()
        subprocess.run(["restic", "init", "-q", "-r", str(paths["restic"])], env={**os.environ, **environment}, check=True)

    try:
        if "backup" in only or "restore" in only:
            excluded = ["-x", "backups/*", ".pocketvault/*"]
            peers = {
                "pocketvault backup": (clean("backups"), [PROGRAM, "backup", "bench.zip", "--dir", data, "--backups-dir", backups, "--json"], backups, None, None),
                "zip -1 -q -r": (clean("zip.zip"), ["zip", "-1", "-q", "-r", paths["zip.zip"], ".", *excluded], paths["zip.zip"], data, None),
                "7z a -tzip -mx=1": (clean("7z.zip"), ["7z", "a", "-tzip", "-mx=1", "-bd", "-bso0", paths["7z.zip"], ".", "-xr!backups", "-xr!.pocketvault"], paths["7z.zip"], data, None),
                "restic backup (empty repository)": (empty_restic, ["restic", "backup", "-q", "-r", paths["restic"], "--exclude", "backups", "--exclude", ".pocketvault", "."], paths["restic"], data, environment),
                "cp -r": (clean("cp"), ["cp", "-r", data, paths["cp"]], paths["cp"], None, None),
            }
            if packer:
                peers["PocketBase's way"] = (clean("pocketbase.zip"), [packer, data, work / "pocketbase.zip"], work / "pocketbase.zip", None, None)
            rounds = options.rounds if "backup" in only else 1
            if "backup" not in only:
                peers = {name: peer for name, peer in peers.items() if name.startswith("pocketvault")}
            figures = side_by_side("Backup", peers, rounds, "pocketvault backup")
            report = json.loads(figures["pocketvault backup"][-1][3].strip().splitlines()[-1])["job"]["report"]
            print(f"\npause {report['pauseMs']:.3f} ms; {report['way']}; {report['rawBytes'] / 1e6:.0f} MB in {report['entries']} entries, zip {report['archiveBytes'] / 1e6:.1f} MB")
        if "restore" in only:
            def settle(*names):
                """Out of the way, not gone: ext4 looks long for other inodes than those that were deleted in the last minutes."""
                if options.dir.resolve().is_relative_to("/dev/shm"):
                    return clean(*names)()
                for name in names:
                    if (work / name).exists():
                        (work / name).rename(work / f"used-{len(os.listdir(work))}")

            def fresh():
                settle("target", "unzip")
                (work / "target").mkdir()
                fresh_data(work / "target")
            ours, theirs = backups / "bench.zip", work / "pocketbase.zip"
            like_pocketbase(data, theirs, packer)
            for title, archive in (("Restore of our archive", ours), ("Restore of one as PocketBase packs it", theirs)):
                side_by_side(title, {
                    "pocketvault restore (checks and sync included)": (fresh, [PROGRAM, "restore", archive, "--dir", work / "target", "--yes"], None, None, None),
                    "unzip -q": (lambda: settle("target", "unzip"), ["unzip", "-q", archive, "-d", work / "unzip"], None, None, None),
                }, options.rounds, "pocketvault restore (checks and sync included)")
            in_place = [PROGRAM, "restore", ours, "--dir", work / "again", "--yes"]

            def restored():
                settle("target", "unzip", "again")
                shutil.copytree(data, work / "again", ignore=shutil.ignore_patterns("backups", ".pocketvault"))

            side_by_side("Restore over the same data", {
                "pocketvault restore": (restored, in_place, None, None, None),
                "pocketvault restore --no-delta": (restored, [*in_place, "--no-delta"], None, None, None),
            }, options.rounds, "pocketvault restore")
        if "sizes" in only:
            sizes(work, packer)
        if "parts" in only:
            parts(data, work, options.rounds)
        if "incremental" in only:
            target = work / "changing"
            shutil.copytree(data, target, ignore=shutil.ignore_patterns("backups", ".pocketvault"))
            incremental(target, work / "chain", options.rounds, "an ordinary folder")
            with sharing_file_system(work) as place:
                if place:
                    shutil.copytree(data, place / "data", ignore=shutil.ignore_patterns("backups", ".pocketvault"))
                    incremental(place / "data", place / "chain", options.rounds, "XFS that shares blocks")
        if "s3" in only:
            s3(data, work, options.rounds)
        if "swap" in only:
            swaps(data, options.dir, work, options.rounds)
        if "stall" in only:
            target = work / "live"
            shutil.copytree(data, target, ignore=shutil.ignore_patterns("backups", ".pocketvault"))
            stalls(target, options.rounds)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
