import { describe, expect, test } from "vitest";
import { formatRuntimeTarget, parseRuntimeTarget } from "../../src/load/runtime-target.ts";

describe("parseRuntimeTarget()", () => {
  test.each([
    [
      "containerd:///run/k3s/containerd/containerd.sock?namespace=k8s.io",
      "containerd:///run/k3s/containerd/containerd.sock?namespace=k8s.io",
    ],
    ["containerd:///tmp/c.sock", "containerd:///tmp/c.sock?namespace=k8s.io"],
    ["containerd://local", "containerd:///run/containerd/containerd.sock?namespace=k8s.io"],
    [
      "containerd://local?namespace=moby",
      "containerd:///run/containerd/containerd.sock?namespace=moby",
    ],
    ["docker://local", "docker://local"],
    ["docker://local/", "docker://local"],
    ["docker:///run/docker.sock", "docker:///run/docker.sock"],
    ["podman://local", "podman://local"],
    ["podman:///run/podman/podman.sock", "podman:///run/podman/podman.sock"],
  ])("%s is a runtime", (text, whole) => {
    const target = parseRuntimeTarget(text);
    expect(target && formatRuntimeTarget(target)).toBe(whole);
  });

  test.each([
    "registry.local/mirror",
    "docker://registry.local/mirror",
    "docker://local/mirror",
    "docker://registry.local:5000/a/b",
    "https://registry.local/mirror",
  ])("%s stays a registry", (text) => {
    expect(parseRuntimeTarget(text)).toBeUndefined();
  });

  test.each([
    "containerd://",
    "containerd://host/run/x.sock",
    "containerd://local?namespace=a%20b",
    "containerd://local?namespaces=k8s.io",
    "docker://",
    "docker://local?namespace=x",
    "podman://host/path",
  ])("%s is refused, with how it is written", (text) => {
    expect(() => parseRuntimeTarget(text)).toThrow(
      expect.objectContaining({ code: "REFERENCE_INVALID" }),
    );
  });
});
