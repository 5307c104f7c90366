import { spawn } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export const MAIN = new URL("../../../dist/mirror.js", import.meta.url).pathname;
export const TIME = "/usr/bin/time";

/** Runs a program to its end: what it took of the processors, in seconds, and of memory. */
export function run(root, command, args) {
  return new Promise((resolve, reject) => {
    const measured = ["-o", join(root, "used"), "-f", "%U %S %M", command, ...args];
    const child = spawn(TIME, measured, { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code !== 0) {
        return reject(new Error(`${command} ${args[0]}: exit ${code}\n${stderr}`));
      }
      const [user, system, peakKib] = readFileSync(join(root, "used"), "utf8")
        .split(" ")
        .map(Number);
      resolve({ client: user + system, peakKib });
    });
  });
}

export function has(command) {
  return findProgram(command) !== undefined;
}

/** Path of a program; users may lack the directories of daemons. */
export function findProgram(command) {
  const directories = [...(process.env.PATH ?? "").split(":"), "/usr/sbin"];
  return directories
    .map((directory) => join(directory, command))
    .find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

export function print(line) {
  process.stdout.write(`${line}\n`);
}

export function median(values) {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}
