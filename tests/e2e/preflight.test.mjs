// `restore --dry-run`: what a restore would do, from a directory and from a server; nothing changes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { cli, fixtures, signIn, sql, startServer, superuser, tempFolder, unpackFixture } from "./support.mjs";

const ok = (run) => {
  assert.equal(run.status, 0, run.stdout + run.stderr);
  return run;
};
const preflight = (run) => JSON.parse(run.stdout).job.preflight;

// Every file but our own: name, size, time, content. SQLite makes an -shm, and an empty WAL, when it opens a database.
function stateOf(dir) {
  return spawnSync("sh", ["-c", "find . -path ./.pocketvault -prune -o -type f ! -name '*.db-shm' ! '(' -name '*.db-wal' -size 0 ')' -printf '%p %s %T@\\n' -exec sha256sum {} + | sort"],
    { cwd: dir, encoding: "utf8" }).stdout;
}

for (const version of ["0.36.6", "0.39.11"]) {
  test(`--dry-run on a directory of PocketBase ${version} tells what would change`, (t) => {
    const folder = tempFolder(t);
    const dir = unpackFixture(version, folder);
    ok(cli(["backup", "a.zip", "--dir", dir]));
    sql(path.join(dir, "data.db"), "DELETE FROM products WHERE rowid <= 3");
    const added = path.join(dir, "storage", "later.txt");
    fs.writeFileSync(added, "hello");
    const before = stateOf(dir);
    const run = ok(cli(["restore", "a.zip", "--dry-run", "--dir", dir, "--json"]));
    const found = preflight(run);
    assert.equal(found.verdict, "ok");
    assert.deepEqual(found.files.removed, { files: 1, bytes: 5, names: ["storage/later.txt"] });
    assert.deepEqual(found.collections.find((c) => c.name === "products"),
      { name: "products", type: "base", inPlace: true, inArchive: true, before: 37, after: 40 });
    assert.deepEqual(found.superusers.names, [superuser.email]);
    const text = ok(cli(["restore", "a", "--dry-run", "--dir", dir])).stdout;
    assert.match(text, /would be done; nothing was changed/);
    assert.match(text, /products 37 -> 40/);
    assert.match(text, /storage\/later\.txt/);
    assert.equal(stateOf(dir), before);
  });
}

test("--dry-run needs no confirmation, and its status says what a restore would meet", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  const whole = path.join(fixtures, "pocketbase-0.36.6-backup.zip");
  ok(cli(["restore", whole, "--dry-run", "--dir", dir]));
  const cut = path.join(folder, "cut.zip");
  fs.writeFileSync(cut, fs.readFileSync(whole).subarray(0, 20_000));
  const refused = cli(["restore", cut, "--dry-run", "--dir", dir, "--json"]);
  assert.equal(refused.status, 7);
  assert.equal(preflight(refused).verdict, "refused");
  assert.equal(preflight(refused).reasons[0].code, "damaged");
  const lonely = path.join(folder, "lonely");
  fs.mkdirSync(lonely);
  assert.equal(spawnSync("unzip", ["-q", whole, "-d", lonely]).status, 0);
  sql(path.join(lonely, "data.db"), "DELETE FROM _superusers");
  assert.equal(spawnSync("zip", ["-qr", "../lonely.zip", "."], { cwd: lonely }).status, 0);
  const warned = cli(["restore", path.join(folder, "lonely.zip"), "--dry-run", "--dir", dir]);
  assert.equal(warned.status, 3, warned.stderr);
  assert.match(warned.stderr, /nobody could sign in/);
  assert.equal(cli(["restore", "none.zip", "--dry-run", "--dir", dir]).status, 5);
});

test("a server answers the same, to superusers alone, while it serves", async (t) => {
  const server = await startServer(t);
  const folder = tempFolder(t);
  const env = { XDG_CONFIG_HOME: folder };
  ok(cli(["login", superuser.email, "--url", server.url], { input: superuser.password, env }));
  ok(cli(["backup", "far.zip", "--url", server.url], { env }));
  const found = preflight(ok(cli(["restore", "far.zip", "--dry-run", "--url", server.url, "--json"], { env })));
  assert.equal(found.verdict, "ok");
  assert.deepEqual(found.superusers.names, [superuser.email]);
  const address = `${server.url}/api/vault/backups/far.zip/preflight`;
  assert.equal((await fetch(address, { method: "POST" })).status, 401);
  assert.equal((await fetch(address.replace("far", "no"), { method: "POST", headers: { Authorization: await signIn(server) } })).status, 404);

  const file = path.join(fixtures, "pocketbase-0.39.11-backup.zip");
  const other = preflight(ok(cli(["restore", file, "--dry-run", "--url", server.url, "--json"], { env })));
  assert.equal(other.collections.find((c) => c.name === "products").after, 40);
  const keys = JSON.parse(ok(cli(["list", "--url", server.url, "--json"], { env })).stdout).map((b) => b.key);
  assert.deepEqual(keys, ["far.zip"], "the copy sent for it is gone");
  ok(cli(["restore", "far.zip", "--dry-run", "--dir", server.dir]));
});
