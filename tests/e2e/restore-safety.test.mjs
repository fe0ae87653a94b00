// Restores that can be taken back: undo, what is kept, the backup before, who stands in the way.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, raw, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

function ok(done) {
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return done;
}

// name -> hash, mode and time of change of every file of the data; what a running program makes
// anew (-wal, -shm) and our own folder left out.
function treeOf(dir) {
  const tree = {};
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const name = path.relative(dir, file);
    if (!entry.isFile() || /^(\.pocketvault|backups)\//.test(name) || /-(wal|shm)$/.test(name)) continue;
    const stat = fs.statSync(file);
    tree[name] = `${createHash("sha256").update(fs.readFileSync(file)).digest("hex")} ${stat.mode} ${stat.mtimeMs}`;
  }
  return tree;
}

const kept = (dir) => JSON.parse(ok(cli(["replaced", "--dir", dir, "--json"])).stdout);

// A process that has a database open until it is told to end.
async function holder(t, database, more = "") {
  const script = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("select * from products").fetchall()
${more}
print("ready", flush=True); sys.stdin.read()`;
  const child = spawn("python3", ["-c", script, database], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return { pid: child.pid, async end() { child.stdin.end(); await once(child, "exit"); } };
}

test("an undo brings back every byte of a real tree", (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const storage = path.join(dir, "storage/many");
  fs.mkdirSync(storage, { recursive: true });
  for (let i = 0; i < 300; ++i) fs.writeFileSync(path.join(storage, `${i}.bin`), Buffer.alloc(i * 37, i));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  sql(path.join(dir, "data.db"), "DELETE FROM products WHERE id IN (SELECT id FROM products LIMIT 7)");
  fs.rmSync(path.join(storage, "1.bin"));
  fs.writeFileSync(path.join(storage, "2.bin"), "changed since");
  fs.writeFileSync(path.join(storage, "new.bin"), "new since");
  const before = treeOf(dir);
  ok(cli(["restore", "a.zip", "--dir", dir, "--yes"]));
  assert.notDeepEqual(treeOf(dir), before);
  const [first] = kept(dir);
  assert.equal(first.from, "a.zip");
  ok(cli(["undo", first.id, "--dir", dir, "--yes"]));
  assert.deepEqual(treeOf(dir), before);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "33");
});

test("a restore goes on when its client has left", async (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.writeFileSync(path.join(dir, "storage/big.bin"), randomBytes(64 << 20));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  fs.rmSync(path.join(dir, "storage/big.bin"));
  const server = await startServer(t, { dir });
  const token = await signIn(server);
  const answer = await raw(server, `POST /api/backups/a.zip/restore HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\nContent-Length: 0\r\n\r\n`, { timeout: 30 });
  assert.equal(answer, "", "it was over before the client left");
  const end = Date.now() + 30_000;
  while (!fs.existsSync(path.join(dir, "storage/big.bin"))) {
    assert.ok(Date.now() < end, "the restore ended with its client");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await server.stop();
});

test("a strict server takes undo, list and delete from commands on its directory", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const server = await startServer(t, { dir, args: ["--strict", "--keep-replaced", "2h"] });
  ok(cli(["backup", "a.zip", "--dir", dir]));
  sql(path.join(dir, "data.db"), "DELETE FROM products WHERE id IN (SELECT id FROM products LIMIT 7)");
  const restored = ok(cli(["restore", "a.zip", "--dir", dir, "--yes", "--json"]));
  assert.equal(JSON.parse(restored.stdout).job.state, "succeeded", "it is followed like any other job");
  const [first] = kept(dir);
  assert.equal(Date.parse(first.until) - Date.parse(first.at), 2 * 3600 * 1000, "the server's --keep-replaced");
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "33");
  // Everybody else meets PocketBase.
  const Authorization = await signIn(server);
  const status = await fetch(`${server.url}/api/vault/status`, { headers: { Authorization } });
  assert.equal(status.status, 404);
  const note = fs.statSync(path.join(dir, ".pocketvault/server.json"));
  assert.equal(note.mode & 0o777, 0o600);
});

test("a restore that keeps nothing makes a backup before, which brings everything back", (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  sql(path.join(dir, "data.db"), "DELETE FROM products WHERE id IN (SELECT id FROM products LIMIT 7)");
  const done = ok(cli(["restore", "a.zip", "--dir", dir, "--yes", "--keep-replaced", "0", "--json"]));
  const { report } = JSON.parse(done.stdout).job;
  assert.match(report.safetyBackup, /^@pre_restore_.*_\d{14}\.zip$/);
  assert.equal(report.replacedId, "");
  assert.deepEqual(kept(dir), []);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40");
  ok(cli(["verify", report.safetyBackup, "--dir", dir]));
  ok(cli(["restore", report.safetyBackup, "--dir", dir, "--yes", "--keep-replaced", "0", "--no-backup-first"]));
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "33");
});

test("status answers in any state, and tells a monitor what is too old", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  fs.rmSync(path.join(dir, "backups"), { recursive: true, force: true });
  const none = cli(["status", "--dir", dir, "--max-age", "26h"]);
  assert.equal(none.status, 10, none.stderr);
  assert.match(none.stdout, /^There is no backup\.\n/);
  ok(cli(["backup", "nightly.zip", "--dir", dir]));
  assert.match(ok(cli(["status", "--dir", dir, "--max-age", "26h"])).stdout, /^Newest backup: nightly\.zip, /);
  // Nothing could be restored from it.
  fs.truncateSync(path.join(dir, "backups/nightly.zip"), 5);
  assert.equal(cli(["status", "--dir", dir, "--max-age", "26h"]).status, 10);
  const person = await holder(t, path.join(dir, "data.db"));
  const nothing = cli(["status", "--dir", dir, "--json"]);
  assert.equal(nothing.status, 10, nothing.stderr);
  const status = JSON.parse(nothing.stdout);
  assert.equal(status.newest, null);
  assert.equal(status.risk, "no backup can be relied on");
  assert.equal(status.discounted[0].size, 5);
  assert.equal(status.backups.count, 1);
  assert.deepEqual(status.users, [{ pid: person.pid, program: "python3" }]);
  assert.ok(status.data.free > 0 && status.backups.free > 0);
  assert.equal(status.job, null);
  assert.equal(cli(["status", "--dir", path.join(dir, "none")]).status, 5);
  const server = await startServer(t);
  const token = await signIn(server);
  const remote = cli(["status", "--url", server.url, "--token", token, "--json"]);
  assert.equal(remote.status, 10, "a server that has made none yet");
  assert.equal(JSON.parse(remote.stdout).newest, null);
});

test("a restore and an undo name who has the databases open, and how to go on", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  ok(cli(["restore", "fixture.zip", "--dir", dir, "--yes"]));
  const person = await holder(t, path.join(dir, "data.db"));
  for (const command of [["restore", "fixture.zip"], ["undo"]]) {
    const refused = cli([...command, "--dir", dir, "--yes"]);
    assert.equal(refused.status, 6, refused.stderr);
    assert.match(refused.stderr, new RegExp(`in use by python3 \\(process ${person.pid}[,)]`));
    assert.match(refused.stderr, /Stop that first: /);
  }
  await person.end();
  ok(cli(["undo", "--dir", dir, "--yes"]));
});

test("a backup beside a process that has lost its locks says so, and is sound", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const database = path.join(dir, "data.db");
  // As PocketBase's own backup does: the files opened and closed beside SQLite.
  const person = await holder(t, database, `for s in ("", "-wal", "-shm"): open(sys.argv[1] + s, "rb").close()`);
  const warned = cli(["backup", "a.zip", "--dir", dir]);
  assert.equal(warned.status, 3, warned.stderr);
  assert.match(warned.stderr, new RegExp(`python3 \\(process ${person.pid}.*lost its locks`));
  await person.end();
  ok(cli(["backup", "b.zip", "--dir", dir]));
  ok(cli(["verify", "a.zip", "--dir", dir]));
});
