// Preload (`node --import`): makes one operation on files fail as a bad disk does.
//
//   FAIL_CODE   EIO, EROFS, ENOSPC, …
//   FAIL_AT     `open`, `read`, `write` or `datasync`
//   FAIL_PATH   what the path of the file has to end with
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { FAIL_CODE: code, FAIL_AT: operation, FAIL_PATH: ending } = process.env;
const paths = new WeakMap();
const open = fs.promises.open;

function failIfMeant(name, path) {
  if (name !== operation || !String(path).endsWith(ending)) return;
  throw Object.assign(new Error(`${code}: ${name} '${path}'`), { code, syscall: name });
}

fs.promises.open = async (path, ...rest) => {
  failIfMeant("open", path);
  const handle = await open(path, ...rest);
  paths.set(handle, path);
  return handle;
};

const sample = await open("/dev/null");
const prototype = Object.getPrototypeOf(sample);
await sample.close();
for (const [name, like] of [
  ["read", "read"],
  ["write", "write"],
  ["writev", "write"],
  ["datasync", "datasync"],
]) {
  const original = prototype[name];
  prototype[name] = async function (...args) {
    failIfMeant(like, paths.get(this));
    return original.apply(this, args);
  };
}
// Threads that have nothing else to do meanwhile wait for the disk
const openSync = fs.openSync;
const pathsByNumber = new Map();
fs.openSync = (path, ...rest) => {
  failIfMeant("open", path);
  const file = openSync(path, ...rest);
  pathsByNumber.set(file, path);
  return file;
};
for (const [name, like] of [
  ["readSync", "read"],
  ["writevSync", "write"],
]) {
  const original = fs[name];
  fs[name] = (file, ...args) => {
    failIfMeant(like, pathsByNumber.get(file));
    return original(file, ...args);
  };
}
syncBuiltinESMExports();
