// Preload (`node --import`): a file system without links and without colons in names, as FAT and exFAT are.
//
//   FAT_CODE   what a colon is refused with: EINVAL by the kernel, ENOENT by programs that mount in its place; empty: it is taken
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const { FAT_CODE: code = "" } = process.env;
const { open } = fs.promises;

function refuse(name, call, path) {
  throw Object.assign(new Error(`${name}: ${call} '${path}'`), { code: name, syscall: call });
}

fs.promises.open = async (path, ...rest) => {
  if (code !== "" && basename(String(path)).includes(":")) refuse(code, "open", path);
  return open(path, ...rest);
};
fs.promises.symlink = async (_, path) => refuse("EPERM", "symlink", path);
syncBuiltinESMExports();
