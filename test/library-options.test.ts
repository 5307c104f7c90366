import { describe, expect, test } from "vitest";
import * as library from "../src/index.ts";

const FUNCTIONS = new Map<string, unknown>(Object.entries(library));

/** What callers without TypeScript pass; each has to be refused before anything is read, written or asked for. */
const target = { registry: "r.test", repository: "x" };
const openSource = () => {
  throw new Error("nothing may be opened");
};
const pulling = { bundlePath: "/nonexistent", selection: {}, openSource };
const pushing = { bundlePath: "/nonexistent", target, openTarget: openSource };

const CALLS: readonly (readonly [keyof typeof library, readonly unknown[], string])[] = [
  ["parseSelection", [{ includeModules: "foo" }], "includeModules"],
  ["parseSelection", [{ includeImages: [1] }], "includeImages"],
  ["parseSelection", [{ source: 5 }], "source"],
  ["parseSelection", [{ noModules: "yes" }], "noModules"],
  ["parseSelection", [{ includeModule: ["foo"] }], "includeModule"],
  ["parseSelection", [undefined], "options"],
  ["pull", [{ ...pulling, bundlePath: undefined }], "bundlePath"],
  ["pull", [{ ...pulling, selection: "foo" }], "selection"],
  ["pull", [{ ...pulling, selection: undefined }], "selection"],
  ["pull", [{ ...pulling, openSource: {} }], "openSource"],
  ["pull", [{ ...pulling, concurrency: 0 }], "concurrency"],
  ["pull", [{ ...pulling, concurrency: "6" }], "concurrency"],
  ["pull", [{ ...pulling, chunkSizeBytes: "4GB" }], "chunkSizeBytes"],
  ["pull", [{ ...pulling, force: "true" }], "force"],
  ["pull", [{ ...pulling, onEvent: "x" }], "onEvent"],
  ["pull", [{ ...pulling, signal: new AbortController() }], "signal"],
  ["pull", [{ ...pulling, requireSignatures: "a.pub" }], "requireSignatures"],
  ["planPull", [{ ...pulling, requireSignatures: ["a.pub"] }], "requireSignatures"],
  ["planPull", [{ ...pulling, chunkSizeBytes: 0.5 }], "chunkSizeBytes"],
  ["push", [{ ...pushing, target: "r.test/x" }], "target"],
  ["push", [{ ...pushing, target: { registry: "r.test" } }], "repository"],
  ["push", [{ ...pushing, openTarget: undefined }], "openTarget"],
  ["push", [{ ...pushing, requireSignatures: [{ pattern: "*" }] }], "requireSignatures"],
  ["pushAll", [{ ...pushing, bundlePaths: "b" }], "bundlePaths"],
  ["planPushAll", [{ target }], "bundlePaths"],
  ["verifyBundle", ["./bundle"], "options"],
  ["verifyBundle", [{ bundlePath: 7 }], "bundlePath"],
  ["verifyBundle", [{ bundlePath: "x", requireSignatures: [null] }], "requireSignatures"],
  ["inspectBundle", [{}], "bundlePath"],
  ["exportBundle", [{ form: "k3s", bundlePaths: "b", out: "x" }], "bundlePaths"],
  ["exportBundle", [{ form: "zip", bundlePaths: ["b"], out: "x" }], "form"],
  ["loadBundles", [{ bundlePaths: "b", target: "docker://local" }], "bundlePaths"],
  ["loadBundles", [{ bundlePaths: ["b"], target: "registry.local/x" }], "target"],
  ["planLoad", [{ bundlePaths: ["b"] }], "target"],
  ["openBundleStore", [{}], "bundlePath"],
  ["openRegistryClient", [{ caFiles: "ca.pem" }], "caFiles"],
  ["openRegistryClient", [{ insecureHosts: "r.test" }], "insecureHosts"],
  ["openRegistryClient", [{ tlsSkipVerifyHosts: ["https://r.test"] }], "tlsSkipVerifyHosts"],
  ["openRegistryClient", [{ requestsPerSecond: "5" }], "requestsPerSecond"],
  ["openRegistryClient", [{ partSizeBytes: 0.5 }], "partSizeBytes"],
  ["openRegistryClient", [{ lowestBytesPerSecond: "9" }], "lowestBytesPerSecond"],
  ["openRegistryClient", [{ retryTimeoutMs: Number.NaN }], "retryTimeoutMs"],
  ["createCredentials", [{ login: 1 }], "login"],
  ["diagnose", [{ target, push: 1 }], "push"],
  ["storeLogin", [{ registry: "r.test", username: "ada" }], "password"],
  ["removeLogin", [{}], "registry"],
  ["runDemo", [{}], "directory"],
  ["parseByteSize", ["4GB", { defaultUnit: "B" }], "option"],
  ["parseReference", [undefined], "reference"],
  ["parseRepositoryReference", [7], "reference"],
];

describe("arguments of the wrong type", () => {
  test.each(CALLS)(
    "%s(%j) is refused as OPTION_INVALID that names %s",
    async (name, given, option) => {
      const call = FUNCTIONS.get(name) as (...given: readonly unknown[]) => unknown;
      const outcome = (async () => call(...given))();
      await expect(outcome).rejects.toBeInstanceOf(library.MirrorError);
      await expect(outcome).rejects.toMatchObject({ code: "OPTION_INVALID", option });
    },
  );
});
