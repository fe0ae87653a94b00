// The real program on a data directory with storage/ on a volume of its own. The mounts are in a mount
// namespace that ends with the shell that made it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { program, tempFolder, unpackFixture } from "./support.mjs";

const mayMount = spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

// Runs a shell script among mounts of its own; what it printed, line by line.
function amongMounts(script, env) {
  const done = spawnSync("unshare", ["--mount", "sh", "-euc", script],
    { encoding: "utf8", timeout: 120_000, env: { ...process.env, PV: program, ...env } });
  assert.equal(done.status, 0, done.stdout + done.stderr);
  return done.stdout.trim().split("\n");
}

// `sum` prints one line for all that a restore brings: stored files, and rows.
const preamble = `
  mount -t tmpfs none "$EMPTY"
  cp -a "$DIR/storage/." "$EMPTY"
  mount --bind "$EMPTY" "$DIR/storage"
  pv() { "$PV" "$@" --dir "$DIR" >"$OUT" 2>&1 || { cat "$OUT"; exit 1; }; }
  sum() { (cd "$DIR" && find storage -type f -not -path '*/.pocketvault-restore/*' -exec sha256sum {} + | sort
    sqlite3 data.db 'SELECT count(*) FROM products') | sha256sum; }
`;

function setUp(t) {
  const folder = tempFolder(t);
  const dir = unpackFixture("0.39.11", folder);
  const empty = path.join(folder, "volume");
  fs.mkdirSync(empty);
  return { DIR: dir, EMPTY: empty, OUT: path.join(folder, "out") };
}

test("storage/ as a mount: backup, change, restore, undo", { skip: !mayMount && "not allowed to mount here" }, (t) => {
  const [before, changed, restored, undone, again, kept, inBackup, stillMounted] = amongMounts(`${preamble}
    pv backup first.zip; sum
    sqlite3 "$DIR/data.db" 'DELETE FROM products'
    rm -r "$DIR/storage"/*; mkdir "$DIR/storage/new"; echo new >"$DIR/storage/new/file"; sum
    pv restore first.zip --yes; sum
    pv undo --yes; sum
    pv undo --yes; sum
    ls -d "$DIR/storage/.pocketvault-restore/"replaced-* | wc -l
    pv backup second.zip; unzip -l "$DIR/backups/second.zip" | grep -c pocketvault-restore || true
    mountpoint -q "$DIR/storage" && echo mounted
  `, setUp(t));
  assert.notEqual(changed, before);
  assert.equal(restored, before);
  assert.equal(undone, changed);
  assert.equal(again, before);
  assert.equal(kept, "1", "the replaced files are on the volume");
  assert.equal(inBackup, "0", "they are in no backup");
  assert.equal(stillMounted, "mounted");
});

test("an undo without its volume is refused, with it, it works", { skip: !mayMount && "not allowed to mount here" }, (t) => {
  const [before, restored, refusal, undone] = amongMounts(`${preamble}
    pv backup first.zip
    rm -r "$DIR/storage"/*; sum
    pv restore first.zip --yes; sum
    umount "$DIR/storage"
    ! "$PV" undo --yes --dir "$DIR" >"$OUT" 2>&1; tr '\\n' ' ' <"$OUT"; echo
    mount --bind "$EMPTY" "$DIR/storage"
    pv undo --yes; sum
  `, setUp(t));
  assert.notEqual(restored, before);
  assert.match(refusal, /mount the volume that was at .*storage/);
  assert.equal(undone, before);
});
