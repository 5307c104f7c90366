import { describe, expect, test } from "vitest";
import { RegistryResponseError, RegistryUnreachableError } from "../../src/registry/errors.ts";
import { parseServerErrors } from "../../src/registry/response-error.ts";
import { MARKER } from "../support/secrets.ts";

function response(status: number, url = "https://registry.local/v2/a/manifests/v1") {
  return new RegistryResponseError({
    registry: "registry.local",
    method: "GET",
    url: new URL(url),
    status,
  });
}

describe("RegistryResponseError", () => {
  test.each([
    [401, "REGISTRY_DENIED"],
    [403, "REGISTRY_DENIED"],
    [404, "REGISTRY_NOT_FOUND"],
    [429, "REGISTRY_LIMITED"],
    [400, "REGISTRY_REFUSED"],
    [500, "REGISTRY_REFUSED"],
  ] as const)("gives status %i the code %s", (status, code) => {
    expect(response(status).code).toBe(code);
  });

  // GitHub and firewalls with a time, Wave and others with words
  test.each([
    [403, { retryAfterMs: 60_000 }, "REGISTRY_LIMITED"],
    [403, { said: "Request exceeded pull rate limit for IP 192.0.2.1" }, "REGISTRY_LIMITED"],
    [403, { said: "too many requests, try again later" }, "REGISTRY_LIMITED"],
    [403, { said: "requested access to the resource is denied" }, "REGISTRY_DENIED"],
    [401, { retryAfterMs: 60_000 }, "REGISTRY_DENIED"],
    [404, { said: "no such rate limit" }, "REGISTRY_NOT_FOUND"],
  ] as const)(
    "tells limits of the rate from a lack of rights: %i, %o is %s",
    (status, about, code) => {
      const { said, retryAfterMs } = { said: "", retryAfterMs: undefined, ...about };
      const url = new URL("https://registry.local/v2/a/manifests/v1");
      const serverErrors = [{ code: "DENIED", message: said }];
      const fields = { registry: "registry.local", method: "GET", url, status };
      expect(new RegistryResponseError({ ...fields, serverErrors, retryAfterMs }).code).toBe(code);
    },
  );

  test("has its fields and a message made of them", () => {
    const error = response(404);
    expect(error).toMatchObject({
      name: "RegistryResponseError",
      registry: "registry.local",
      method: "GET",
      path: "/v2/a/manifests/v1",
      status: 404,
    });
    expect(error.message).toBe(
      'Registry "registry.local" does not have it: GET /v2/a/manifests/v1 answered 404',
    );
  });

  test.each([
    [
      412,
      "PRECONDITION",
      "Failed to process request due to 'web:v1' configured as immutable.",
      /^The tag exists/,
    ],
    [
      400,
      "TAG_INVALID",
      "The image tag 'v1' already exists and cannot be overwritten because the repository is immutable.",
      /^The tag exists/,
    ],
    [403, "DENIED", "The repository is write-once", /^The tag exists/],
    [
      403,
      "DENIED",
      "adding 120.0 MiB of storage resource, which when updated to current usage will exceed the configured upper limit",
      /^The registry has no room/,
    ],
    [403, "QUOTA_EXCEEDED", "", /^The registry has no room/],
    [403, "DENIED", "permission_denied: write_package", /Manage Actions access/],
    [
      403,
      "DENIED",
      "installation not allowed to Create organization package",
      /Manage Actions access/,
    ],
    // Aliyun ACR, of attestations of BuildKit
    [
      403,
      "DENIED",
      "unknown manifest class for application/vnd.oci.empty.v1+json",
      /does not take this type of artifact/,
    ],
    [403, "DENIED", "insufficient_storage for namespace", /^The registry has no room/],
    [403, "DENIED", "requested access to the resource is denied", /^Log in/],
  ])("has for %i %s (%s) a hint of its own kind", (status, code, message, hint) => {
    const url = new URL("https://registry.local/v2/a/manifests/v1");
    const fields = { registry: "registry.local", method: "PUT", url, status };
    const serverErrors = [{ code, message }];
    const error = new RegistryResponseError({ ...fields, serverErrors }, { hint: "Log in" });
    expect(error.hint).toMatch(hint);
  });

  test.each([
    [429, "TOOMANYREQUESTS", "You have exceeded the rate limit", /^Wait/],
    [429, "DENIED", "Quota exceeded for quota metric 'Requests per minute'", /^Wait/],
    [415, "MANIFEST_INVALID", "manifest invalid", /zot: "compat"/],
    [413, "SIZE_INVALID", "body exceeds the maximum size", /^Raise the limit on request bodies/],
    [400, "MANIFEST_INVALID", "manifest exceeds the size limit of 4 MiB", undefined],
  ])(
    "takes %i %s (%s) neither for a full storage nor for an immutable tag",
    (status, code, message, hint) => {
      const url = new URL("https://registry.local/v2/a/manifests/v1");
      const fields = { registry: "registry.local", method: "PUT", url, status };
      const error = new RegistryResponseError({ ...fields, serverErrors: [{ code, message }] });
      if (hint) expect(error.hint).toMatch(hint);
      else expect(error.hint).toBeUndefined();
    },
  );

  test("tells what only the detail says, and that a type has to be allowed", () => {
    const message =
      "manifest data does not match schema: 'application/spdx+json' is not one of ['a/b']";
    const body = JSON.stringify({
      errors: [{ code: "MANIFEST_INVALID", message: "manifest invalid", detail: { message } }],
    });
    const serverErrors = parseServerErrors(body);
    expect(serverErrors).toEqual([
      { code: "MANIFEST_INVALID", message: `manifest invalid: ${message}` },
    ]);
    const url = new URL("https://registry.local/v2/a/manifests/v1");
    const fields = { registry: "registry.local", method: "PUT", url, status: 400, serverErrors };
    expect(new RegistryResponseError(fields).hint).toContain("does not take this type");
  });

  test.each(["GET", "HEAD"])("speaks of immutable tags and full storage to no %s", (method) => {
    const url = new URL("https://registry.local/v2/a/manifests/v1");
    const fields = { registry: "registry.local", method, url, status: 403 };
    const serverErrors = [{ code: "DENIED", message: "hidden by a retention rule" }];
    const error = new RegistryResponseError({ ...fields, serverErrors }, { hint: "Log in" });
    expect(error.hint).toBe("Log in");
  });

  test.each([
    [
      "GET",
      400,
      "bad request: invalid repository name: mirror",
      /registry\.local\/project\/mirror/,
    ],
    ["POST", 401, "project mirror not found: project mirror not found", /^Create the project/],
    ["GET", 400, "Nested repositories are not supported. Found: a/b/c", /EXTENDED_REPOSITORY/],
    ["GET", 400, "400 No required SSL certificate was sent", /client certificate: .*`certFile`/],
  ])("says what Harbor or nginx means by %s %i: %s", (method, status, message, hint) => {
    const url = new URL("https://registry.local/v2/mirror/blobs/uploads/");
    const fields = { registry: "registry.local", method, url, status };
    const serverErrors = [{ code: "BAD_REQUEST", message }];
    const error = new RegistryResponseError({ ...fields, serverErrors }, { hint: "Log in" });
    expect(error.hint).toMatch(hint);
  });

  test("says of a denied push to a deep path that the path may be what is refused", () => {
    const hintOf = (method: string, repository: string) => {
      const url = new URL(`https://registry.local/v2/${repository}/blobs/uploads/`);
      return new RegistryResponseError({ registry: "registry.local", method, url, status: 401 })
        .hint;
    };
    expect(hintOf("POST", "group/project/modules/foo")).toMatch(/more levels than they take/);
    expect(hintOf("POST", "group/project/foo") ?? "").not.toMatch(/levels/);
    expect(hintOf("GET", "group/project/modules/foo") ?? "").not.toMatch(/levels/);
  });

  test("does not take the name of a path for the root of a project, nor a store for the registry", () => {
    const url = new URL("https://registry.local/v2/a/B/manifests/v1");
    const message = "Invalid repository name: a/B";
    const fields = { registry: "registry.local", method: "GET", url };
    const ofName = { ...fields, status: 400, serverErrors: [{ code: "", message }] };
    expect(new RegistryResponseError(ofName).hint ?? "").not.toContain("project");
    const ofStore = { ...fields, status: 403, isRedirected: true };
    const { hint } = new RegistryResponseError(ofStore, { hint: "Log in" });
    expect(hint).toMatch(/^A server that the registry has sent us to refuses/);
  });

  test("tells to create a repository that a push does not make", () => {
    const url = new URL("https://registry.local/v2/a/blobs/uploads/");
    const fields = { registry: "registry.local", url, status: 404 };
    expect(new RegistryResponseError({ ...fields, method: "POST" }).hint).toMatch(/^Create the/);
    expect(new RegistryResponseError({ ...fields, method: "GET" }).hint).toMatch(/^Check the/);
  });

  test.each([
    `https://user:${MARKER}@storage.local/blob`,
    `https://storage.local/blob?X-Amz-Signature=${MARKER}`,
    `https://storage.local/blob?sig=${MARKER}&_state=${MARKER}`,
    `https://storage.local/blob?token=${MARKER}#${MARKER}`,
  ])("does not contain the secrets of %s", (url) => {
    const error = response(403, url);
    expect(JSON.stringify([error, error.message, error.stack])).not.toContain(MARKER);
    expect(error.url).toContain("https://storage.local/blob");
  });
});

describe("RegistryUnreachableError", () => {
  test.each([
    ["plain-http", "`insecure`"],
    ["certificate", "`caFiles`"],
    ["dns", "spelling"],
    ["refused", "port"],
  ] as const)("has a remedy for %s", (reason, remedy) => {
    const error = new RegistryUnreachableError("registry.local", { reason });
    expect(error.hint).toContain(remedy);
    expect(error.message).toContain('"registry.local"');
  });
});

describe("parseServerErrors()", () => {
  test.each<[string, string, unknown]>([
    [
      "the document of the specification",
      '{"errors":[{"code":"DENIED","message":"no","detail":{"x":1}}]}',
      [{ code: "DENIED", message: "no" }],
    ],
    ["plain text", "404 page not found\n", [{ code: "", message: "404 page not found" }]],
    ["HTML", "<html><body>Bad gateway</body></html>", []],
    [
      "the title of a page",
      "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>",
      [{ code: "", message: "400 No required SSL certificate was sent" }],
    ],
    ["nothing", "", []],
    ["bytes that are no text", Buffer.from([0x1f, 0x8b, 8, 0, 0xff, 0xfe]).toString("utf8"), []],
    ["another document", '{"x":"y"}', []],
    ["a word alone", '{"error":"x"}', [{ code: "", message: "x" }]],
    [
      "that of OAuth",
      '{"error":"invalid_grant","error_description":"The token has ended"}',
      [{ code: "invalid_grant", message: "The token has ended" }],
    ],
    [
      "that of Google",
      '{"error":{"code":403,"message":"Permission denied on resource"}}',
      [{ code: "", message: "Permission denied on resource" }],
    ],
    [
      "that of Docker Hub's token server",
      '{"details":"incorrect username or password"}',
      [{ code: "", message: "incorrect username or password" }],
    ],
    [
      "that of a store",
      '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><HostId>x</HostId></Error>',
      [{ code: "AccessDenied", message: "Request has expired" }],
    ],
    [
      "entries that are none",
      '{"errors":[null,7,{"code":7}]}',
      Array(3).fill({ code: "", message: "" }),
    ],
  ])("reads %s", (_, text, expected) => {
    expect(parseServerErrors(text)).toEqual(expected);
  });
});
