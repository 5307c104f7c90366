// Preload (`node --import`): a file that is open keeps its place in its directory under another name when it is
// removed, as on NFS (`.nfs…`) and on media that are mounted through FUSE (exFAT, NTFS), until it is closed.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const real = { ...fs };
const realPromises = { ...fs.promises };
const HIDDEN = ".hidden-";
let hidden = 0;

function isOpen(path) {
  const file = real.statSync(path);
  return real.readdirSync("/proc/self/fd").some((descriptor) => {
    const open = real.statSync(`/proc/self/fd/${descriptor}`, { throwIfNoEntry: false });
    return open !== undefined && open.ino === file.ino && open.dev === file.dev;
  });
}

function sweep(directory) {
  for (const name of real.readdirSync(directory)) {
    const path = join(directory, name);
    if (name.startsWith(HIDDEN) && !isOpen(path)) real.unlinkSync(path);
  }
}

function removeDirectory(path) {
  sweep(path);
  real.rmdirSync(path);
}

function remove(path) {
  const found = real.lstatSync(path);
  if (found.isDirectory()) {
    for (const name of real.readdirSync(path)) remove(join(path, name));
    removeDirectory(path);
  } else if (found.isFile() && isOpen(path)) {
    real.renameSync(path, join(path, "..", `${HIDDEN}${process.pid}-${hidden++}`));
  } else real.unlinkSync(path);
}

fs.promises.rm = async (path, options = {}) => {
  if (!real.existsSync(path)) return realPromises.rm(path, options);
  return remove(String(path));
};
fs.promises.unlink = async (path) => remove(String(path));
fs.promises.rmdir = async (path) => removeDirectory(String(path));
syncBuiltinESMExports();
