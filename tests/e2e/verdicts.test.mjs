// What verifications found stays with the backups: on the command line, over the API, across processes.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, program, signIn, sql, startServer, tempFolder, unpackFixture } from "./support.mjs";

const ok = (done) => { assert.equal(done.status, 0, done.stdout + done.stderr); return done; };

function prepare(t) {
  const dir = unpackFixture("0.39.11", tempFolder(t));
  fs.rmSync(path.join(dir, "backups"), { recursive: true });
  const run = (...words) => cli([...words, "--dir", dir]);
  const json = (...words) => JSON.parse(ok(run(...words, "--json")).stdout);
  const verdicts = () => Object.fromEntries(json("list").map(({ key, verdict }) => [key, verdict]));
  const archive = (name) => path.join(dir, "backups", name);
  return { dir, run, json, verdicts, archive, db: path.join(dir, ".pocketvault/vault.db") };
}

// Bytes in the middle of some entry.
function damage(file) {
  const bytes = fs.readFileSync(file);
  bytes.fill(0x78, 20_000, 20_004);
  fs.writeFileSync(file, bytes);
}

test("a verdict is listed, shown and told in the status, until the backup is another", (t) => {
  const { run, json, verdicts, archive } = prepare(t);
  ok(run("backup", "good.zip"));
  ok(run("backup", "bad.zip"));
  assert.deepEqual(verdicts(), { "good.zip": null, "bad.zip": null });
  assert.match(ok(run("status")).stdout, /^Newest backup: bad\.zip, .*, never verified\.\n/);
  damage(archive("bad.zip"));
  const job = json("verify", "good.zip", "--deep").job;
  assert.equal(run("verify", "bad.zip").status, 7);

  const { "good.zip": good, "bad.zip": bad } = verdicts();
  assert.equal(good.sound, true);
  assert.equal(good.depth, "deep");
  assert.ok(good.records > 0 && good.records === job.report.records);
  assert.equal(bad.sound, false);
  assert.equal(bad.depth, "quick");
  assert.ok(bad.reason.length > 0);
  const table = ok(run("list")).stdout;
  assert.match(table, /^NAME .* VERIFIED\nbad\.zip .*  DAMAGED, .*, quick\ngood\.zip .*, deep\n$/);
  assert.match(ok(run("show", "good.zip")).stdout, /\n  verified   .*, deep: sound, \d+ records, took /);
  assert.deepEqual(json("show", "bad.zip").verdict, bad);
  const asked = run("status");
  assert.equal(asked.status, 7, "a damaged backup is there");
  const status = asked.stdout;
  assert.match(status, /^Newest backup: good\.zip, .*, verified .* \(deep\); newer ones don't count\.\n/);
  assert.match(status, /\n  not counted  bad\.zip, .*: damaged, as a verification found: /);
  assert.deepEqual(JSON.parse(run("status", "--json").stdout).newest.verdict, good);

  fs.copyFileSync(archive("good.zip"), archive("bad.zip"));
  assert.deepEqual(verdicts(), { "good.zip": good, "bad.zip": null }, "another file under the name");
  ok(run("delete", "good.zip"));
  ok(run("backup", "good.zip"));
  assert.equal(verdicts()["good.zip"], null);
});

test("a server and commands on one directory know of each other's verdicts", async (t) => {
  const { dir, run, verdicts, archive } = prepare(t);
  const server = await startServer(t, { dir });
  const headers = { Authorization: await signIn(server) };
  const ask = async (route, options) => (await fetch(server.url + route, { headers, ...options })).json();
  ok(run("backup", "a.zip"));
  ok(run("backup", "b.zip"));
  const verify = async (key) => {
    const { id } = await ask(`/api/vault/backups/${key}/verify?deep=true`, { method: "POST" });
    for (;;) {
      const job = await ask(`/api/vault/jobs/${id}`);
      if (job.state !== "running") return job;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  damage(archive("b.zip"));
  const [a, b] = await Promise.all([verify("a.zip"), verify("b.zip")]);
  assert.deepEqual([a.state, b.state, b.error.code], ["succeeded", "failed", "damaged"]);
  const { "a.zip": sound, "b.zip": damaged } = verdicts();
  assert.equal(sound.depth, "deep");
  assert.equal(sound.records, a.report.records);
  assert.equal(damaged.sound, false);
  assert.deepEqual((await ask("/api/backups")).map((one) => one.verdict), [sound, damaged]);
  assert.deepEqual((await ask("/api/vault/backups/a.zip")).verdict, sound);
  const status = await ask("/api/vault/status");
  assert.deepEqual(status.newest.verdict, sound);
  assert.deepEqual(status.discounted.map((one) => one.key), ["b.zip"]);
  const remote = ok(cli(["list", "--url", server.url, "--token", headers.Authorization])).stdout;
  assert.match(remote, /\na\.zip .*, deep\nb\.zip .*  DAMAGED, .*, deep\n$/);

  // A command's, seen by the server; both at once.
  ok(run("backup", "c.zip"));
  const [, d] = await Promise.all([verify("a.zip"), ok(run("verify", "c.zip"))]);
  assert.equal(d.stderr.includes("Warning"), false, d.stderr);
  const list = await ask("/api/backups");
  assert.equal(list.find((one) => one.key === "c.zip").verdict.depth, "quick");
  await server.stop();

  const strict = await startServer(t, { dir, args: ["--strict"] });
  const plain = await (await fetch(`${strict.url}/api/backups`, { headers: { Authorization: await signIn(strict) } })).json();
  assert.deepEqual(Object.keys(plain[0]), ["modified", "key", "size"], "as PocketBase has it");
});

test("a vault.db that is damaged hides no backup and fails no verification", (t) => {
  const { run, json, verdicts, db } = prepare(t);
  ok(run("backup", "a.zip"));
  ok(run("verify", "a.zip"));
  fs.writeFileSync(db, "no database at all");
  const list = ok(run("list"));
  assert.match(list.stdout, /\na\.zip .*  -\n$/);
  assert.match(list.stderr, /^Warning: what verifications found is not known: .*vault\.db/);
  const status = run("status");
  assert.equal(status.status, 10, status.stderr);
  assert.match(status.stdout, /whether it was verified is not known/);
  assert.match(status.stdout, /^At risk: it is not known what was missed or failed, for \.pocketvault\/vault\.db can't be read: .*remove it/m);
  const told = JSON.parse(run("status", "--json").stdout);
  assert.notEqual(told.verdictsUnknownBecause, "");
  assert.notEqual(told.memoryError, "");
  const verified = run("verify", "a.zip");
  assert.equal(verified.status, 3, verified.stderr);
  assert.match(verified.stderr, /Warning: .*vault\.db\.aside/);
  assert.equal(fs.readFileSync(`${db}.aside`, "utf8"), "no database at all");
  assert.equal(verdicts()["a.zip"].sound, true);

  sql(db, "PRAGMA user_version = 99");
  const before = fs.readFileSync(db);
  assert.match(ok(run("list")).stderr, /newer pocketvault/);
  assert.equal(run("verify", "a.zip").status, 3);
  ok(run("delete", "a.zip"));
  assert.deepEqual(fs.readFileSync(db), before, "a newer one is left alone");
});

test("a directory on which nothing may be written is listed with its verdicts",
  { skip: process.getuid() !== 0 || spawnSync("unshare", ["-m", "true"]).status !== 0 }, (t) => {
    const { dir, run, verdicts } = prepare(t);
    ok(run("backup", "a.zip"));
    ok(run("verify", "a.zip"));
    const expected = verdicts();
    const done = spawnSync("unshare", ["-m", "sh", "-c",
      'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" list --json --dir "$1"', "sh", dir, program],
    { encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
    assert.deepEqual(JSON.parse(done.stdout)[0].verdict, expected["a.zip"]);
  });
