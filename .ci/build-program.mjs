// dist/cli/main.js with all that it imports → dist/mirror.js and the parts that it loads when it needs them, beside the
// licences of what came from other packages. The library in dist/ stays as it is: its users have its dependencies.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "rolldown";

const { output } = await build({
  input: { mirror: "dist/cli/main.js" },
  output: {
    dir: "dist",
    entryFileNames: "[name].js",
    chunkFileNames: "mirror-[name]-[hash].js",
  },
  platform: "node",
});

const directories = new Set(output.flatMap(({ modules }) => Object.keys(modules ?? {})).flatMap(packageDirectoryOf));
writeFileSync("dist/LICENSES.txt", [...directories].sort().map(describePackage).join(`\n\n${"-".repeat(80)}\n\n`));

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
