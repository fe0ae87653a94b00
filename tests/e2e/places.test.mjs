// Whose files, links, volumes and names a command meets, and what it leaves there.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, fixtures, program, sql, tempFolder, unpackFixture } from "./support.mjs";

const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const isRoot = process.getuid() === 0;
const mayMount = isRoot && spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;
const archive = path.join(fixtures, "pocketbase-0.39.11-backup.zip");

// A database that a program has open.
async function holder(t, database) {
  const child = spawn("python3", ["-c",
    'import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute("select * from products").fetchall()\nprint("ready", flush=True); sys.stdin.read()',
    database], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child.pid;
}

test("get and download write over no database of a data directory", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const before = fs.readFileSync(path.join(dir, "data.db"));
  for (const target of ["data.db", "data.db-wal", "auxiliary.db", ".pocketvault/x", ".pocketvault/vault.db"]) {
    const into = path.join(dir, target);
    for (const words of [["get", archive, "data.db"], ["download", "a.zip", "--dir", dir]]) {
      const refused = cli([...words, "-f", "-o", into]);
      assert.equal(refused.status, 2, `${words[0]} ${target}: ${refused.stderr}`);
    }
  }
  assert.equal(cli(["get", archive, "data.db", "-f"], { cwd: dir }).status, 2);
  fs.symlinkSync(dir, path.join(folder, "link"));
  assert.equal(cli(["get", archive, "data.db", "-f", "-o", path.join(folder, "link/data.db")]).status, 2);
  // A folder of the archive whose files would land there.
  fs.mkdirSync(path.join(folder, "made/pb_data"), { recursive: true });
  fs.writeFileSync(path.join(folder, "made/pb_data/data.db"), "no database");
  assert.equal(spawnSync("zip", ["-qr", "../made.zip", "pb_data"], { cwd: path.join(folder, "made") }).status, 0);
  assert.equal(cli(["get", path.join(folder, "made.zip"), "pb_data", "-f"], { cwd: folder }).status, 2);
  assert.deepEqual(fs.readFileSync(path.join(dir, "data.db")), before);
  // One lost upload put back is no exchange of databases.
  const photo = spawnSync("find", ["storage", "-type", "f", "!", "-name", "*.attrs"], { cwd: dir, encoding: "utf8" }).stdout.split("\n")[0];
  ok(cli(["get", "a.zip", photo, "--dir", dir, "-f", "-o", path.join(dir, photo)]));
});

test("what root's commands make in an app's directory, the app can use", { skip: !isRoot && "needs root" }, (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  fs.rmSync(path.join(dir, "backups"), { recursive: true });
  fs.chmodSync(folder, 0o755);
  assert.equal(spawnSync("chown", ["-R", "65534:65534", dir]).status, 0);
  const run = (...words) => cli([...words, "--dir", dir]);
  ok(run("backup", "a.zip"));
  ok(run("verify", "a.zip"));
  sql(path.join(dir, "data.db"), "DELETE FROM products");
  assert.equal(spawnSync("chown", ["-R", "65534:65534", path.join(dir, "data.db-wal"), path.join(dir, "data.db-shm")]).error, undefined);
  ok(run("restore", "a.zip", "--yes"));
  const roots = spawnSync("find", [dir, "-user", "root"], { encoding: "utf8" }).stdout;
  assert.equal(roots, "", "nothing is root's");
  const app = (...words) => cli([...words, "--dir", dir], { uid: 65534, gid: 65534 });
  ok(app("undo", "--yes"));
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "0");
  ok(app("backup", "b.zip"));
  ok(app("verify", "b.zip"));
  ok(app("delete", "a.zip", "b.zip"));
});

test("links in the place of our folders are refused, and nothing is made behind them", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  const elsewhere = path.join(folder, "elsewhere");
  fs.mkdirSync(elsewhere);
  for (const name of [".pocketvault", ".pocketvault-restore"]) {
    fs.symlinkSync(elsewhere, path.join(dir, name));
    for (const words of [["backup", "a.zip"], ["list"], ["status"], ["restore", "fixture.zip", "--yes"]]) {
      const refused = cli([...words, "--dir", dir]);
      assert.equal(refused.status, 2, `${words[0]}: ${refused.stderr}`);
      assert.ok(refused.stderr.includes(`${name} is a link`), refused.stderr);
    }
    fs.unlinkSync(path.join(dir, name));
  }
  assert.deepEqual(fs.readdirSync(elsewhere), []);
});

test("a link in the place of our folder on a volume is not followed", { skip: !mayMount && "not allowed to mount here" }, (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  const elsewhere = path.join(folder, "elsewhere");
  fs.mkdirSync(path.join(elsewhere, "restore-abandoned"), { recursive: true });
  fs.symlinkSync(elsewhere, path.join(dir, "storage/.pocketvault-restore"));
  const done = spawnSync("unshare", ["--mount", "sh", "-c",
    'mount --bind "$1/storage" "$1/storage" && exec "$2" restore fixture.zip --yes --dir "$1"', "sh", dir, program], { encoding: "utf8" });
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /storage\/\.pocketvault-restore is a link/);
  assert.deepEqual(fs.readdirSync(elsewhere), ["restore-abandoned"]);
});

test("--dry-run tells who has the databases open", async (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const pid = await holder(t, path.join(dir, "data.db"));
  const run = cli(["restore", "fixture.zip", "--dry-run", "--dir", dir, "--json"]);
  assert.equal(run.status, 3, run.stderr);
  assert.match(run.stderr, new RegExp(`in use by python3 \\(process ${pid}[,)]`));
  assert.equal(JSON.parse(run.stdout).job.preflight.verdict, "warnings");
});

test("--dry-run tells of a volume that may only be read", { skip: !mayMount && "not allowed to mount here" }, (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const dryRun = (mounted) => {
    const done = spawnSync("unshare", ["--mount", "sh", "-c",
      'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" restore a.zip --dry-run --json --dir "$3"',
      "sh", path.join(dir, mounted), program, dir], { encoding: "utf8" });
    assert.equal(done.status, 1, done.stdout + done.stderr);
    return JSON.parse(done.stdout).job.preflight;
  };
  const storage = dryRun("storage");
  assert.equal(storage.verdict, "refused");
  assert.match(storage.reasons[0].message, /storage: .*a restore has to write there/i);
  assert.equal(storage.databasesChecked, true);
  const all = dryRun("");
  assert.equal(all.verdict, "refused");
  assert.equal(all.databasesChecked, false);
  assert.ok(all.files !== null, "the rest is told all the same");
});

test("--dry-run reports though the data in place can't be looked through", { skip: !isRoot && "needs another user" }, (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  fs.chmodSync(folder, 0o755);
  assert.equal(spawnSync("chown", ["-R", "65534:65534", dir]).status, 0);
  fs.chmodSync(dir, 0o311);
  const run = cli(["restore", "fixture.zip", "--dry-run", "--dir", dir, "--json"], { uid: 65534, gid: 65534 });
  assert.equal(run.status, 3, run.stderr);
  assert.match(run.stderr, /Warning: what would change could not be found out: .*Permission denied/);
  const found = JSON.parse(run.stdout).job.preflight;
  assert.equal(found.files, null);
  assert.equal(found.databasesChecked, true);
});

test("backups are refused on what is mounted among the data", { skip: !mayMount && "not allowed to mount here" }, (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  for (const name of ["volume/sub", "seen", "part"]) fs.mkdirSync(path.join(folder, name), { recursive: true });
  fs.mkdirSync(path.join(dir, "storage/deep/er"), { recursive: true });
  const done = spawnSync("unshare", ["--mount", "sh", "-euc", `
    mount --bind "$F/volume" "$F/pb_data/storage/deep/er"
    mount --bind "$F/volume" "$F/seen"
    mount --bind "$F/pb_data/storage/deep" "$F/part"
    for backups in volume volume/sub seen seen/sub part part/er new; do
      "$PV" list --dir "$F/pb_data" --backups-dir "$F/$backups" >/dev/null 2>&1 && echo "$backups: taken" || echo "$backups: $?"
    done`], { encoding: "utf8", env: { ...process.env, F: folder, PV: program } });
  assert.equal(done.status, 0, done.stderr);
  assert.deepEqual(done.stdout.trim().split("\n"),
    ["volume: 2", "volume/sub: 2", "seen: 2", "seen/sub: 2", "part: 2", "part/er: 2", "new: taken"]);
});

test("the newest backup of the status is one that can be relied on", (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const age = (name, hours) => fs.utimesSync(path.join(dir, "backups", name), new Date(), new Date(Date.now() - hours * 3600_000));
  fs.rmSync(path.join(dir, "backups"), { recursive: true });
  ok(cli(["backup", "a.zip", "--dir", dir]));
  age("a.zip", 30);
  for (const [name, hours] of [["cut.zip", 20], ["@pre_restore_acme_20261121005447.zip", 10], ["future.zip", -1000]]) {
    fs.copyFileSync(path.join(dir, "backups/a.zip"), path.join(dir, "backups", name));
    if (name === "cut.zip") fs.truncateSync(path.join(dir, "backups", name), 20_000);
    age(name, hours);
  }
  const late = cli(["status", "--dir", dir, "--max-age", "26h"]);
  assert.equal(late.status, 10, late.stdout);
  assert.match(late.stdout, /^Newest backup: a\.zip, 30 h ago .*, never verified; newer ones don't count\.\n/);
  assert.match(late.stdout, /not counted +future\.zip, in 41 d: its time lies in the future\n/);
  assert.match(late.stdout, /not counted +cut\.zip, 20 h ago: damaged: /);
  ok(cli(["status", "--dir", dir, "--max-age", "31h"]));
  const { newest, discounted, backups } = JSON.parse(ok(cli(["status", "--dir", dir, "--json"])).stdout);
  assert.equal(newest.key, "a.zip");
  assert.deepEqual(discounted.map((one) => one.key), ["future.zip", "@pre_restore_acme_20261121005447.zip", "cut.zip"]);
  assert.equal(backups.count, 4);
});
