// An S3 server for tests (versitygw, which ./dev fetches), and what stands in the way of one.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { program, sql, tempFolder } from "./support.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const keys = { accessKey: "tester", secret: "tester-secret+/=" };
export const region = "eu-test-1";
export const aws = { AWS_ACCESS_KEY_ID: keys.accessKey, AWS_SECRET_ACCESS_KEY: keys.secret };

export function gatewayProgram() {
  const own = path.join(root, ".tools/bin/versitygw");
  if (fs.existsSync(own)) return own;
  const found = spawnSync("sh", ["-c", "command -v versitygw"], { encoding: "utf8" }).stdout.trim();
  if (!found && process.env.CI) throw new Error("versitygw is missing: ./dev unit fetches it");
  return found;
}

const listens = (port) => new Promise((resolve) => {
  const socket = net.connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); });
  socket.on("error", () => resolve(false));
});

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

// { url, port, bucket, objects(), parts(), stop(), start() }: one bucket, "backups". It keeps its
// objects when it stops.
export async function startGateway(t) {
  const folder = tempFolder(t);
  const bucket = path.join(folder, "root/backups");
  fs.mkdirSync(bucket, { recursive: true });
  fs.mkdirSync(path.join(folder, "sidecar"));
  const port = await freePort();
  let child;
  const gateway = {
    url: `http://127.0.0.1:${port}`, port, bucket,
    objects: () => fs.readdirSync(bucket, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(bucket, path.join(entry.parentPath ?? entry.path, entry.name)))
      .filter((name) => !name.startsWith(".sgwtmp")).sort(),
    // Of uploads that nobody finished.
    parts: () => {
      const uploads = path.join(bucket, ".sgwtmp/multipart");
      return fs.existsSync(uploads) ? fs.readdirSync(uploads, { recursive: true }) : [];
    },
    async start() {
      child = spawn(gatewayProgram(), ["--port", `127.0.0.1:${port}`, "--access", keys.accessKey,
        "--secret", keys.secret, "--region", region, "--quiet", "--keep-alive", "posix",
        "--sidecar", path.join(folder, "sidecar"), path.join(folder, "root")], { stdio: "ignore" });
      const end = Date.now() + 20_000;
      while (!await listens(port)) {
        if (Date.now() > end || child.exitCode !== null) throw new Error("versitygw does not start");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async stop() {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
  await gateway.start();
  t.after(() => { if (child.exitCode === null) child.kill("SIGKILL"); });
  return gateway;
}

// Passes requests on to the gateway, byte for byte; `fate(request)` may say what happens instead:
// a status to answer, "break" (the connection), "lose" (the gateway does it, its answer is lost),
// "silence" (no answer ever), or { rewrite } of the answer's text.
export async function startProxy(t, gateway, fate) {
  let silenced = 0;
  const server = http.createServer((request, response) => {
    const what = fate(request);
    if (typeof what === "number") {
      request.resume();
      request.on("end", () => { response.writeHead(what); response.end(); });
      return;
    }
    if (what === "break") return void request.socket.destroy();
    if (what === "silence") { ++silenced; request.resume(); return; }
    const onwards = http.request({ host: "127.0.0.1", port: gateway.port, method: request.method,
      path: request.url, headers: request.headers }, (answer) => {
      if (what === "lose") { answer.resume(); return void request.socket.destroy(); }
      if (what.rewrite) {
        let text = "";
        answer.on("data", (block) => { text += block; });
        answer.on("end", () => {
          const { "content-length": _, ...headers } = answer.headers;
          response.writeHead(answer.statusCode, headers);
          response.end(what.rewrite(text));
        });
        return;
      }
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    onwards.on("error", () => request.socket.destroy());
    request.pipe(onwards);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => { server.close(); server.closeAllConnections(); });
  return { url: `http://127.0.0.1:${server.address().port}`, silenced: () => silenced };
}

// Saves backups.s3 (or s3) as PocketBase's dashboard would.
export function saveSettings(dir, section, at = "$.backups.s3") {
  const value = JSON.stringify(section).replaceAll("'", "''");
  sql(path.join(dir, "data.db"),
    `UPDATE _params SET value = json_set(CAST(value AS TEXT), '${at}', json('${value}')) WHERE id = 'settings'`);
}

export const bucketSettings = (url, more = {}) => ({
  enabled: true, bucket: "backups", region, endpoint: url, ...keys, forcePathStyle: true, ...more,
});

// The command line, while this process goes on: what it talks to may be here.
export async function run(args, { env = {}, input = "" } = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (block) => { stdout += block; });
  child.stderr.on("data", (block) => { stderr += block; });
  child.stdin.end(input);
  const [status, signal] = await once(child, "close");
  return { status, signal, stdout, stderr };
}
