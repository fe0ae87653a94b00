// Starts the real program on a folder of its own and talks to it; everything is gone afterwards.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

// English, whatever the language of who runs the tests.
process.env.POCKETVAULT_LANG ??= "en";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const program = process.env.POCKETVAULT ?? path.join(root, "build/release/pocketvault");
export const fixtures = path.join(root, "tests/fixtures");

export const superuser = { email: "admin@example.com", password: "correct horse battery" };
export const user = { email: "user@example.com", password: "wobbly table leg" };

const running = new Set();

// A temporary folder that goes when the test `t` (or the suite) ends.
export function tempFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "pocketvault-e2e-"));
  t.after(async () => {
    // Hooks run in the order in which they were set up: a server that still writes there goes first.
    await Promise.all([...running].filter((server) => server.dir.startsWith(folder)).map((server) => server.stop("SIGKILL")));
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

// A copy of a pb_data that PocketBase `version` wrote.
export function unpackFixture(version, folder) {
  const archive = path.join(fixtures, `pocketbase-${version}-pb_data.tar.gz`);
  const done = spawnSync("tar", ["-xzf", archive, "-C", folder]);
  if (done.status !== 0) throw new Error(`tar: ${done.stderr}`);
  return path.join(folder, "pb_data");
}

// Runs the command line; never throws for its exit status.
export function cli(args, options = {}) {
  const done = spawnSync(program, args, {
    encoding: "utf8", timeout: 60_000, maxBuffer: 64 << 20, ...options,
    env: { ...process.env, ...options.env },
  });
  if (done.error) throw done.error;
  return { status: done.status, stdout: done.stdout, stderr: done.stderr };
}

export function sql(database, statement) {
  const done = spawnSync("sqlite3", ["-cmd", ".timeout 10000", database, statement], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`sqlite3: ${done.stderr}`);
  return done.stdout.trim();
}

// Puts a record with the superuser's password hash into `users`, so that user.email can sign in
// with superuser.password.
export function addUser(dir) {
  sql(path.join(dir, "data.db"),
    `INSERT INTO users (id, email, password, tokenKey, verified, created, updated)
     SELECT 'usr000000000001', '${user.email}', password, hex(randomblob(20)), 1, created, updated
     FROM _superusers WHERE email = '${superuser.email}'`);
}

async function freePort() {
  const server = net.createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// { url, dir, child, log(), stop() }. `args`: more flags for serve.
export async function startServer(t, { dir, args = [], createSuperuser = true } = {}) {
  const folder = dir ?? path.join(tempFolder(t), "pb_data");
  const port = await freePort();
  const child = spawn(program, ["serve", "--dir", folder, "--http", `127.0.0.1:${port}`, ...args],
    { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (block) => { output += block; });
  child.stderr.on("data", (block) => { output += block; });
  const exited = once(child, "exit");
  const server = {
    url: `http://127.0.0.1:${port}`, port, dir: folder, child, log: () => output,
    async stop(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
  running.add(server);
  exited.then(() => running.delete(server));
  t.after(() => server.stop("SIGKILL"));
  const end = Date.now() + 20_000;
  for (;;) {
    try {
      const answer = await fetch(`${server.url}/api/health`);
      if (answer.status === 200) break;
    } catch { /* not yet */ }
    if (child.exitCode !== null || Date.now() > end) throw new Error(`the server did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (createSuperuser) {
    const made = cli(["superuser", "upsert", superuser.email, "--dir", folder], { input: superuser.password });
    if (made.status !== 0) throw new Error(`superuser: ${made.stdout}${made.stderr}`);
  }
  return server;
}

export async function signIn(server, { collection = "_superusers", email = superuser.email, password = superuser.password } = {}) {
  const answer = await fetch(`${server.url}/api/collections/${collection}/auth-with-password`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ identity: email, password }),
  });
  const body = await answer.json();
  if (answer.status !== 200) throw new Error(`sign-in: ${answer.status} ${JSON.stringify(body)}`);
  return body.token;
}

// Sends bytes as they are; resolves to all that came back until the peer closed (or `until` matches).
export function raw(server, bytes, { until, timeout = 10_000, end = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(server.port, "127.0.0.1");
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => { socket.destroy(); resolve(received.toString("latin1")); }, timeout);
    const finish = () => { clearTimeout(timer); socket.destroy(); resolve(received.toString("latin1")); };
    socket.on("connect", () => { socket.write(bytes); if (end) socket.end(); });
    socket.on("data", (block) => {
      received = Buffer.concat([received, block]);
      if (until && until.test(received.toString("latin1"))) finish();
    });
    socket.on("close", finish);
    socket.on("error", (error) => { clearTimeout(timer); received.length ? resolve(received.toString("latin1")) : reject(error); });
  });
}

export const tinyZip = Buffer.from(
  "UEsDBBQAAAAAAAAAIViGphA2BQAAAAUAAAAFAAAAYS50eHRoZWxsb1BLAQIUAxQAAAAAAAAAIViGphA2BQAAAAUAAAAFAAAAAAAAAAAAAACAAQAAAABhLnR4dFBLBQYAAAAAAQABADMAAAAoAAAAAAA=",
  "base64");
