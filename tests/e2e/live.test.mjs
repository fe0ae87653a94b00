// Backups of a directory while another process writes to it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, sql, startServer, signIn, tempFolder, unpackFixture } from "./support.mjs";

// A writer in a process of its own that commits to both databases, always data.db first, and counts.
const writer = `
import sqlite3, sys, time
d = sqlite3.connect(sys.argv[1] + "/data.db", timeout=10, isolation_level=None)
a = sqlite3.connect(sys.argv[1] + "/auxiliary.db", timeout=10, isolation_level=None)
for c in (d, a):
    c.execute("PRAGMA journal_mode=WAL"); c.execute("PRAGMA synchronous=NORMAL")
    c.execute("CREATE TABLE IF NOT EXISTS ticks (n INTEGER, filler TEXT)")
worst, n, last = 0.0, 0, time.monotonic()
print("ready", flush=True)
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    n += 1
    start = time.monotonic()
    d.execute("INSERT INTO ticks VALUES (?, ?)", (n, "x" * 200))
    a.execute("INSERT INTO ticks VALUES (?, ?)", (n, "y" * 200))
    worst = max(worst, time.monotonic() - start)
    if n % 500 == 0:
        d.execute("DELETE FROM ticks WHERE n < ?", (n - 200,))
        d.execute("PRAGMA wal_checkpoint(TRUNCATE)")
print(n, worst, flush=True)
`;

test("backups beside a writer: whole, consistent across both databases, the writer goes on", { timeout: 120_000 }, async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  const child = spawn("python3", ["-c", writer, dir, "8"], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (block) => { output += block; });
  while (!output.includes("ready")) await new Promise((resolve) => setTimeout(resolve, 10));
  const names = [];
  while (child.exitCode === null && names.length < 40) {
    const name = `live_${names.length}.zip`;
    const made = cli(["backup", name, "--dir", dir, "--json"]);
    assert.ok([0, 3].includes(made.status), made.stderr);
    names.push(name);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0, "the writer met no error");
  assert.ok(names.length >= 5, `only ${names.length} backups`);
  for (const name of names) {
    const out = path.join(folder, name + ".d");
    fs.mkdirSync(out);
    assert.equal(spawnSync("unzip", ["-q", path.join(dir, "backups", name), "-d", out]).status, 0);
    assert.deepEqual(fs.readdirSync(out).filter((f) => /-(wal|shm|journal)$/.test(f)), [], "databases come whole");
    const top = (file) => Number(sql(path.join(out, file), "SELECT coalesce(max(n), 0) FROM ticks"));
    for (const file of ["data.db", "auxiliary.db"]) assert.equal(sql(path.join(out, file), "PRAGMA integrity_check"), "ok");
    const lag = top("data.db") - top("auxiliary.db");
    assert.ok(lag === 0 || lag === 1, `${name}: data.db is ${lag} commits ahead of auxiliary.db`);
  }
  t.diagnostic(`${names.length} backups beside a writer of ${output.trim().split("\n").at(-1)} (commits, worst seconds for one pair)`);
});

test("a server that made a backup keeps its locks: another process that closes the databases deletes no WAL", async (t) => {
  const server = await startServer(t);
  const token = await signIn(server);
  const made = await fetch(`${server.url}/api/backups`, { method: "POST", headers: { Authorization: token } });
  assert.equal(made.status, 204);
  assert.ok(fs.existsSync(path.join(server.dir, "data.db-wal")));
  sql(path.join(server.dir, "data.db"), "SELECT count(*) FROM _superusers");
  assert.ok(fs.existsSync(path.join(server.dir, "data.db-wal")), "the WAL is still there after another process closed the database");
  const inode = fs.statSync(path.join(server.dir, "data.db")).ino;
  const locks = fs.readFileSync("/proc/locks", "utf8").split("\n").filter((line) => line.includes(` ${server.child.pid} `) && line.includes(`:${inode} `));
  assert.ok(locks.length > 0, "the server holds its lock on data.db");
});
