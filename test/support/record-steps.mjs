// Preload (`node --import`): copies a directory after every step that changes it, as a SIGKILL would leave it there.
//
//   RECORD_ROOT   the directory that is watched
//   RECORD_TO     gets `0000`, `0001`, … (the copies) and `steps.jsonl` (one line per copy)
//   RECORD_KILL   number of the step behind which the process kills itself; default: none
//
// Steps happen one at a time, so a copy never shows a state that no run could leave behind.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { isMainThread } from "node:worker_threads";

const root = process.env.RECORD_ROOT;
const target = process.env.RECORD_TO;
const real = { ...fs };
const realPromises = { ...fs.promises };

let taken = 0;
let isBusy = false;
let missed;
let queue = Promise.resolve();
/** Inodes whose bytes were written after they were last made durable. */
const unsynced = new Set();
const paths = new WeakMap();
const descriptors = new Map();

if (isMainThread && root && target) await install();

async function install() {
  fs.mkdirSync(target, { recursive: true });
  patchPromises();
  await patchHandles();
  patchCallbacks();
  patchSync();
  syncBuiltinESMExports();
}

function patchPromises() {
  for (const name of ["mkdir", "rmdir", "link", "rename"]) {
    fs.promises[name] = (...args) =>
      step(`${name} ${nameOf(args.at(name === "rename" || name === "link" ? 1 : 0))}`, () =>
        realPromises[name](...args),
      );
  }
  fs.promises.writeFile = (path, ...rest) =>
    step(`write ${nameOf(path)}`, async () => {
      await realPromises.writeFile(path, ...rest);
      unsynced.add(real.statSync(path).ino);
    });
  fs.promises.rm = (path, options = {}) =>
    serially(async () => {
      if (!real.existsSync(path)) return realPromises.rm(path, options);
      remove(String(path));
      return undefined;
    });
  fs.promises.open = async (path, flags = "r", mode = undefined) => {
    const open = async () => realPromises.open(path, flags, mode);
    const writes = typeof flags === "number" ? (flags & 3) !== 0 : flags !== "r";
    const isNew = writes && !real.existsSync(path);
    const handle = isNew ? await step(`create ${nameOf(path)}`, open) : await open();
    paths.set(handle, path);
    return handle;
  };
}

async function patchHandles() {
  const sample = await realPromises.open("/dev/null");
  const prototype = Object.getPrototypeOf(sample);
  await sample.close();
  for (const name of ["write", "writev", "writeFile", "truncate"]) {
    const original = prototype[name];
    prototype[name] = function (...args) {
      return step(`${name} ${nameOf(paths.get(this))}`, async () => {
        const result = await original.apply(this, args);
        unsynced.add(real.fstatSync(this.fd).ino);
        return result;
      });
    };
  }
  for (const name of ["sync", "datasync"]) {
    const original = prototype[name];
    prototype[name] = function () {
      return serially(async () => {
        await original.apply(this);
        unsynced.delete(real.fstatSync(this.fd).ino);
      });
    };
  }
}

/** What `createWriteStream` uses. */
function patchCallbacks() {
  for (const name of ["write", "writev"]) {
    fs[name] = (fd, ...args) => {
      const done = args.pop();
      const write = () =>
        new Promise((settle) => {
          real[name](fd, ...args, (...results) => {
            unsynced.add(real.fstatSync(fd).ino);
            settle(results);
          });
        });
      step(`${name} ${nameOf(real.readlinkSync(`/proc/self/fd/${fd}`))}`, write).then((results) =>
        done(...results),
      );
    };
  }
}

function patchSync() {
  fs.openSync = (path, ...rest) => {
    const isNew = !real.existsSync(path);
    const fd = real.openSync(path, ...rest);
    descriptors.set(fd, path);
    if (isNew) changed(`create ${nameOf(path)}`);
    return fd;
  };
  fs.writeSync = (fd, ...rest) => {
    const result = real.writeSync(fd, ...rest);
    unsynced.add(real.fstatSync(fd).ino);
    changed(`append ${nameOf(descriptors.get(fd))}`);
    return result;
  };
  fs.fdatasyncSync = (fd) => {
    real.fdatasyncSync(fd);
    unsynced.delete(real.fstatSync(fd).ino);
  };
}

function serially(act) {
  const done = queue.then(async () => {
    isBusy = true;
    try {
      return await act();
    } finally {
      isBusy = false;
      if (missed) copy(missed);
    }
  });
  queue = done.catch(() => {});
  return done;
}

function step(label, act) {
  return serially(async () => {
    try {
      return await act();
    } finally {
      copy(label);
    }
  });
}

/** A change outside of the queue: copied now, or behind the step that is under way. */
function changed(label) {
  if (isBusy) missed = label;
  else copy(label);
}

/** Like `rm -r`, a copy after each name that goes. */
function remove(path) {
  if (real.lstatSync(path).isDirectory()) {
    for (const name of real.readdirSync(path).sort()) remove(join(path, name));
    real.rmdirSync(path);
  } else real.unlinkSync(path);
  copy(`remove ${nameOf(path)}`);
}

function copy(label) {
  missed = undefined;
  const name = String(taken++).padStart(4, "0");
  const destination = join(target, name);
  real.mkdirSync(destination);
  const loose = copyTree(root, destination, []);
  real.appendFileSync(
    join(target, "steps.jsonl"),
    `${JSON.stringify({ name, label, unsynced: loose })}\n`,
  );
  if (taken > Number(process.env.RECORD_KILL ?? Infinity)) process.kill(process.pid, "SIGKILL");
}

function copyTree(from, to, loose) {
  if (!real.existsSync(from)) return loose;
  for (const entry of real.readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const copied = join(to, entry.name);
    if (entry.isDirectory()) {
      real.mkdirSync(copied);
      copyTree(source, copied, loose);
    } else {
      real.copyFileSync(source, copied);
      if (unsynced.has(real.statSync(source).ino)) loose.push(relative(root, source));
    }
  }
  return loose;
}

function nameOf(path) {
  if (path === undefined) return "?";
  const absolute = resolve(String(path));
  return absolute === resolve(root) || dirname(absolute) === absolute
    ? "."
    : relative(root, absolute);
}
