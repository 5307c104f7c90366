import { expect, test } from "vitest";
import {
  type PlanClientConfigOptions,
  planClientConfig,
} from "../../src/clients/plan-client-config.ts";
import { loadTextFormats } from "../../src/formats/text-formats.ts";

const formats = await loadTextFormats();

/** C6: whatever is given is refused, or comes back from the parser as it was given. */
test("C6: no text of a user ends a string of a file", async () => {
  const next = randomText(1);
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) {
    const credential = { username: next(), password: next() };
    const runtime = round % 2 === 0 ? "k3s" : "talos";
    const namespaces = round % 3 === 0 ? [next()] : ["docker.io"];
    const request: PlanClientConfigOptions = {
      runtime,
      mirror: "http://mirror.lan:5000",
      namespaces,
      credential,
      includeSecrets: true,
    };
    const config = await planClientConfig(request).catch((error: { readonly code: string }) => {
      expect(error.code).toBe("OPTION_INVALID");
      return undefined;
    });
    if (config === undefined) continue;
    accepted++;
    const [document] = config.files;
    const found = JSON.stringify(formats.yaml.parseAll(document?.text ?? ""));
    expect(found).toContain(JSON.stringify(credential.password));
    expect(found).toContain(JSON.stringify(namespaces[0]));
  }
  expect(accepted).toBeGreaterThan(1000);
});

function randomText(seed: number): () => string {
  const alphabet = [
    "a",
    "b.c",
    "1",
    "-",
    ":",
    '"',
    "'",
    "$",
    "#",
    "\n",
    "\\",
    "]",
    "{",
    " ",
    "é",
    "%",
    "&",
  ];
  let state = seed;
  const draw = (limit: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
  return () => Array.from({ length: 1 + draw(12) }, () => alphabet[draw(alphabet.length)]).join("");
}
