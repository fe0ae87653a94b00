// How far a job is, as it goes on; how much of the machine it takes; how fast it stops.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cli, program, signIn, startServer, tempFolder, unpackFixture } from "./support.mjs";

// Files that do not compress, so that a rate of writing is a rate of reading too.
function fill(dir, megabytes) {
  fs.mkdirSync(path.join(dir, "storage/big"), { recursive: true });
  for (let i = 0; i < megabytes; i += 4) fs.writeFileSync(path.join(dir, `storage/big/${i}`), randomBytes(4 << 20));
}

// What is left of an unfinished backup.
const parts = (dir) => fs.readdirSync(path.join(dir, "backups")).filter((name) => name.includes("part") || name === "slow.zip");

async function* events(answer) {
  let text = "";
  for await (const block of answer.body.pipeThrough(new TextDecoderStream())) {
    text += block;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const data = text.slice(0, end).split("\n").find((line) => line.startsWith("data: "));
      if (data) yield JSON.parse(data.slice(6));
    }
  }
}

async function eventually(what, check) {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`never: ${what}`);
}

test("the event stream follows a backup, never goes back, and ends at 100 %", { timeout: 60_000 }, async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  fill(dir, 24);
  const server = await startServer(t, { dir, args: ["--limit-rate", "20M"] });
  const headers = { Authorization: await signIn(server), "Content-Type": "application/json" };
  assert.equal((await fetch(`${server.url}/api/vault/events`)).status, 401);
  const stream = await fetch(`${server.url}/api/vault/events`, { headers });
  assert.equal(stream.headers.get("content-type"), "text/event-stream");
  const started = await fetch(`${server.url}/api/backups`, {
    method: "POST", headers: { ...headers, Prefer: "respond-async" }, body: JSON.stringify({ name: "watched.zip" }),
  });
  assert.equal(started.status, 202);
  const { id } = await started.json();
  const seen = [];
  for await (const job of events(stream)) {
    assert.equal(job.id, id);
    seen.push(job);
    if (job.state !== "running") break;
  }
  const last = seen.at(-1);
  assert.equal(last.state, "succeeded", JSON.stringify(last.error));
  assert.ok(last.bytesTotal > 24 << 20);
  assert.equal(last.bytesDone, last.bytesTotal, "100 %");
  seen.reduce((before, job) => {
    assert.ok(job.bytesDone >= before.bytesDone && (job.bytesTotal === 0 || job.bytesDone <= job.bytesTotal));
    return job;
  });
  const middle = seen.filter((job) => job.bytesDone > 0 && job.bytesDone < job.bytesTotal);
  assert.ok(middle.length > 0, "something between nothing and all");
  assert.ok(middle.some((job) => job.bytesPerSecond > 0), "a rate");
  assert.deepEqual((await (await fetch(`${server.url}/api/vault/jobs/${id}`, { headers })).json()).warnings, []);
});

test("a server with open event streams ends when asked", { timeout: 60_000 }, async (t) => {
  const server = await startServer(t);
  const headers = { Authorization: await signIn(server) };
  const streams = await Promise.all([1, 2, 3].map(() => fetch(`${server.url}/api/vault/events`, { headers })));
  assert.equal(await server.stop("SIGTERM"), 0, server.log());
  for (const stream of streams) await stream.body.cancel().catch(() => {});
});

test("a job that is cancelled over HTTP stops soon, under a limit too, and leaves nothing", { timeout: 60_000 }, async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  fill(dir, 8);
  const server = await startServer(t, { dir, args: ["--nice"] });
  const headers = { Authorization: await signIn(server), "Content-Type": "application/json" };
  const started = await fetch(`${server.url}/api/backups`, {
    method: "POST", headers: { ...headers, Prefer: "respond-async" }, body: JSON.stringify({ name: "slow.zip", limitRate: "100K" }),
  });
  const { id } = await started.json();
  const job = async () => (await fetch(`${server.url}/api/vault/jobs/${id}`, { headers })).json();
  await eventually("the backup writes", () => parts(dir).length > 0);
  assert.equal((await job()).state, "running");
  const asked = Date.now();
  assert.equal((await fetch(`${server.url}/api/vault/jobs/${id}`, { method: "DELETE", headers })).status, 204);
  await eventually("it ends", async () => (await job()).state === "cancelled");
  assert.ok(Date.now() - asked < 10_000, "at 100 kB a second the backup would have taken over a minute");
  assert.deepEqual(parts(dir), []);
  assert.equal(fs.readdirSync(path.join(dir, ".pocketvault")).some((name) => name.startsWith("tmp-")), false);
});

test("Ctrl-C stops a backup from the shell, under a limit too, and leaves nothing", { timeout: 60_000 }, async (t) => {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.36.6", folder);
  fill(dir, 8);
  const child = spawn(program, ["backup", "slow.zip", "--nice", "--limit-rate", "100K", "--dir", dir], { stdio: "ignore" });
  const ended = once(child, "exit");
  await eventually("the backup writes", () => parts(dir).length > 0);
  // Every thread that reads, packs and writes gives way; the one that waits for them need not.
  await eventually("its threads give way", () => {
    const nice = fs.readdirSync(`/proc/${child.pid}/task`).map((task) =>
      fs.readFileSync(`/proc/${child.pid}/task/${task}/stat`, "utf8").split(") ")[1].split(" ")[16]);
    return nice.filter((value) => value === "19").length >= 2;
  });
  const asked = Date.now();
  child.kill("SIGINT");
  assert.deepEqual(await ended, [130, null]);
  assert.ok(Date.now() - asked < 10_000, "at 100 kB a second the backup would have taken over a minute");
  assert.deepEqual(parts(dir), []);
  assert.equal(cli(["backup", "fast.zip", "--limit-rate", "1G", "--dir", dir]).status, 0);
});
