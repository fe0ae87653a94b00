// What goes into a backup when one says so.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

const entries = (zip) => spawnSync("unzip", ["-Z1", zip], { encoding: "utf8" }).stdout.trim().split("\n");

test("without logs, with code, without what a pattern covers; and the way back", (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  fs.mkdirSync(path.join(folder, "pb_hooks"));
  fs.writeFileSync(path.join(folder, "pb_hooks/main.pb.js"), "// code");
  fs.mkdirSync(path.join(dir, "storage/tmp"), { recursive: true });
  fs.writeFileSync(path.join(dir, "storage/tmp/x"), "x");
  const made = cli(["backup", "small.zip", "--without-logs", "--with-code", "--exclude", "storage/tmp", "--dir", dir, "--json"]);
  assert.equal(made.status, 0, made.stderr);
  assert.deepEqual(JSON.parse(made.stdout).job.report.leftOut.names.sort(), ["auxiliary.db", "storage/tmp/x"]);
  const names = entries(path.join(dir, "backups/small.zip"));
  assert.ok(names.includes("data.db") && names.includes(".pocketvault-code/pb_hooks/main.pb.js"), names.join());
  assert.ok(!names.some((name) => name.startsWith("auxiliary") || name.startsWith("storage/tmp")), names.join());

  fs.writeFileSync(path.join(folder, "pb_hooks/main.pb.js"), "// newer");
  const restored = cli(["restore", "small.zip", "--dir", dir, "--yes"]);
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(restored.stdout, /code in the backup was left there/);
  assert.equal(fs.readFileSync(path.join(folder, "pb_hooks/main.pb.js"), "utf8"), "// newer");
  assert.equal(fs.existsSync(path.join(dir, ".pocketvault-code")), false);
  assert.equal(sql(path.join(dir, "data.db"), "SELECT count(*) FROM products"), "40");
  assert.equal(cli(["backup", "after.zip", "--dir", dir]).status, 0);
  assert.equal(cli(["backup", "none.zip", "--exclude", "*.db", "--dir", dir]).status, 2);
});

test("the same through a server, and after it a server on the restored directory", async (t) => {
  const server = await startServer(t);
  const token = await signIn(server);
  const made = cli(["backup", "a.zip", "--without-logs", "--exclude", "types.d.ts", "--url", server.url, "--token", token]);
  assert.equal(made.status, 0, made.stderr);
  assert.ok(!entries(path.join(server.dir, "backups/a.zip")).includes("auxiliary.db"));
  const restored = cli(["restore", "a.zip", "--yes", "--url", server.url, "--token", token]);
  assert.equal(restored.status, 0, restored.stderr);
  assert.ok(await signIn(server));
  assert.equal(sql(path.join(server.dir, "auxiliary.db"), "SELECT count(*) FROM sqlite_master WHERE name = '_logs'"), "1");
});
