// The command line on a folder, beside a server, and against a remote one.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, fixtures, program, signIn, sql, startServer, superuser, tempFolder, tinyZip, unpackFixture } from "./support.mjs";

const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };

test("a restore keeps stored files that are unchanged, and an undo brings every byte back", (t) => {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  const files = () => spawnSync("find", [path.join(dir, "storage"), "-type", "f", "-exec", "sha256sum", "{}", "+"], { encoding: "utf8" }).stdout.split("\n").sort().join("\n");
  const restore = (...words) => JSON.parse(ok(cli(["restore", "a.zip", "--dir", dir, "--yes", "--json", ...words])).stdout).job.report;
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const before = files();
  const changed = before.trim().split("\n")[0].replace(/^\w+ +/, "");
  fs.writeFileSync(changed, "changed since");
  const now = files();
  const report = restore();
  assert.equal(files(), before);
  assert.equal(report.unchangedFiles, before.trim().split("\n").length - 1);
  assert.ok(report.unchangedBytes > 0);
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.equal(files(), now);
  assert.equal(restore("--no-delta").unchangedFiles, 0);
  assert.equal(files(), before);
});

for (const version of ["0.36.6", "0.39.11"]) {
  test(`a folder that PocketBase ${version} wrote: backup, list, show, verify, change, restore, undo`, async (t) => {
    const folder = tempFolder(t);
    const dir = unpackFixture(version, folder);
    const data = path.join(dir, "data.db");
    const schema = sql(data, "SELECT group_concat(sql, char(10)) FROM sqlite_master");
    const count = () => sql(data, "SELECT count(*) FROM products");
    const made = JSON.parse(ok(cli(["backup", "first.zip", "--dir", dir, "--json"])).stdout).job;
    assert.equal(made.name, "first.zip");
    assert.equal(made.state, "succeeded");
    const list = JSON.parse(ok(cli(["list", "--dir", dir, "--json"])).stdout);
    assert.deepEqual(list.map((b) => b.key), ["first.zip", "fixture.zip"]);
    ok(cli(["show", "first.zip", "--dir", dir]));
    ok(cli(["verify", "first.zip", "--dir", dir]));
    ok(cli(["verify", "fixture.zip", "--dir", dir]));

    const photos = () => spawnSync("find", [path.join(dir, "storage"), "-type", "f"], { encoding: "utf8" }).stdout.split("\n").sort().join();
    const before = photos();
    sql(data, "DELETE FROM products");
    fs.rmSync(path.join(dir, "storage"), { recursive: true });
    ok(cli(["restore", "first.zip", "--dir", dir, "--yes"]));
    assert.equal(count(), "40");
    assert.equal(photos(), before);
    assert.equal(sql(data, "SELECT group_concat(sql, char(10)) FROM sqlite_master"), schema, "the schema is as PocketBase made it");
    ok(cli(["undo", "--dir", dir, "--yes"]));
    assert.equal(count(), "0");
    assert.equal(fs.existsSync(path.join(dir, "storage")), false);
    ok(cli(["undo", "--dir", dir, "--yes"]));
    assert.equal(count(), "40", "an undo can be undone");
  });

  test(`a backup that PocketBase ${version} wrote is restored, its WAL applied`, async (t) => {
    const dir = path.join(tempFolder(t), "pb_data");
    fs.mkdirSync(dir);
    ok(cli(["superuser", "upsert", "other@example.com", "--dir", dir], { input: "another password" }));
    ok(cli(["restore", path.join(fixtures, `pocketbase-${version}-backup.zip`), "--dir", dir, "--yes"]));
    assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40");
    assert.equal(sql(path.join(dir, "data.db"), "SELECT email FROM _superusers"), superuser.email);
    const server = await startServer(t, { dir, createSuperuser: false });
    assert.ok(await signIn(server));
  });
}

test("exit codes say what happened", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  assert.equal(cli(["version"]).status, 0);
  assert.equal(cli(["--help"]).status, 0);
  assert.equal(cli(["backup", "--no-such-flag"]).status, 2);
  assert.equal(cli(["nonsense"]).status, 2);
  assert.equal(cli(["show", "missing.zip", "--dir", dir]).status, 5);
  assert.equal(cli(["list", "--dir", path.join(folder, "nowhere")]).status, 5);
  assert.equal(cli(["restore", "fixture.zip", "--dir", dir]).status, 9, "no terminal and no --yes");
  const damaged = fs.readFileSync(path.join(fixtures, "pocketbase-0.36.6-backup.zip"));
  damaged[20_000] ^= 0xff;
  fs.writeFileSync(path.join(dir, "backups/damaged.zip"), damaged);
  assert.equal(cli(["verify", "damaged.zip", "--dir", dir]).status, 7);
  assert.equal(cli(["restore", "damaged.zip", "--dir", dir, "--yes", "--no-delta"]).status, 7);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40", "nothing was touched");
  fs.symlinkSync("/nowhere/at/all", path.join(dir, "storage/dangling"));
  const warned = cli(["backup", "warned.zip", "--dir", dir]);
  assert.equal(warned.status, 3, warned.stderr);
  assert.match(warned.stderr + warned.stdout, /dangling/);
  assert.equal(cli(["list", "--url", "http://127.0.0.1:9", "--token", "x.y.z"]).status, 8);
  const server = await startServer(t);
  assert.equal(cli(["list", "--url", server.url, "--token", "nonsense"]).status, 4);
});

test("without libcurl everything works that talks to nobody", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  fs.writeFileSync(path.join(folder, "libcurl.so.4"), "no library");
  const env = { LD_LIBRARY_PATH: folder };
  ok(cli(["backup", "one.zip", "--dir", dir], { env }));
  ok(cli(["status", "--dir", dir], { env }));
  const asked = cli(["list", "--url", "http://127.0.0.1:9", "--token", "x.y.z"], { env });
  assert.equal(asked.status, 8);
  assert.match(asked.stderr, /libcurl can't be loaded \(Debian has it in libcurl4\): .*libcurl\.so\.4: /);
});

test("one job at a time across processes", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  // A named pipe in place of nothing: a big sparse file makes the first backup last.
  spawnSync("truncate", ["-s", "20G", path.join(dir, "storage/huge.bin")]);
  const first = spawn(program, ["backup", "long.zip", "--dir", dir], { stdio: "ignore" });
  const lock = path.join(dir, ".pocketvault");
  let second;
  const end = Date.now() + 10_000;
  do {
    await new Promise((resolve) => setTimeout(resolve, 100));
    second = fs.existsSync(lock) ? cli(["backup", "second.zip", "--dir", dir]) : { status: -1 };
  } while (second.status !== 6 && first.exitCode === null && Date.now() < end);
  assert.equal(second.status, 6, second.stderr);
  assert.match(second.stderr, /backup/);
  first.kill("SIGINT");
  const start = Date.now();
  const [code] = await once(first, "exit");
  assert.equal(code, 130);
  assert.ok(Date.now() - start < 5_000);
  assert.deepEqual(fs.readdirSync(path.join(dir, "backups")).filter((f) => /long|part/.test(f)), [], "nothing is left");
});

test("remote: login, backup, list, download, upload, verify, restore, delete", async (t) => {
  const server = await startServer(t);
  const folder = tempFolder(t);
  const env = { XDG_CONFIG_HOME: folder };
  ok(cli(["login", superuser.email, "--url", server.url], { input: superuser.password, env }));
  const remote = (...args) => cli([...args, "--url", server.url], { env, cwd: folder });
  ok(remote("backup", "far.zip"));
  assert.deepEqual(JSON.parse(ok(remote("list", "--json")).stdout).map((b) => b.key), ["far.zip"]);
  ok(remote("show", "far.zip"));
  ok(remote("verify", "far.zip"));
  ok(remote("download", "far.zip"));
  const bytes = fs.readFileSync(path.join(folder, "far.zip"));
  assert.ok(bytes.length > 1000);
  fs.renameSync(path.join(folder, "far.zip"), path.join(folder, "again.zip"));
  ok(remote("upload", "again.zip"));
  ok(remote("restore", "again.zip", "--yes"));
  ok(remote("undo", "--yes"));
  const nothing = remote("undo", "nope", "--yes");
  assert.equal(nothing.status, 5);
  assert.match(nothing.stderr, /no replaced data has that id/);
  const wrong = cli(["login", superuser.email, "--url", server.url], { input: "not it at all", env });
  assert.equal(wrong.status, 4);
  assert.match(wrong.stderr, /does not take this e-mail and password/);
  ok(remote("delete", "far.zip", "again.zip"));
  assert.equal(remote("delete", "far.zip").status, 5);
  assert.deepEqual(JSON.parse(ok(remote("list", "--json")).stdout), []);
  assert.equal(fs.statSync(path.join(folder, "pocketvault")).isDirectory(), true);
});

test("a restore from the shell beside a running server is done by the server", async (t) => {
  const server = await startServer(t);
  ok(cli(["backup", "here.zip", "--dir", server.dir]));
  ok(cli(["superuser", "upsert", "late@example.com", "--dir", server.dir], { input: "late password" }));
  ok(cli(["restore", "here.zip", "--dir", server.dir, "--yes"]));
  await assert.rejects(signIn(server, { email: "late@example.com", password: "late password" }), /400/);
  assert.ok(await signIn(server));
});

test("superuser: create, update, delete, and what PocketBase says of mistakes", (t) => {
  const dir = path.join(tempFolder(t), "pb_data");
  fs.mkdirSync(dir);
  const su = (args, input = "") => cli(["superuser", ...args, "--dir", dir], { input });
  assert.match(ok(su(["create", "a@example.com", "long password"])).stdout, /Successfully created new superuser "a@example.com"!/);
  assert.match(su(["create", "a@example.com", "long password"]).stderr, /email: Value must be unique\./);
  assert.match(su(["create", "b@example.com"], "short\n").stderr, /Must be at least 8 character/);
  assert.match(su(["update", "b@example.com", "long password"]).stderr, /doesn't exist/);
  assert.match(su(["create", "not-an-email", "long password"]).stderr, /email/i);
  assert.match(su(["delete", "a@example.com"]).stderr, /only existing superuser/);
  ok(su(["upsert", "b@example.com"], "long password\n"));
  ok(su(["delete", "a@example.com"]));
});

test("backups kept in another folder", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  const elsewhere = fs.mkdtempSync("/dev/shm/pocketvault-e2e-");
  t.after(() => fs.rmSync(elsewhere, { recursive: true, force: true }));
  ok(cli(["backup", "far.zip", "--dir", dir, "--backups-dir", elsewhere]));
  assert.ok(fs.existsSync(path.join(elsewhere, "far.zip")));
  ok(cli(["restore", "far.zip", "--dir", dir, "--backups-dir", elsewhere, "--yes"]));
  assert.equal(fs.writeFileSync(path.join(folder, "t.zip"), tinyZip), undefined);
  ok(cli(["upload", path.join(folder, "t.zip"), "--dir", dir, "--backups-dir", elsewhere]));
  assert.ok(fs.existsSync(path.join(elsewhere, "t.zip")));
});

test("the worst day: data.db is damaged, or gone; the backups are still there to be restored", (t) => {
  const damages = {
    "random bytes": (data) => fs.writeFileSync(data, Buffer.alloc(40_000, 0x5a)),
    "an empty file": (data) => fs.writeFileSync(data, ""),
    "gone": (data) => fs.rmSync(data),
  };
  for (const [label, damage] of Object.entries(damages)) {
    const dir = unpackFixture("0.36.6", fs.mkdtempSync(path.join(tempFolder(t), "x")));
    ok(cli(["backup", "good.zip", "--dir", dir]));
    for (const suffix of ["-wal", "-shm"]) fs.rmSync(path.join(dir, "data.db" + suffix), { force: true });
    damage(path.join(dir, "data.db"));
    assert.notEqual(cli(["backup", "bad.zip", "--dir", dir]).status, 0, label);
    assert.deepEqual(JSON.parse(ok(cli(["list", "--dir", dir, "--json"])).stdout).map((b) => b.key), ["fixture.zip", "good.zip"], label);
    ok(cli(["verify", "good.zip", "--dir", dir]));
    ok(cli(["restore", "good.zip", "--dir", dir, "--yes"]));
    assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40", label);
  }
});

test("an undo that fails keeps the only copy of what it was to bring back", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const data = path.join(dir, "data.db");
  ok(cli(["backup", "b.zip", "--dir", dir]));
  sql(data, "CREATE TABLE precious (n); INSERT INTO precious VALUES (42)");
  ok(cli(["restore", "b.zip", "--dir", dir, "--yes"]));
  const vault = path.join(dir, ".pocketvault");
  const kept = () => fs.readdirSync(vault).map((name) => path.join(vault, name, "pb_data/data.db")).find((file) => fs.existsSync(file));
  // A program keeps the replaced database locked.
  const script = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("pragma locking_mode=exclusive"); c.execute("insert into precious values (43)")
print("ready", flush=True); sys.stdin.read()`;
  const child = spawn("python3", ["-c", script, kept()], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  assert.notEqual(cli(["undo", "--dir", dir, "--yes"]).status, 0);
  assert.equal(sql(data, "SELECT count(*) FROM products"), "40", "the restored data is in place");
  child.stdin.end();
  await once(child, "exit");
  assert.equal(sql(kept(), "SELECT count(*) FROM precious WHERE n = 42"), "1", "and the replaced data is still there");
});

const canUnshare = spawnSync("unshare", ["-pf", "--mount-proc", "true"]).status === 0;

test("a process that cannot be seen from here still stops a restore", { skip: !canUnshare && "needs to make a process namespace" }, async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  ok(cli(["backup", "b.zip", "--dir", dir]));
  const script = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("select * from products").fetchall()
print("ready", flush=True); sys.stdin.read()`;
  const child = spawn("python3", ["-c", script, path.join(dir, "data.db")], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  const hidden = spawnSync("unshare", ["-pf", "--mount-proc", program, "restore", "b.zip", "--dir", dir, "--yes"], { encoding: "utf8" });
  assert.equal(hidden.status, 6, hidden.stderr);
  assert.match(hidden.stderr, /in use by a process/);
  child.stdin.end();
  await once(child, "exit");
});
