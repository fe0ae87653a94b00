// Replays recorded requests of PocketBase v0.36.6 against `serve --strict`: status, body and the
// recorded headers, over a raw socket so that paths go out as they were recorded.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { test } from "node:test";
import { addUser, fixtures, signIn, startServer, superuser, user } from "./support.mjs";

function encodeBody(body, fill) {
  if (body === null) return { bytes: null };
  if (body.json !== undefined) return { bytes: Buffer.from(fill(JSON.stringify(body.json))), type: "application/json" };
  if (body.raw !== undefined) return { bytes: Buffer.from(fill(body.raw)) };
  if (body.base64 !== undefined) return { bytes: Buffer.from(body.base64, "base64") };
  if (body.repeat !== undefined) {
    const [prefix, unit, count, suffix] = body.repeat;
    return { bytes: Buffer.from(prefix + unit.repeat(count) + suffix) };
  }
  const boundary = "----pocketvaulttestboundary";
  const blocks = [];
  for (const part of body.multipart) {
    const disposition = part.disposition ??
      `form-data; name="${part.name}"` + (part.filename === undefined ? "" : `; filename="${part.filename}"`);
    let head = `--${boundary}\r\nContent-Disposition: ${disposition}\r\n`;
    if (part.content_type) head += `Content-Type: ${part.content_type}\r\n`;
    blocks.push(Buffer.from(head + "\r\n"), part.base64 === undefined ? Buffer.from(part.text ?? "") : Buffer.from(part.base64, "base64"), Buffer.from("\r\n"));
  }
  blocks.push(Buffer.from(`--${boundary}--\r\n`));
  return { bytes: Buffer.concat(blocks), type: `multipart/form-data; boundary=${boundary}` };
}

function send(server, { method, path: target, headers, bytes }) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, method, path: target, headers, agent: false }, (answer) => {
      const blocks = [];
      answer.on("data", (block) => blocks.push(block));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(blocks) }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.setTimeout(30_000, () => request.destroy(new Error("timed out")));
    if (bytes) request.write(bytes);
    request.end();
  });
}

const sha256 = async (bytes) => (await import("node:crypto")).createHash("sha256").update(bytes).digest("hex");

async function normalise(method, answer) {
  const type = answer.headers["content-type"] ?? "";
  if (!/^(application\/json|text\/)/.test(type) && answer.body.length > 0) {
    return answer.body.length >= 1000 ? "{{binary}}" : `{{binary len=${answer.body.length} sha256=${await sha256(answer.body)}}}`;
  }
  return answer.body.toString("utf8")
    .replace(/"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z"/g, '"{{date}}"')
    .replace(/"size":\d{4,}/g, '"size":"{{size}}"')
    .replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, "{{token}}")
    .replace(/"id":"[a-z0-9]{15}"/g, '"id":"{{id}}"')
    .replace(/_\d{14}\.zip/g, "_{{stamp}}.zip")
    .replace(/"realIP":"[^"]*"/g, '"realIP":"{{ip}}"')
    .replace(/_[a-z0-9]{10}(\.[^"\\]*)?(\\" mime type must be one of)/g, "_{{rand}}$1$2")
    .replace(/(Raw error: \\n).*?(","status")/g, "$1{{raw_error}}$2");
}

test("recorded requests are answered as PocketBase answers them", async (t) => {
  const server = await startServer(t, { args: ["--strict"] });
  addUser(server.dir);
  const values = new Map([
    ["superuser_email", superuser.email], ["superuser_password", superuser.password],
    ["user_email", user.email], ["user_password", superuser.password],
    ["superuser_token", await signIn(server)],
    ["user_token", await signIn(server, { collection: "users", email: user.email, password: superuser.password })],
  ]);
  const fileToken = async (token) => (await (await fetch(`${server.url}/api/files/token`, { method: "POST", headers: { Authorization: values.get(token) } })).json()).token;
  values.set("file_token", await fileToken("superuser_token"));
  values.set("user_file_token", await fileToken("user_token"));
  const fill = (text) => text.replace(/\{\{(\w+)\}\}/g, (whole, name) => values.get(name) ?? whole);

  const lines = fs.readFileSync(path.join(fixtures, "golden-ordinary.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 45);
  for (const line of lines) {
    await t.test(line.id, async () => {
      const { bytes, type } = encodeBody(line.body, fill);
      const headers = { Connection: "close" };
      if (type) headers["Content-Type"] = type;
      for (const [name, value] of Object.entries(line.headers)) headers[name] = fill(value);
      headers["Content-Length"] = String(bytes?.length ?? 0);
      const answer = await send(server, { method: line.method, path: fill(line.path), headers, bytes });
      if (line.capture) {
        const keys = JSON.parse(answer.body).map((backup) => backup.key);
        values.set(line.capture.name, keys.find((key) => new RegExp(line.capture.list_key_regex).test(key)));
      }
      assert.equal(answer.status, line.status_0366, answer.body.toString());
      const expected = line.body_0366.replaceAll("superuser@example.com", superuser.email);
      assert.equal(await normalise(line.method, answer), expected);
      for (const [name, value] of Object.entries(line.headers_0366)) {
        const given = answer.headers[name];
        if (value === "{{httpdate}}") assert.ok(!Number.isNaN(Date.parse(given)), name);
        else assert.equal(given, value, name);
      }
    });
  }
});
