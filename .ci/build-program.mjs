// dist/cli/main.js with all that it imports → dist/mirror.js and the parts that it loads when it needs them, beside the
// licences of what came from other packages. Threads become one file each, in the place of their script. The rest of the
// library in dist/ stays as it is: its users have its dependencies.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "rolldown";

const PROGRAM = { input: { mirror: "dist/cli/main.js" }, platform: "node" };
const THREADS = [
  "dist/bundle/file-hash-thread.js",
  "dist/io/content-hash-thread.js",
  "dist/registry/threads/transfer-thread.js",
];
/** What moves bytes is loaded in few files: each takes half a millisecond to find and to link. */
const MOVING = ["dist/cli/actions/pull.js", "dist/cli/actions/push.js"];
/** What reads bundles only takes none of what talks to registries along. */
const READING = ["dist/cli/actions/verify.js", "dist/cli/actions/inspect.js"];
const GROUPS = ["start", "run", "read", "move", "pull", "push"];

const groups = groupsOf((await build({ ...PROGRAM, write: false })).output);
const program = await build({
  ...PROGRAM,
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "mirror-[name]-[hash].js",
    codeSplitting: {
      // what is wanted by more comes first: a group takes along what its modules import
      groups: GROUPS.map((name, index) => ({
        name,
        test: (moduleId) => groups.get(moduleId) === name,
        priority: GROUPS.length - index,
      })),
    },
  },
});
const outputs = [program.output];
for (const script of THREADS) outputs.push(await buildThread(script));

const moduleIds = outputs.flat().flatMap(({ modules }) => Object.keys(modules ?? {}));
const directories = new Set(moduleIds.flatMap(packageDirectoryOf));
writeFileSync("dist/LICENSES.txt", [...directories].sort().map(describePackage).join(`\n\n${"-".repeat(80)}\n\n`));

/** By module: the file that it comes into; only those that all commands, or those that move bytes, begin with. */
function groupsOf(chunks) {
  const byName = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const chunkOf = (path) => chunks.find(({ facadeModuleId }) => facadeModuleId === resolve(path))?.fileName;
  const reach = (names, found = new Set()) => {
    for (const name of names) {
      if (name === undefined) throw new Error("a part of the program was not found");
      if (!found.has(name)) reach(byName.get(name).imports.filter((other) => byName.has(other)), found.add(name));
    }
    return found;
  };
  const main = chunkOf("dist/cli/main.js");
  const [start, run, pull, push] = [main, chunkOf("dist/cli/run.js"), ...MOVING.map(chunkOf)].map((name) => reach([name]));
  const reading = reach(READING.map(chunkOf));
  const placeOf = (name) => {
    // it waits for others while it is loaded, so nobody may have to wait for it
    if (name === main) return undefined;
    if (start.has(name)) return "start";
    if (run.has(name)) return "run";
    if (reading.has(name)) return pull.has(name) || push.has(name) ? "read" : undefined;
    if (pull.has(name)) return push.has(name) ? "move" : "pull";
    return push.has(name) ? "push" : undefined;
  };
  const places = chunks.flatMap(({ fileName, modules = {} }) => {
    const place = placeOf(fileName);
    return place ? Object.keys(modules).map((moduleId) => [moduleId, place]) : [];
  });
  return new Map(places);
}

async function buildThread(script) {
  const input = { thread: script };
  const { output } = await build({ input, platform: "node", output: { file: script, codeSplitting: false } });
  return output;
}

function packageDirectoryOf(moduleId) {
  const [, directory] = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(resolve(dirname(moduleId), "x").replace(/x$/, "")) ?? [];
  return directory === undefined ? [] : [directory];
}

function describePackage(directory) {
  const { name, version, license } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && license === undefined) throw new Error(`${directory} has no license`);
  const text = file === undefined ? "(the package has no file with its text)" : readFileSync(join(directory, file), "utf8");
  // What a package has from others and does not say
  const inside = new URL(`licenses/${name.replace("/", "+")}.txt`, import.meta.url);
  const more = existsSync(inside) ? `\n\n${readFileSync(inside, "utf8").trim()}` : "";
  return `${name} ${version} (${license})\n\n${text.trim()}${more}\n`;
}
