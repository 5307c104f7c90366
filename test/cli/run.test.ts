import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { VERSION } from "../../src/index.ts";
import { runInProcess as run } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

describe("mirror", () => {
  test("prints help without a command, on stdout", async () => {
    const { status, stdout, stderr } = await run([]);
    expect(status).toBe(0);
    expect(stdout).toContain("mirror pull [bundle]");
    expect(stdout).toContain("Exit status:");
    expect(stderr).toBe("");
  });

  test.each(["pull", "push", "plan", "inspect", "verify", "demo"])(
    "%s --help lists flags, examples and exit statuses",
    async (name) => {
      const { status, stdout } = await run([name, "--help"]);
      expect(status).toBe(0);
      expect(stdout).toContain(`mirror ${name}`);
      expect(stdout).toContain("Exit status:");
      expect(stdout).toContain("Examples:");
      expect(stdout).toContain("--json");
    },
  );

  test("says which variable is no flag, although it looks like one", async () => {
    const { stderr } = await run(["inspect", "/no/bundle"], {
      env: { MIRROR_INCLUDE_MODUL: "foo" },
    });
    expect(stderr).toMatch(/^notice: MIRROR_INCLUDE_MODUL has no effect: .*MIRROR_INCLUDE_MODULE/);
  });

  test.each([
    [["help"], ["--help"]],
    [
      ["help", "push"],
      ["push", "--help"],
    ],
  ])("takes %j for %j", async (words, usual) => {
    const { status, stdout } = await run(words);
    expect(status).toBe(0);
    expect(stdout).toBe((await run(usual)).stdout);
  });

  test("prints its version", async () => {
    for (const words of [["--version"], ["-v"], ["version"]]) {
      expect((await run(words)).stdout).toBe(`${VERSION}\n`);
    }
  });

  test.each([
    [
      "an unknown command",
      ["pul", "./b"],
      /Unknown command "pul"\nhint: Did you mean pull, push\?/,
    ],
    [
      "an unknown flag",
      ["pull", "./b", "--sourse", "x"],
      /--sourse: "mirror pull" has no such flag\nhint: .*--source/,
    ],
    ["a missing argument", ["push", "./b"], /Argument missing: mirror push <bundle> <registry/],
    ["a surplus argument", ["verify", "./b", "./c"], /Argument 2 is one too many/],
    [
      "images that are named as arguments",
      ["pull", "./b", "nginx:1.27"],
      /Argument 2 is one too many.*\nhint: Name images with --include-image/,
    ],
    ["a bundle without its flag", ["outdated", "./b"], /one too many.*\nhint: .*--bundle/],
    [
      "a bundle behind the target",
      ["push", "r.local/x", "."],
      /it is a file or directory\nhint: The bundle comes first: mirror push \. r\.local\/x/,
    ],
    [
      "a form of exports behind the bundle",
      ["export", "./b", "k3s", "--out", "x.tar"],
      /hint: The form comes first: mirror export k3s \.\/b/,
    ],
    ["an unknown form of exports", ["export", "oci", "./b", "--out", "x"], /<form>: "oci" is none/],
    ["a flag without its value", ["pull", "./b", "-i"], /-i: its value is missing/],
    [
      "a flag of another command",
      ["verify", "./b", "--receipt", "x"],
      /--receipt: .* no such flag/,
    ],
    ["one value too many", ["pull", "./b", "--source=a", "--source=b"], /exactly one value/],
    ["a negated flag", ["pull", "./b", "--no-force"], /--no-force: .* no such flag/],
    ["a bad progress mode", ["pull", "./b", "--progress", "loud"], /"loud" is not one of auto/],
    ["half a login", ["push", "./b", "r.local/x", "-u", "ada"], /--registry-password is missing/],
    ["a target without a path", ["push", "./b", "r.local"], /the repository path is missing/],
    [
      "a receipt without a directory",
      ["push", "./b", "r.local/x", "--receipt", "/no/r"],
      /receipt/,
    ],
    ["a receipt on stdout", ["push", "./b", "r.local/x", "--receipt", "-"], /receipt.*--json/s],
    ["a directory as receipt", ["push", "./b", "r.local/x", "--receipt", "."], /it is a directory/],
    ["no directory as receipt", ["push", "./b", "r.local/x", "--receipt", "r/"], /is a directory/],
    ["a missing configuration file", ["plan", "--config", "/no/c.json"], /configuration file/],
    ...[
      ["--platform-tag", "v1"],
      ["--since-version", "1.50"],
      ["--include-platform", "^1"],
    ].map((words) => [`${words[0]}`, ["pull", "./b", ...words], /there is no source/] as const),
    [
      "two ways to name releases",
      ["pull", "./b", "--source", "r.local/x", "--deckhouse-tag", "v1", "--since-version", "1.5"],
      /--platform-tag and --since-version.*ambiguous/,
    ],
  ] as const)("refuses %s with status 2", async (_what, words, message) => {
    const { status, stdout, stderr } = await run(words);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(status).toBe(2);
    expect(stdout).toBe("");
  });

  test.each([
    ["a usage error", ["pull", "./b", "--nope", "--json"], { code: "USAGE", exitStatus: 2 }],
    ["a failure", ["verify", "/no/bundle", "--json"], { code: "CONTENT_MISSING", exitStatus: 21 }],
    ["an unmet wish", ["pull", "./b", "-i", "foo", "--json"], { code: "SELECTION_INVALID" }],
  ])("prints %s as a document on stdout too, with --json", async (_what, words, error) => {
    const { stdout, stderr } = await run(words);
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({
      schemaVersion: 1,
      mediaType: "application/vnd.airgap-mirror.error.v1+json",
      error: { ...error, message: expect.any(String), hint: expect.any(String) },
    });
    expect(stderr).toContain(`error: ${document.error.message}`);
  });

  test("ends the lines of --progress json with one that says that it is an error", async () => {
    const { stdout } = await run(["verify", "/no/bundle", "--progress", "json"]);
    const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(last).toMatchObject({ type: "error", error: { code: "CONTENT_MISSING" } });
  });

  test("prints an interruption as a document", async () => {
    const signal = AbortSignal.abort();
    const words = ["pull", "./b", "--include-image", "r.local/x", "--json"];
    const { stdout, status } = await run(words, { signal });
    expect(JSON.parse(stdout).error).toMatchObject({ code: "INTERRUPTED", exitStatus: 130 });
    expect(status).toBe(130);
  });

  test("refuses to read two things from stdin", async () => {
    const words = ["pull", "./b", "--images-from", "-", "--license-stdin"];
    const { status, stderr } = await run(words, { input: "x" });
    expect(stderr).toContain("Cannot read both a secret and the image list from stdin");
    expect(status).toBe(2);
  });

  test("shows the stack with --debug", async () => {
    const { stderr } = await run(["push", "./b", "r.local/x", "--dry-run", "--debug"]);
    expect(stderr).toContain("BundleMissingError: Cannot open bundle");
    expect(stderr).toMatch(/^\s+at /m);
  });

  test("ends with 130 and the way on when it is interrupted", async () => {
    const signal = AbortSignal.abort();
    const { status, stderr } = await run(["pull", "./b", "--gost-digest"], { signal });
    expect(stderr).toBe("interrupted. Run the same command again: it goes on where it stopped.\n");
    expect(status).toBe(130);
  });

  test("names file and line of everything in --images-from that is no image", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("images.txt");
    await writeFile(
      path,
      "# mine\nghcr.io/acme/web:v1\nghcr.io/acme/@x\n\nghcr.io/acme/db:a b # no\n",
    );
    const { status, stderr } = await run(["pull", "./b", "--images-from", path]);
    expect(stderr).toMatch(/^error: Cannot use --images-from: 2 lines are no images$/m);
    expect(stderr).toContain(`  ${path}:3: "ghcr.io/acme/`);
    expect(stderr).toContain(`  ${path}:5: "ghcr.io/acme/db:a b`);
    expect(status).toBe(2);
  });

  test("takes unknown keys of the configuration file as an error", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("mirror.json");
    await writeFile(path, JSON.stringify({ "include-modules": ["foo"] }));
    const { status, stderr } = await run(["plan"], { env: { MIRROR_CONFIG: path } });
    expect(stderr).toContain('unknown key "include-modules"');
    expect(status).toBe(2);
  });
});
