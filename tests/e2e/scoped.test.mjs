// Looking into backups, and taking parts out of them: in a folder, in a file, and on a server.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import crypto from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, fixtures, raw, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };
const backupFile = path.join(fixtures, "pocketbase-0.36.6-backup.zip");

// What another program takes out of it.
function unzipped(t, file) {
  const folder = tempFolder(t);
  const done = spawnSync("unzip", ["-q", file, "-d", folder]);
  assert.equal(done.status, 0, String(done.stderr));
  return folder;
}
const treeOf = (folder) => spawnSync("find", [".", "-type", "f", "-exec", "sha256sum", "{}", "+"], { cwd: folder, encoding: "utf8" })
  .stdout.trim().split("\n").sort();

// Changes one byte of the packed data of `name`.
function damage(file, name) {
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf(Buffer.from(name)) + name.length + 200;
  bytes[at] ^= 0xff;
  fs.writeFileSync(file, bytes);
}

// A zip with whatever names, by Python, which does not mind.
function hostileZip(file) {
  const done = spawnSync("python3", ["-c", `
import zipfile, sys, warnings
warnings.simplefilter("ignore")
z = zipfile.ZipFile(sys.argv[1], "w")
z.writestr("data.db", "x")
z.writestr("../../escape.txt", "out")
z.writestr("storage/\\x1b[31mred\\n.txt", "coloured")
z.writestr("storage/a.txt", "first")
link = zipfile.ZipInfo("storage/link"); link.external_attr = 0o120777 << 16
z.writestr(link, "/etc/passwd")
z.writestr("twice.txt", "1"); z.writestr("twice.txt", "2")
`, file]);
  assert.equal(done.status, 0, String(done.stderr));
}

test("ls shows what a file holds, with folders that have no entries of their own", () => {
  const names = (...words) => ok(cli(["ls", backupFile, ...words])).stdout.trim().split("\n");
  assert.deepEqual(names().filter((name) => !/-(wal|shm)$/.test(name)), ["auxiliary.db", "data.db", "storage/"]);
  const all = JSON.parse(ok(cli(["ls", backupFile, "-R", "--json"])).stdout);
  const files = all.filter((item) => item.type === "file");
  const listed = spawnSync("unzip", ["-Z1", backupFile], { encoding: "utf8" }).stdout.trim().split("\n");
  assert.deepEqual(files.map((item) => item.name).sort(), listed.filter((name) => !name.endsWith("/")).sort());
  const storage = all.find((item) => item.name === "storage");
  assert.equal(storage.type, "folder");
  assert.equal(storage.files, files.filter((item) => item.name.startsWith("storage/")).length);
  assert.equal(storage.size, files.filter((item) => item.name.startsWith("storage/")).reduce((sum, item) => sum + item.size, 0));
  assert.equal(cli(["ls", backupFile, "nowhere"]).status, 5);
  assert.match(ok(cli(["ls", backupFile, "data.db", "-l"])).stdout, /^-rw-r--r-- +167\.9 kB +11\.8 kB +2026-\S+ \S+ +data\.db\n$/);
});

test("get takes out a database, a stored file and a folder, byte for byte", (t) => {
  const expected = unzipped(t, backupFile);
  const cwd = tempFolder(t);
  ok(cli(["get", backupFile, "data.db", "-o", "yesterday.db"], { cwd }));
  assert.deepEqual(fs.readFileSync(path.join(cwd, "yesterday.db")), fs.readFileSync(path.join(expected, "data.db")));
  const file = treeOf(path.join(expected, "storage"))[0].replace(/^\w+ +\.\//, "storage/");
  ok(cli(["get", backupFile, file], { cwd }));
  assert.deepEqual(fs.readFileSync(path.join(cwd, path.basename(file))), fs.readFileSync(path.join(expected, file)));
  assert.equal(cli(["get", backupFile, file, "-o", "-"], { encoding: "buffer" }).stdout.compare(fs.readFileSync(path.join(expected, file))), 0);
  ok(cli(["get", backupFile, "/storage/"], { cwd }));
  assert.deepEqual(treeOf(path.join(cwd, "storage")), treeOf(path.join(expected, "storage")));
  assert.equal(fs.readdirSync(cwd).filter((name) => name.startsWith(".")).length, 0, "nothing unfinished is left");
});

test("get overwrites with --force alone", (t) => {
  const cwd = tempFolder(t);
  fs.writeFileSync(path.join(cwd, "data.db"), "mine");
  assert.equal(cli(["get", backupFile, "data.db"], { cwd }).status, 1);
  assert.equal(fs.readFileSync(path.join(cwd, "data.db"), "utf8"), "mine");
  ok(cli(["get", backupFile, "data.db", "--force"], { cwd }));
  assert.equal(fs.readFileSync(path.join(cwd, "data.db")).subarray(0, 6).toString(), "SQLite");

  fs.mkdirSync(path.join(cwd, "storage"));
  fs.writeFileSync(path.join(cwd, "storage/mine.txt"), "mine");
  assert.equal(cli(["get", backupFile, "storage"], { cwd }).status, 1);
  ok(cli(["get", backupFile, "storage", "--force"], { cwd }));
  assert.equal(fs.readFileSync(path.join(cwd, "storage/mine.txt"), "utf8"), "mine", "what the backup lacks stays");
  assert.equal(treeOf(path.join(cwd, "storage")).length, 39);
});

test("get does not go through a link that stands in the target", (t) => {
  const cwd = tempFolder(t);
  const outside = tempFolder(t);
  fs.mkdirSync(path.join(cwd, "storage"));
  fs.symlinkSync(outside, path.join(cwd, "storage/pbc_4092854851"));
  assert.notEqual(cli(["get", backupFile, "storage", "--force"], { cwd }).status, 0);
  assert.deepEqual(fs.readdirSync(outside), []);
});

test("what is damaged never gets its name; the exit status tells", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  fs.writeFileSync(path.join(dir, "storage/big.bin"), Buffer.alloc(3 << 20, "seldom the same "));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const zip = path.join(folder, "a.zip");
  fs.copyFileSync(path.join(dir, "backups/a.zip"), zip);
  damage(zip, "storage/big.bin");
  const cwd = tempFolder(t);
  const got = cli(["get", zip, "storage/big.bin"], { cwd });
  assert.equal(got.status, 7, got.stderr);
  assert.equal(cli(["get", zip, "storage"], { cwd }).status, 7);
  assert.deepEqual(fs.readdirSync(cwd), []);
  assert.equal(cli(["get", zip, "storage/big.bin", "-o", "-"], { encoding: "buffer" }).status, 7);
  ok(cli(["get", zip, "data.db"], { cwd }));
});

test("hostile names are shown harmlessly and never written", (t) => {
  const folder = tempFolder(t);
  const zip = path.join(folder, "hostile.zip");
  hostileZip(zip);
  const shown = ok(cli(["ls", zip, "-R"])).stdout;
  assert.ok(!shown.includes("\x1b"), "no escape sequence reaches the terminal");
  assert.match(shown, /escape\.txt {2}\(can't be taken out: .*leads outside/);
  assert.match(shown, /storage\/link {2}\(can't be taken out/);
  const cwd = path.join(folder, "in/here");
  fs.mkdirSync(cwd, { recursive: true });
  for (const name of ["../../escape.txt", "escape.txt", "storage/link", "twice.txt"]) {
    assert.notEqual(cli(["get", zip, name], { cwd }).status, 0, name);
  }
  assert.deepEqual(fs.readdirSync(cwd), []);
  assert.equal(cli(["get", zip, "storage"], { cwd }).status, 3, "done, with a warning of the link");
  assert.equal(fs.readFileSync(path.join(cwd, "storage/a.txt"), "utf8"), "first");
  assert.equal(fs.existsSync(path.join(cwd, "storage/link")), false);
  assert.deepEqual(fs.readdirSync(folder).sort(), ["hostile.zip", "in"]);
});

test("ls and get work on a folder's backups and, with --url, on a server's", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  const server = await startServer(t, { dir });
  const env = { POCKETVAULT_TOKEN: await signIn(server) };
  const here = ["--dir", dir];
  const there = ["--url", server.url];
  const list = (where) => JSON.parse(ok(cli(["ls", "fixture", "--json", "-R", ...where], { env })).stdout);
  assert.deepEqual(list(there), list(here));
  assert.equal(cli(["ls", "fixture", "nowhere", ...there], { env }).status, 5);
  const cwd = tempFolder(t);
  ok(cli(["get", "fixture", "data.db", "-o", "one.db", ...here], { cwd }));
  ok(cli(["get", "fixture", "data.db", "-o", "two.db", ...there], { cwd, env }));
  assert.deepEqual(fs.readFileSync(path.join(cwd, "one.db")), fs.readFileSync(path.join(cwd, "two.db")));
  ok(cli(["get", "fixture", "storage", ...there], { cwd, env }));
  assert.deepEqual(treeOf(path.join(cwd, "storage")), treeOf(path.join(unzipped(t, path.join(dir, "backups/fixture.zip")), "storage")));
});

test("the API pages through entries, for superusers alone", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const server = await startServer(t, { dir });
  const headers = { Authorization: await signIn(server) };
  const base = `${server.url}/api/vault/backups/fixture.zip`;
  assert.equal((await fetch(`${base}/entries`)).status, 401);
  assert.equal((await fetch(`${base}/files/data.db`)).status, 401);
  const all = await (await fetch(`${base}/entries?recursive=true&perPage=10000`, { headers })).json();
  assert.equal(all.totalItems, all.items.length);
  assert.equal(all.item.name, "");
  const paged = [];
  for (let page = 1; ; page++) {
    const one = await (await fetch(`${base}/entries?recursive=true&perPage=7&page=${page}`, { headers })).json();
    assert.equal(one.totalPages, Math.ceil(all.totalItems / 7));
    paged.push(...one.items);
    if (page >= one.totalPages) break;
  }
  assert.deepEqual(paged, all.items);
  assert.equal((await fetch(`${base}/entries?path=nowhere`, { headers })).status, 404);
  assert.equal((await fetch(`${server.url}/api/vault/backups/nope.zip/entries`, { headers })).status, 404);
});

test("the API sends a file out of a backup, and breaks off where it is damaged", async (t) => {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  const text = Buffer.from("<script>alert(1)</script>\n".repeat(100_000));
  fs.writeFileSync(path.join(dir, "storage/snö.html"), text);
  fs.writeFileSync(path.join(dir, "storage/broken.bin"), Buffer.alloc(3 << 20, "seldom the same "));
  fs.writeFileSync(path.join(dir, "storage/small.bin"), crypto.randomBytes(2000));
  const server = await startServer(t, { dir });
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const token = await signIn(server);
  const headers = { Authorization: token };
  const base = `${server.url}/api/vault/backups/a.zip/files`;
  const url = `${base}/storage/${encodeURIComponent("snö.html")}`;
  const got = await fetch(url, { headers });
  assert.equal(got.status, 200);
  assert.equal(got.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(got.headers.get("content-length"), String(text.length));
  assert.equal(got.headers.get("x-content-type-options"), "nosniff");
  assert.match(got.headers.get("content-security-policy"), /sandbox/);
  assert.equal(got.headers.get("content-disposition"), `attachment; filename="sn__.html"; filename*=UTF-8''sn%c3%b6.html`);
  assert.ok(Buffer.from(await got.arrayBuffer()).equals(text));
  const slashes = await fetch(`${base}/${encodeURIComponent("storage/snö.html")}`, { method: "HEAD", headers });
  assert.equal(slashes.status, 200);
  assert.equal(slashes.headers.get("content-length"), String(text.length));
  assert.equal((await fetch(`${base}/storage`, { headers })).status, 400, "a folder");
  assert.equal((await fetch(`${base}/storage/nope`, { headers })).status, 404);

  damage(path.join(dir, "backups/a.zip"), "storage/small.bin");
  assert.equal((await fetch(`${base}/storage/small.bin`, { headers })).status, 400, "known before the answer begins");
  damage(path.join(dir, "backups/a.zip"), "storage/broken.bin");
  await assert.rejects(async () => (await fetch(`${base}/storage/broken.bin`, { headers })).arrayBuffer());
  const cut = await raw(server, `GET /api/vault/backups/a.zip/files/storage/broken.bin HTTP/1.1\r\nHost: x\r\nAuthorization: ${token}\r\n\r\n`);
  const body = cut.slice(cut.indexOf("\r\n\r\n") + 4);
  assert.ok(body.length < 3 << 20, "never all of it");
  assert.equal(cli(["get", "a.zip", "storage/broken.bin", "-o", "-", "--url", server.url], { env: { POCKETVAULT_TOKEN: token }, encoding: "buffer" }).status, 8);
});

test("the strict manner has none of it", async (t) => {
  const server = await startServer(t, { dir: unpackFixture("0.36.6", tempFolder(t)), args: ["--strict"] });
  const headers = { Authorization: await signIn(server) };
  assert.equal((await fetch(`${server.url}/api/vault/backups/fixture.zip/entries`, { headers })).status, 404);
  assert.equal(cli(["ls", "fixture.zip", "--url", server.url], { env: { POCKETVAULT_TOKEN: headers.Authorization } }).status, 1);
});

test("restore --to makes a new folder, checked, beside whatever runs", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  await startServer(t, { dir });
  const target = path.join(folder, "look");
  const done = JSON.parse(ok(cli(["restore", "fixture", "--to", target, "--dir", dir, "--json"])).stdout).job;
  assert.equal(done.kind, "extract");
  assert.equal(done.report.target, fs.realpathSync(target));
  assert.equal(sql(path.join(target, "data.db"), "SELECT count(*) FROM products"), "40");
  assert.deepEqual(treeOf(path.join(target, "storage")), treeOf(path.join(dir, "storage")));
  assert.deepEqual(fs.readdirSync(folder).sort(), ["look", "pb_data"], "nothing of the work is left");
  const again = cli(["restore", "fixture", "--to", target, "--dir", dir]);
  assert.equal(again.status, 1);
  assert.match(again.stderr, /look is not empty; a new or an empty folder is needed/);
  for (const inside of ["x", "storage/x", "backups/x"]) {
    const refused = cli(["restore", backupFile, "--to", path.join(dir, inside)]);
    assert.equal(refused.status, 1, inside);
    assert.match(refused.stderr, /lies in the data directory .*pb_data; choose a folder beside it/);
    assert.equal(fs.existsSync(path.join(dir, inside)), false);
  }
});

test("restore --to takes a file, a part, and an empty folder", (t) => {
  const folder = tempFolder(t);
  fs.mkdirSync(path.join(folder, "empty"), { mode: 0o750 });
  ok(cli(["restore", backupFile, "--to", path.join(folder, "empty"), "--only", "databases"]));
  assert.deepEqual(fs.readdirSync(path.join(folder, "empty")).sort(), ["auxiliary.db", "data.db"], "the WAL is applied");
  assert.equal(fs.statSync(path.join(folder, "empty")).mode & 0o777, 0o750);
  ok(cli(["restore", backupFile, "--to", path.join(folder, "stored"), "--only", "storage"]));
  assert.deepEqual(fs.readdirSync(path.join(folder, "stored")), ["storage"]);
  assert.equal(cli(["restore", backupFile, "--to", path.join(folder, "x"), "--only", "nope"]).status, 5);
  assert.equal(cli(["restore", backupFile, "--to", path.join(folder, "no/parent")]).status, 5);
  assert.equal(cli(["restore", backupFile, "--to", path.join(folder, "x"), "--only", "../x"]).status, 2);
});

test("a damaged archive makes no folder, and what a crash left is cleared away", (t) => {
  const folder = tempFolder(t);
  const zip = path.join(folder, "a.zip");
  fs.copyFileSync(backupFile, zip);
  damage(zip, "data.db");
  const left = path.join(folder, ".pocketvault-to/tmp-0123456789");
  fs.mkdirSync(path.join(left, "work"), { recursive: true });
  fs.writeFileSync(path.join(left, "lock"), "");
  fs.mkdirSync(path.join(folder, "tmp-mine"));
  assert.equal(cli(["restore", zip, "--to", path.join(folder, "x")]).status, 7);
  assert.deepEqual(fs.readdirSync(folder).sort(), ["a.zip", "tmp-mine"]);
});

test("restore --to from a server", async (t) => {
  const folder = tempFolder(t);
  const server = await startServer(t, { dir: unpackFixture("0.36.6", tempFolder(t)) });
  const env = { POCKETVAULT_TOKEN: await signIn(server) };
  ok(cli(["restore", "fixture", "--to", path.join(folder, "x"), "--url", server.url], { env }));
  assert.equal(sql(path.join(folder, "x/data.db"), "SELECT count(*) FROM products"), "40");
  assert.deepEqual(fs.readdirSync(folder), ["x"]);
});

// name -> inode, size and time of change of every file of the data; our own folder and the backups left out.
function statsOf(dir) {
  const stats = {};
  for (const entry of fs.readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    const name = path.relative(dir, file);
    if (!entry.isFile() || /^(\.pocketvault|backups)\//.test(name) || /-(wal|shm)$/.test(name)) continue;
    const { ino, size, mtimeMs } = fs.statSync(file);
    stats[name] = `${ino} ${size} ${mtimeMs}`;
  }
  return stats;
}
const without = (stats, pattern) => Object.fromEntries(Object.entries(stats).filter(([name]) => !pattern.test(name)));
const restoreOnly = (dir, parts, ...more) =>
  cli(["restore", "a.zip", "--dir", dir, "--yes", ...parts.flatMap((part) => ["--only", part]), ...more]);
const products = (dir) => sql(path.join(dir, "data.db"), "SELECT count(*) FROM products");

// A directory with the backup a.zip, and what has changed since: 7 products less, one file changed,
// one record's folder gone, one file new.
function changedSince(t) {
  const dir = unpackFixture("0.36.6", tempFolder(t));
  ok(cli(["backup", "a.zip", "--dir", dir]));
  const stored = Object.keys(statsOf(dir)).filter((name) => /^storage\/.*\.txt$/.test(name)).sort();
  sql(path.join(dir, "data.db"), "DELETE FROM products WHERE id IN (SELECT id FROM products LIMIT 7)");
  fs.writeFileSync(path.join(dir, stored[0]), "changed since");
  fs.rmSync(path.join(dir, path.dirname(stored[1])), { recursive: true });
  fs.writeFileSync(path.join(dir, path.dirname(stored[0]), "new.txt"), "new since");
  return { dir, changed: stored[0], gone: stored[1], added: path.join(path.dirname(stored[0]), "new.txt") };
}

test("restore --only databases leaves every file alone, and its undo every record", (t) => {
  const { dir } = changedSince(t);
  const before = statsOf(dir);
  const done = JSON.parse(ok(restoreOnly(dir, ["databases"], "--json")).stdout).job;
  assert.equal(done.report.scope, "databases");
  assert.match(done.report.note, /^records and files are of different times/);
  assert.equal(products(dir), "40");
  assert.deepEqual(without(statsOf(dir), /\.db$/), without(before, /\.db$/));
  const [kept] = JSON.parse(ok(cli(["replaced", "--dir", dir, "--json"])).stdout);
  assert.deepEqual(kept.only, ["auxiliary.db", "data.db"]);
  assert.match(ok(cli(["replaced", "--dir", dir])).stdout, / a\.zip \(only auxiliary\.db and 1 more\)\n/);
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.equal(products(dir), "33");
  assert.deepEqual(without(statsOf(dir), /\.db$/), without(before, /\.db$/));
});

test("restore --only a file brings that back, with its folder, and an undo takes both away", (t) => {
  const { dir, changed, gone, added } = changedSince(t);
  const before = statsOf(dir);
  ok(restoreOnly(dir, [changed, gone]));
  assert.notEqual(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
  assert.ok(fs.existsSync(path.join(dir, `${gone}.attrs`)), "what PocketBase keeps beside it comes too");
  assert.equal(products(dir), "33");
  assert.ok(fs.existsSync(path.join(dir, added)));
  const touched = new RegExp(`^(${changed}|${gone})(\\.attrs)?$`);
  assert.deepEqual(without(statsOf(dir), touched), without(before, touched));
  // Other work goes on, and is left alone by the undo.
  fs.writeFileSync(path.join(dir, added), "newer");
  sql(path.join(dir, "data.db"), "DELETE FROM products WHERE id IN (SELECT id FROM products LIMIT 1)");
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.equal(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
  assert.equal(fs.existsSync(path.join(dir, path.dirname(gone))), false);
  assert.equal(fs.readFileSync(path.join(dir, added), "utf8"), "newer");
  assert.equal(products(dir), "32");
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.ok(fs.existsSync(path.join(dir, gone)), "an undo can be undone");
});

test("a folder is replaced as a whole, and a dry run tells so", (t) => {
  const { dir, added, changed } = changedSince(t);
  const folder = path.dirname(changed);
  const before = statsOf(dir);
  const told = JSON.parse(ok(cli(["restore", "a.zip", "--dir", dir, "--dry-run", "--only", folder, "--json"])).stdout).job;
  assert.equal(told.report.scope, folder);
  assert.equal(told.report.entries, 2);
  assert.deepEqual(told.preflight.files.removed.names, [added]);
  assert.deepEqual(told.preflight.files.changed.names, [changed]);
  assert.equal(told.preflight.files.added.files, 0, "nothing outside of it");
  assert.deepEqual(told.preflight.databases, []);
  assert.deepEqual(told.preflight.collections, []);
  assert.deepEqual(statsOf(dir), before);
  ok(restoreOnly(dir, [folder]));
  assert.equal(fs.existsSync(path.join(dir, added)), false);
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.deepEqual(statsOf(dir), before, "the very same files");
});

test("a part that can't be, or that the backup lacks, is refused and touches nothing", (t) => {
  const { dir } = changedSince(t);
  const before = statsOf(dir);
  const cases = [["../x", 2], ["data.db-wal", 2], ["backups", 2], [".pocketvault/lock", 2], ["", 2],
    ["nope", 5], ["storage/nope", 5]];
  for (const [part, status] of cases) {
    for (const more of [[], ["--dry-run"], ["--only", "databases"]]) {
      assert.equal(restoreOnly(dir, [part], ...more).status, status, `${part} ${more}`);
    }
  }
  fs.rmSync(path.join(dir, "storage"), { recursive: true });
  fs.symlinkSync(tempFolder(t), path.join(dir, "storage"));
  ok(cli(["backup", "bare.zip", "--dir", dir, "--without-logs"]));
  fs.rmSync(path.join(dir, "storage"));
  const bare = (part) => cli(["restore", "bare.zip", "--dir", dir, "--yes", "--only", part]);
  const refused = bare("storage");
  assert.equal(refused.status, 5);
  assert.match(refused.stderr, /the archive has no storage/);
  const logs = fs.statSync(path.join(dir, "auxiliary.db")).ino;
  ok(bare("databases"));
  assert.equal(fs.statSync(path.join(dir, "auxiliary.db")).ino, logs, "the logs in place stay");
  assert.equal(before["auxiliary.db"].split(" ")[0], String(logs));
});

test("only what is wanted has to be sound", (t) => {
  const { dir, changed, gone } = changedSince(t);
  damage(path.join(dir, "backups/a.zip"), gone);
  assert.equal(restoreOnly(dir, ["storage"]).status, 7);
  assert.equal(restoreOnly(dir, ["storage"], "--dry-run").status, 7);
  assert.equal(restoreOnly(dir, [changed], "--dry-run").status, 0);
  ok(restoreOnly(dir, [changed]));
  ok(restoreOnly(dir, ["databases"]));
  assert.equal(products(dir), "40");
});

test("files come back beside a running app, databases do not", async (t) => {
  const { dir, changed } = changedSince(t);
  const script = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("select * from products").fetchall()
print("ready", flush=True); sys.stdin.read()`;
  const app = spawn("python3", ["-c", script, path.join(dir, "data.db")], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => app.kill("SIGKILL"));
  await once(app.stdout, "data");
  const before = statsOf(dir);
  assert.equal(restoreOnly(dir, ["databases"]).status, 6);
  assert.equal(restoreOnly(dir, ["databases", "storage"]).status, 6);
  assert.deepEqual(statsOf(dir), before);
  ok(restoreOnly(dir, [changed]));
  assert.notEqual(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
  ok(cli(["undo", "--dir", dir, "--yes"]));
  assert.equal(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
});

test("a folder into which an app uploads all the while is never missing, and no upload is lost", async (t) => {
  const { dir, changed } = changedSince(t);
  const folder = path.dirname(changed);
  const script = `import os, sys, threading
done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
number = 0
while not done.is_set():
    number += 1
    with open(os.path.join(sys.argv[1], f"upload-{number}"), "x") as file: file.write("theirs")
    if number == 1: print("begun", flush=True)
    done.wait(0.001)
print(number, flush=True)`;
  const app = spawn("python3", ["-c", script, path.join(dir, folder)], { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => app.kill("SIGKILL"));
  let said = "";
  app.stdout.on("data", (data) => { said += data; });
  await once(app.stdout, "data");
  for (const only of ["storage", folder, "storage"]) {
    ok(restoreOnly(dir, [only]));
    ok(cli(["undo", "--dir", dir, "--yes"]));
  }
  app.stdin.end();
  const [code] = await once(app, "exit");
  assert.equal(code, 0, "an upload failed, for the folder was not there");
  const uploads = Number(said.trim().split("\n").pop());
  assert.ok(uploads > 20);
  const kept = JSON.parse(ok(cli(["replaced", "--dir", dir, "--json"])).stdout);
  assert.deepEqual(kept.map((one) => one.strays), kept.map(() => 0));
  const everything = spawnSync("find", [dir, "-name", "upload-*", "-size", "6c"], { encoding: "utf8" }).stdout;
  const names = new Set(everything.trim().split("\n").map((name) => path.basename(name)));
  assert.equal(names.size, uploads);
});

test("--keep-replaced 0 makes a backup of everything before", (t) => {
  const { dir, changed } = changedSince(t);
  const { report } = JSON.parse(ok(restoreOnly(dir, [changed], "--keep-replaced", "0", "--json")).stdout).job;
  assert.match(report.safetyBackup, /^@pre_restore_/);
  assert.deepEqual(JSON.parse(ok(cli(["replaced", "--dir", dir, "--json"])).stdout), []);
  ok(cli(["restore", report.safetyBackup, "--dir", dir, "--yes", "--only", changed]));
  assert.equal(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
});

test("the API restores a part by query or body, and takes it back", async (t) => {
  const { dir, changed, gone } = changedSince(t);
  const server = await startServer(t, { dir });
  const headers = { Authorization: await signIn(server) };
  const post = (where, body, type = "application/json") => fetch(`${server.url}${where}`, {
    method: "POST", body, headers: body === undefined ? headers : { ...headers, "Content-Type": type },
  });
  const restore = "/api/backups/a.zip/restore";
  const before = statsOf(dir);
  assert.equal((await post(`${restore}?only=${encodeURIComponent(changed)}&only=${encodeURIComponent(gone)}`)).status, 204);
  assert.ok(fs.existsSync(path.join(dir, gone)));
  assert.equal(products(dir), "33");
  const [kept] = await (await fetch(`${server.url}/api/vault/replaced`, { headers })).json();
  assert.deepEqual(kept.only, [changed, gone].sort());
  const undone = await post("/api/vault/undo", JSON.stringify({ id: kept.id }));
  assert.equal(undone.status, 202);
  for (let state = "running"; state === "running";) {
    ({ state } = await (await fetch(server.url + undone.headers.get("location"), { headers })).json());
  }
  assert.deepEqual(without(statsOf(dir), /\.db$/), without(before, /\.db$/));
  assert.equal((await post(restore, JSON.stringify({ only: ["databases"] }))).status, 204);
  assert.equal(products(dir), "40");
  headers.Authorization = await signIn(server);  // the restored accounts know no newer token
  assert.deepEqual(without(statsOf(dir), /\.db$/), without(before, /\.db$/));
  assert.equal((await post(restore, "only=storage%2F", "application/x-www-form-urlencoded")).status, 204);
  assert.notEqual(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
});

test("the API refuses a part that can't be in PocketBase's shape, and never restores the rest for it", async (t) => {
  const { dir } = changedSince(t);
  const server = await startServer(t, { dir });
  const headers = { Authorization: await signIn(server) };
  const before = statsOf(dir);
  const form = "application/x-www-form-urlencoded";
  const ask = async (route, query, body, type = "application/json") => {
    const answer = await fetch(`${server.url}${route}${query}`, {
      method: "POST", body, headers: body === undefined ? headers : { ...headers, "Content-Type": type },
    });
    return { status: answer.status, ...await answer.json() };
  };
  for (const route of ["/api/backups/a.zip/restore", "/api/vault/backups/a.zip/preflight"]) {
    for (const [query, body, type] of [["?only=../x"], ["?only="], ["?only=data.db-wal"], ["?only=storage&only=%zz"],
      ["?only[]=databases"], ["?only%5B0%5D=databases"], ["?Only=databases"], ["?delta=true;only=databases"], ["?x=%&delta=true"],
      ["", '{"only":[]}'], ["", '{"only":["backups"]}'], ["", '{"only":[""]}'], ["", '{"only":null}'],
      ["", "only[]=databases", form], ["", "ONLY=databases", form]]) {
      const answer = await ask(route, query, body, type);
      assert.equal(answer.status, 400, `${route}${query} ${body}`);
      assert.equal(answer.message, "An error occurred while validating the submitted data.");
      assert.equal(answer.data.only.code, "validation_invalid_value");
      assert.match(answer.data.only.message, /^Invalid value: ./);
    }
    for (const body of ['{"only":7}', '{"only":[7]}', '{"only":["storage"', "nonsense"]) {
      assert.equal((await ask(route, "", body)).status, 400, body);
    }
    assert.equal((await ask(route, "", "<x><only>databases</only></x>", "application/xml")).status, 400);
  }
  const lacking = await ask("/api/backups/a.zip/restore", "?only=storage/nope");
  assert.equal(lacking.status, 400);
  assert.match(lacking.message, /^Failed to restore backup\. Raw error: \nthe archive has no storage\/nope/);
  assert.deepEqual(statsOf(dir), before);
});

test("--only works on a server, and is refused by one that would not hear it", async (t) => {
  const { dir, changed } = changedSince(t);
  const server = await startServer(t, { dir });
  const env = { POCKETVAULT_TOKEN: await signIn(server) };
  const there = ["--url", server.url];
  const told = JSON.parse(ok(cli(["restore", "a.zip", "--dry-run", "--only", changed, "--json", ...there], { env })).stdout).job;
  assert.equal(told.report.scope, changed);
  assert.deepEqual(told.preflight.files.changed.names, [changed]);
  const done = ok(cli(["restore", "a.zip", "--yes", "--only", changed, ...there], { env }));
  assert.match(done.stdout, new RegExp(`Restored a\\.zip \\(only ${changed}\\).*\\nNote: records and files`));
  assert.notEqual(fs.readFileSync(path.join(dir, changed), "utf8"), "changed since");
  assert.equal(cli(["restore", "a.zip", "--yes", "--only", "../x", ...there], { env }).status, 2);
  assert.equal(cli(["restore", "a.zip", "--yes", "--only", "nope", ...there], { env }).status, 5);
  ok(restoreOnly(dir, ["databases"]));
  assert.equal(products(dir), "40", "by the server that runs on the directory");
  assert.equal(await server.stop(), 0);

  const strict = await startServer(t, { dir, args: ["--strict"] });
  const refused = cli(["restore", "a.zip", "--yes", "--only", changed, "--url", strict.url],
    { env: { POCKETVAULT_TOKEN: await signIn(strict) } });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /knows no --keep-replaced, --backup-first, --only or --files-to/);
});
