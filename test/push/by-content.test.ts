import { expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { ByContent } from "../../src/push/by-content.ts";

test("tells repositories and digests apart, whichever object names a repository", () => {
  const [one, other] = [digestOf("one"), digestOf("other")];
  const repository = (path: string) => ({ registry: "registry.local", repository: path });
  const values = new ByContent<string>();
  values.set(repository("a"), one, "a one");
  values.set(repository("a"), other, "a other");
  values.set(repository("b"), one, "b one");
  expect(values.get(repository("a"), one)).toBe("a one");
  expect(values.get(repository("b"), other)).toBeUndefined();
  values.delete(repository("a"), other);
  expect([...values.values()]).toEqual(["a one", "b one"]);
});
