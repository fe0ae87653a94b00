// Another program replaces or removes the databases of a server that runs.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

function shell(command, cwd) {
  const done = spawnSync("sh", ["-ec", command], { cwd, encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
}
const ready = async (server) => {
  const answer = await fetch(`${server.url}/readyz`);
  return { status: answer.status, ...await answer.json() };
};
async function until(what, look) {
  for (const end = Date.now() + 20_000; ;) {
    if (await look()) return;
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("data.db and the directory are replaced, removed and brought back", async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  const server = await startServer(t, { dir, args: ["--config", ""], createSuperuser: false });
  const token = await signIn(server);
  const settings = (init = {}) => fetch(`${server.url}/api/settings`, { ...init,
    headers: { Authorization: token, "Content-Type": "application/json" } });
  const rename = (name) => settings({ method: "PATCH", body: JSON.stringify({ meta: { appName: name } }) });
  const nameOf = async () => (await (await settings()).json()).meta?.appName;
  assert.equal((await rename("Before")).status, 200);

  sql(path.join(dir, "data.db"), `.backup ${folder}/n.db`);
  sql(path.join(folder, "n.db"), `UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.meta.appName', 'Replaced') WHERE id = 'settings'`);
  shell(`mv ../n.db data.db; rm data.db-wal data.db-shm`, dir);
  const refused = await rename("Lost");
  assert.equal(refused.status, 503);
  assert.match((await refused.json()).message, /^Another program replaced or removed the databases/);
  const open = fs.readdirSync(`/proc/${server.child.pid}/fd`).map((fd) => {
    try { return fs.readlinkSync(`/proc/${server.child.pid}/fd/${fd}`); } catch { return ""; }
  });
  assert.deepEqual(open.filter((name) => /pb_data.*\(deleted\)/.test(name)), []);
  await until("opened anew", async () => (await ready(server)).status === 200);
  assert.equal(await nameOf(), "Replaced");
  assert.equal((await rename("After")).status, 200);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT json_extract(CAST(value AS TEXT), '$.meta.appName') FROM _params WHERE id = 'settings'; PRAGMA integrity_check"), "After\nok");
  assert.match(server.log(), /data\.db was replaced or removed by another program/);
  assert.match(server.log(), /opened anew/);

  shell("mv pb_data away", folder);
  const gone = await ready(server);
  assert.equal(gone.status, 503);
  assert.deepEqual(gone.reasons, ["the data directory was replaced or removed by another program, and is gone"]);
  assert.equal((await settings()).status, 503);
  // Made anew, without a lock: the server takes it, and the commands find it again.
  shell("mkdir pb_data; sqlite3 away/data.db '.backup pb_data/data.db'; sqlite3 away/auxiliary.db '.backup pb_data/auxiliary.db'", folder);
  await until("opened anew", async () => (await ready(server)).status === 200);
  assert.equal(await nameOf(), "After");
  assert.ok(fs.existsSync(path.join(dir, ".pocketvault/server.lock")));
  assert.equal(JSON.parse(fs.readFileSync(path.join(dir, ".pocketvault/server.json"))).pid, server.child.pid);
  assert.equal(await server.stop(), 0);
  assert.deepEqual(fs.readdirSync(dir).filter((name) => name.startsWith("data.db")), ["data.db"]);
});

for (const { label, end } of [
  // Its loss is noticed, or the server is killed before anything happens to the files.
  { label: "stopped after it", end: async (server, replace) => {
    replace();
    await until("noticed", async () => (await ready(server)).status === 503);
    assert.equal(await server.stop(), 0);
  } },
  { label: "killed before it", end: async (server, replace) => {
    await server.stop("SIGKILL");
    replace();
  } },
]) {
  test(`data.db was replaced and its WAL left; the server ${label}`, async (t) => {
    const folder = tempFolder(t);
    const dir = unpackFixture("0.36.6", folder);
    const start = (where = dir) => startServer(t, { dir: where, args: ["--config", ""], createSuperuser: false });
    const change = async (server, name) => {
      const init = { headers: { Authorization: await signIn(server), "Content-Type": "application/json" } };
      if (name) Object.assign(init, { method: "PATCH", body: JSON.stringify({ meta: { appName: name } }) });
      const answer = await fetch(`${server.url}/api/settings`, init);
      assert.equal(answer.status, 200);
      return (await answer.json()).meta.appName;
    };
    const nameIn = (where) => sql(where, "PRAGMA integrity_check; SELECT json_extract(CAST(value AS TEXT), '$.meta.appName') FROM _params WHERE id = 'settings'");
    sql(path.join(dir, "data.db"), `.backup ${folder}/n.db`);
    sql(path.join(folder, "n.db"), `UPDATE _params SET value = json_set(CAST(value AS TEXT), '$.meta.appName', 'Replaced') WHERE id = 'settings'`);
    let server = await start();
    await change(server, "Acknowledged");
    const note = path.join(dir, ".pocketvault/wal-owners");
    await until("noted", () => fs.existsSync(note) && fs.readFileSync(note, "utf8").includes("\ndata.db "));
    await end(server, () => shell("cp -p ../n.db . && mv data.db ../old.db && mv n.db data.db", dir));

    const serve = cli(["serve", "--dir", dir, "--http", "127.0.0.1:0", "--config", ""]);
    assert.equal(serve.status, 1);
    const refusal = /data\.db-wal holds the last changes of the data\.db that lay here before, which SQLite would mix.*move data\.db-wal elsewhere and remove data\.db-shm.*or move the old file itself back.*remove \.pocketvault\/wal-owners/;
    assert.match(serve.stdout + serve.stderr, refusal);
    const backup = cli(["backup", "--dir", dir, "--config", ""]);
    assert.equal(backup.status, 1);
    assert.match(backup.stderr, refusal);
    assert.match(cli(["backup", "--dir", dir, "--config", ""], { env: { POCKETVAULT_LANG: "zh" } }).stderr, /data\.db-wal 中是此前位于此处的 data\.db 的最后更改/);
    assert.equal(cli(["list", "--dir", dir, "--config", "", "--json"]).status, 0);
    assert.ok(fs.readFileSync(path.join(folder, "n.db")).equals(fs.readFileSync(path.join(dir, "data.db"))), "untouched");

    // Each way out, from the same state. A copy of all has other files: nothing that was noted is about them.
    shell("mv pb_data/data.db new.db && mv old.db pb_data/data.db && cp -a pb_data copied", folder);
    const copied = await start(path.join(folder, "copied"));
    assert.equal(await change(copied), "Acknowledged");
    assert.equal(await copied.stop(), 0);
    shell("mv pb_data/data.db old.db && mv new.db pb_data/data.db", folder);
    assert.equal(cli(["backup", "--dir", dir, "--config", ""]).status, 1);
    shell("mv pb_data/data.db-wal old.db-wal; rm -f pb_data/data.db-shm", folder);
    server = await start();
    assert.equal(await change(server), "Replaced");
    assert.equal(await server.stop(), 0);
    assert.equal(nameIn(path.join(dir, "data.db")), "ok\nReplaced");
    shell("rm pb_data/data.db* && mv old.db pb_data/data.db && mv old.db-wal pb_data/data.db-wal", folder);
    server = await start();
    assert.equal(await change(server), "Acknowledged");
    assert.equal(await server.stop(), 0);
    assert.equal(nameIn(path.join(dir, "data.db")), "ok\nAcknowledged");
    assert.ok(!fs.existsSync(note), "in order");
  });
}
