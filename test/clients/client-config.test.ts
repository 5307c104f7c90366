import { describe, expect, test } from "vitest";
import type { RouteForm } from "../../src/clients/client-routes.ts";
import {
  type ClientConfig,
  type PlanClientConfigOptions,
  planClientConfig,
} from "../../src/clients/plan-client-config.ts";
import type { PlannedFile } from "../../src/clients/planned-file.ts";
import { RUNTIME_DEFAULTS } from "../../src/clients/runtime-options.ts";
import { RUNTIMES } from "../../src/clients/runtimes.ts";
import { loadTextFormats } from "../../src/formats/text-formats.ts";

const CA = "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----\n";
const NAMESPACES = ["registry.k8s.io", "docker.io", "reg.example:5000"];
const formats = await loadTextFormats();

const TRUST = {
  http: { mirror: "http://mirror.lan:5000" },
  ca: { mirror: "https://mirror.lan:5000", ca: CA },
  skip: { mirror: "https://mirror.lan:5000", skipVerify: true },
} as const;

interface Variant {
  readonly title: string;
  readonly request: Omit<PlanClientConfigOptions, "runtime">;
}

function variantsOf(forms: readonly RouteForm[]): Variant[] {
  return forms.flatMap((form) =>
    Object.entries(TRUST).flatMap(([trust, options]) =>
      [true, false].map((fallback) => ({
        title: `${trust}, form ${form}, ${fallback ? "with" : "without"} fallback`,
        request: {
          ...options,
          form,
          fallback,
          namespaces: NAMESPACES,
          options: {
            serve: {
              ...RUNTIME_DEFAULTS.serve,
              bundles: ["/media/usb/bundle"],
              upstreams: ["docker.io"],
            },
          },
        },
      })),
    ),
  );
}

const readable = RUNTIMES.filter(({ name }) => !["buildah", "skopeo", "crio"].includes(name));

describe("C1: the files for", () => {
  test.each(readable)("$name are the same bytes as ever, in every variant", async (runtime) => {
    const texts: string[] = [];
    for (const { title, request } of variantsOf(runtime.forms)) {
      const config = await planClientConfig({ ...request, runtime: runtime.name });
      expect(await planClientConfig({ ...request, runtime: runtime.name })).toEqual(
        expect.objectContaining({ steps: config.steps, notices: config.notices }),
      );
      texts.push(`######## ${title}\n${render(config)}`);
    }
    const place = new URL(`../../fixtures/client-config/${runtime.name}.txt`, import.meta.url);
    await expect(texts.join("\n")).toMatchFileSnapshot(place.pathname);
  });

  test.each(readable)("$name can be read by a parser of their format", async (runtime) => {
    for (const { request } of variantsOf(runtime.forms)) {
      const { files } = await planClientConfig({ ...request, runtime: runtime.name });
      for (const file of files) expect(() => parse(file), file.path).not.toThrow();
    }
  });
});

test("C7: each file that can have comments names its path, owner, mode, restart and versions", async () => {
  for (const { name } of RUNTIMES) {
    const { files, directory } = await plan(name);
    for (const { path, text, mode } of files) {
      if (/\.(?:json|crt)$/.test(path)) continue;
      const [first, ...head] = text.split("\n").slice(0, 5);
      expect(first).toBe("# Made by mirror client-config");
      expect(head).toEqual([
        `# File: ${directory}/${path}`,
        `# Owner: root:root, mode ${mode}`,
        expect.stringMatching(/^# Applies: \S/),
        expect.stringMatching(/^# Valid for: \S/),
      ]);
    }
  }
});

describe("containerd", () => {
  test("always has a host table, without which 1.5 to 1.7 ask the Internet", async () => {
    for (const { request } of variantsOf(["ns", "path", "host"])) {
      const { files } = await planClientConfig({ ...request, runtime: "containerd" });
      for (const file of files.filter(({ path }) => path.endsWith("hosts.toml"))) {
        const { host } = parse(file) as { host: Record<string, { capabilities: string[] }> };
        expect(Object.values(host).map(({ capabilities }) => capabilities)).toEqual([
          ["pull", "resolve"],
        ]);
      }
    }
  });

  test("names the mirror as server too where nothing else may be asked", async () => {
    const { files } = await plan("containerd", { fallback: false });
    for (const file of files) {
      const { server, host } = parse(file) as { server: string; host: Record<string, unknown> };
      expect(Object.keys(host)).toEqual([server]);
    }
  });

  test("has no keys of TLS for plain HTTP", async () => {
    const { files } = await plan("containerd", { skipVerify: true });
    expect(files.map(({ text }) => text).join("")).not.toMatch(/skip_verify|ca =/);
  });

  test("writes a port in the directory so that every system can have it", async () => {
    const { files } = await plan("containerd");
    expect(files.map(({ path }) => path)).toEqual([
      "docker.io/hosts.toml",
      "reg.example_5000_/hosts.toml",
      "registry.k8s.io/hosts.toml",
    ]);
  });

  test("stands for all registries with *", async () => {
    const { files } = await plan("containerd", { namespaces: ["*"] });
    expect(files.map(({ path }) => path)).toEqual(["_default/hosts.toml"]);
    expect(parse(files[0])).not.toHaveProperty("server");
  });
});

test("containerd 2.2, whose own config passes every mirror by, is told of", async () => {
  const request = { mirror: "http://mirror.lan:5000", namespaces: ["docker.io"] };
  const { steps } = await planClientConfig({ ...request, runtime: "containerd" });
  expect(steps.join("\n")).toMatch(/2\.2 writes two directories .* ignores both/);
});

describe("minikube", () => {
  const plan = (mirror: string, form: RouteForm, namespaces = ["docker.io", "registry.k8s.io"]) =>
    planClientConfig({ mirror, form, namespaces, runtime: "minikube" });

  test("asks for Docker Hub's images at the host that stands for it, or says that nobody is named", async () => {
    const host = await plan("http://mirror.lan:5000", "host");
    expect(host.files[0]?.text).toMatch(
      /--registry-mirror=http:\/\/docker-registry\.mirror\.lan:5000 /,
    );
    expect(host.files[0]?.text).toContain("--insecure-registry=k8s-registry.mirror.lan:5000");
    expect(host.notices.map(({ message }) => message).join("\n")).not.toMatch(/does not say/);
    const path = await plan("http://mirror.lan:5000", "path");
    expect(path.notices.map(({ message }) => message).join("\n")).toMatch(
      /does not say which registry/,
    );
  });

  test("is given no address whose path it would leave away", async () => {
    await expect(plan("https://mirror.lan/sub", "path")).rejects.toThrow(
      /takes no path such as "\/sub"/,
    );
    const { files } = await plan("https://mirror.lan/sub", "path", ["registry.k8s.io"]);
    expect(files[0]?.text).toContain("--image-repository=mirror.lan/sub/registry.k8s.io");
  });
});

describe("podman", () => {
  test("blocks the registry and keeps its mirrors where nothing else may be asked", async () => {
    const [file] = (await plan("podman", { fallback: false })).files;
    const { registry } = parse(file) as { registry: { location: string; blocked: boolean }[] };
    expect(registry.map(({ blocked }) => blocked)).toEqual([true, true, true]);
    expect(registry.every(({ location }) => location !== undefined)).toBe(true);
  });

  test("finds images below the paths that a push gives them", async () => {
    const [file] = (await plan("podman", { mirror: "http://mirror.lan/team" })).files;
    const { registry } = parse(file) as { registry: { mirror: { location: string }[] }[] };
    expect(registry.flatMap(({ mirror }) => mirror.map(({ location }) => location))).toEqual([
      "mirror.lan/team/docker.io",
      "mirror.lan/team/reg.example-5000",
      "mirror.lan/team/registry.k8s.io",
    ]);
  });
});

describe("k3d", () => {
  test("K8: holds the file of the registries as a text that parses", async () => {
    const [file] = (await plan("k3d")).files;
    const { registries } = parse(file) as { registries: { config: string } };
    expect(formats.yaml.parse(registries.config)).toEqual({
      mirrors: {
        "docker.io": { endpoint: ["http://mirror.lan:5000"] },
        "reg.example:5000": { endpoint: ["http://mirror.lan:5000"] },
        "registry.k8s.io": { endpoint: ["http://mirror.lan:5000"] },
      },
    });
  });
});

test("k3d takes the way to the Internet from servers and agents alike", async () => {
  const [file] = (await plan("k3d", { fallback: false })).files;
  expect(parse(file)).toMatchObject({
    options: { k3s: { extraArgs: [{ nodeFilters: ["server:*", "agent:*"] }] } },
  });
});

test("an agent of k3s is given no key that it does not start with", async () => {
  const request = { fallback: false, options: { systemDefaultRegistry: "boot.airgap" } };
  const filesOf = async (runtime: string) => {
    const { files } = await plan(runtime, request);
    const settings = files.filter(({ path }) => path.startsWith("config.yaml.d/"));
    return settings.map((file) => [file.path, Object.keys(parse(file) as object)]);
  };
  expect(await filesOf("k3s")).toEqual([
    ["config.yaml.d/50-mirror.yaml", ["disable-default-registry-endpoint"]],
    ["config.yaml.d/51-mirror-servers.yaml", ["system-default-registry"]],
  ]);
  expect(await filesOf("rke2")).toEqual([
    [
      "config.yaml.d/50-mirror.yaml",
      ["disable-default-registry-endpoint", "system-default-registry"],
    ],
  ]);
});

test("OpenShift, whose API takes no IPv6 addresses, is given none", async () => {
  const planned = plan("openshift", { mirror: "http://[fd00::1]:5000" });
  await expect(planned).rejects.toMatchObject({ code: "OPTION_INVALID", hint: "Give it a name" });
});

describe("kind", () => {
  test("K7: mounts one directory for each registry, read-only, on every node", async () => {
    const { files } = await plan("kind", { options: { cluster: "demo", workers: 1 } });
    const cluster = parse(files.find(({ path }) => path === "kind.yaml")) as KindCluster;
    expect(cluster).toMatchObject({
      kind: "Cluster",
      apiVersion: "kind.x-k8s.io/v1alpha4",
      name: "demo",
    });
    expect(cluster.nodes.map(({ role }) => role)).toEqual(["control-plane", "worker"]);
    for (const { extraMounts } of cluster.nodes) {
      expect(extraMounts.map(({ containerPath }) => containerPath)).toEqual([
        "/etc/containerd/certs.d/docker.io",
        "/etc/containerd/certs.d/reg.example_5000_",
        "/etc/containerd/certs.d/registry.k8s.io",
      ]);
      expect(extraMounts.every(({ readOnly }) => readOnly)).toBe(true);
    }
  });
});

interface KindCluster {
  readonly nodes: readonly {
    readonly role: string;
    readonly extraMounts: readonly { readonly containerPath: string; readonly readOnly: boolean }[];
  }[];
}

describe("talos", () => {
  const credential = { username: "u", password: "p" };

  test("K9: has nothing of TLS for plain HTTP, in either shape", async () => {
    for (const talosFormat of ["documents", "legacy"] as const) {
      const { files } = await plan("talos", { skipVerify: true, options: { talosFormat } });
      expect(files[0]?.text).not.toMatch(/tls/i);
    }
  });

  test("K9: files a login under the mirror's host, not the registry's", async () => {
    const options = { credential, includeSecrets: true } as const;
    const [modern] = (await plan("talos", options)).files;
    expect(formats.yaml.parseAll(modern?.text ?? "")).toContainEqual({
      apiVersion: "v1alpha1",
      kind: "RegistryAuthConfig",
      name: "mirror.lan:5000",
      ...credential,
    });
    const [legacy] = (await plan("talos", { ...options, options: { talosFormat: "legacy" } }))
      .files;
    expect(parse(legacy)).toMatchObject({
      machine: { registries: { config: { "mirror.lan:5000": { auth: credential } } } },
    });
  });
});

describe("kubeadm", () => {
  test("P8: puts the second coredns into the path, which kubeadm only does for its default", async () => {
    const [file] = (await plan("kubeadm")).files;
    expect(parse(file)).toMatchObject({
      imageRepository: "mirror.lan:5000/registry.k8s.io",
      dns: { imageRepository: "mirror.lan:5000/registry.k8s.io/coredns" },
    });
  });
});

describe("a login", () => {
  const credential = { username: "user", password: "pa$$ #'\"word" };

  test.each(RUNTIMES)("is in no file of $name unless secrets are included", async ({ name }) => {
    const { files, notices } = await plan(name, { credential });
    expect(JSON.stringify(files)).not.toContain("word");
    expect(notices).toContainEqual(expect.objectContaining({ code: "CLIENT_SECRET" }));
  });

  test("is written into files that only their owner may read", async () => {
    const { files } = await plan("k3s", { credential, includeSecrets: true });
    const file = files.find(({ path }) => path === "registries.yaml");
    expect(file?.mode).toBe("0600");
    expect(parse(file)).toMatchObject({ configs: { "mirror.lan:5000": { auth: credential } } });
  });
});

describe("planClientConfig()", () => {
  test.each([
    ["a runtime that it does not know", { runtime: "dokcer" }, /none with the name "dokcer"/],
    [
      "C4: a path that Docker 24 refuses",
      { runtime: "docker", mirror: "http://m/x" },
      /Docker before 25/,
    ],
    ["a mirror with a password", { mirror: "http://u:p@mirror.lan" }, /no address of a mirror/],
    ["a mirror without a scheme", { mirror: "mirror.lan:5000" }, /no address of a mirror/],
    ["a namespace that is none", { namespaces: ['a"b\n[x]'] }, /no registry host/],
    ["no namespaces", { namespaces: [] }, /it is empty/],
    ["a form that the client cannot use", { runtime: "podman", form: "ns" }, /cannot use "ns"/],
    [
      "* where there is no entry for all",
      { runtime: "podman", namespaces: ["*"] },
      /no entry for all/,
    ],
    ["host names below an address", { mirror: "http://10.0.0.1", form: "host" }, /cannot exist/],
    ["a certificate for plain HTTP", { ca: CA }, /plain HTTP/],
    ["a certificate that is none", { mirror: "https://m", ca: "x" }, /no certificate/],
    ["a user name with a colon", { credential: { username: "a:b", password: "x" } }, /user name/],
    [
      "a password with a line break",
      { credential: { username: "a", password: "x\n" } },
      /password/,
    ],
    [
      "a cluster that is a command",
      { runtime: "kind", options: { cluster: "a; b" } },
      /no name of/,
    ],
    [
      "two registries with one host name",
      { runtime: "nginx", namespaces: ["a.b:1", "a.b-1"] },
      /reached as/,
    ],
  ] as const)("refuses %s", async (_title, request, message) => {
    await expect(plan("containerd", request)).rejects.toThrow(message);
  });
});

function plan(
  runtime: string,
  request: Partial<PlanClientConfigOptions> = {},
): Promise<ClientConfig> {
  return planClientConfig({
    runtime,
    mirror: "http://mirror.lan:5000",
    namespaces: NAMESPACES,
    ...request,
  });
}

function render({ directory, files, steps, notices }: ClientConfig): string {
  return [
    ...files.map(({ path, mode, text }) => `---- ${directory}/${path} ${mode}\n${text}`),
    ...steps.map((step) => `next: ${step}`),
    ...notices.map(({ code, message }) => `${code}: ${message}`),
    "",
  ].join("\n");
}

function parse(file: PlannedFile | undefined): unknown {
  const { path, text } = file ?? { path: "", text: "" };
  if (/\.(?:toml|conf)$/.test(path) && !path.startsWith("conf.d/")) return formats.toml.parse(text);
  if (/\.ya?ml$/.test(path)) {
    const documents = formats.yaml.parseAll(text);
    return documents.length === 1 ? documents[0] : documents;
  }
  return path.endsWith(".json") ? formats.json.parse(text) : text;
}
