import { checkOptions } from "../check-options.ts";
import { type Digest, isDigest, parseDigest } from "./digest.ts";
import { ReferenceInvalidError, withoutUserInfo } from "./errors.ts";

/** One repository of one registry: `127.0.0.1:5000` + `acme/modules/foo`. */
export interface RepositoryReference {
  /** Host, with port if given; `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly repository: string;
}

/** A repository with a tag, a digest or both; the digest decides. */
export interface Reference extends RepositoryReference {
  readonly tag?: string | undefined;
  readonly digest?: Digest | undefined;
}

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const HOST = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const REPOSITORY = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;

/** Longest repository path, host not counted (distribution/reference). */
const REPOSITORY_LIMIT = 255;

export function isTag(text: string): boolean {
  return TAG.test(text);
}

export function isRepositoryName(text: string): boolean {
  return text.length <= REPOSITORY_LIMIT && REPOSITORY.test(text);
}

/**
 * Parses an image reference the way Docker does: `web` → `docker.io/library/web`, `ghcr.io/acme/web:v2`,
 * `host:5000/a/b@sha256:…`. A missing tag stays missing.
 */
export function parseReference(text: string): Reference {
  checkOptions({ reference: text }, { reference: "text" });
  refuseUserInfo(text);
  const trimmed = text.trim();
  const at = trimmed.indexOf("@");
  const digest = at < 0 ? undefined : trimmed.slice(at + 1);
  const named = at < 0 ? trimmed : trimmed.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const { registry, repository } = normalize(colon < 0 ? named : named.slice(0, colon), text);
  if (tag !== undefined && !isTag(tag)) {
    throw new ReferenceInvalidError(text, `"${tag}" is not a tag`);
  }
  if (digest !== undefined && !isDigest(digest)) parseDigest(digest);
  return { registry, repository, ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

function normalize(name: string, text: string): RepositoryReference {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isHost = /[.:A-Z]/.test(first) || first === "localhost";
  if (!isHost && isDigest(`sha256:${name}`)) {
    throw new ReferenceInvalidError(text, "64 hex digits are a digest, not a name");
  }
  const host = isHost ? first.toLowerCase() : "docker.io";
  const path = isHost ? name.slice(slash + 1) : name;
  if (host === "docker.io" || host === "index.docker.io") {
    const repository = path.includes("/") ? path : `library/${path}`;
    return checkRepository({ registry: "docker.io", repository }, text);
  }
  return checkRepository({ registry: host, repository: path }, text);
}

/**
 * Parses `host[:port]/path`, where the first segment always is the host: sources and targets.
 * A scheme (`https://`, `http://`, `docker://`) and surplus slashes are dropped.
 */
export function parseRepositoryReference(text: string): RepositoryReference {
  checkOptions({ reference: text }, { reference: "text" });
  refuseUserInfo(text);
  const bare = text
    .trim()
    .replace(/^(?:https?|docker|oci):\/\//, "")
    .replace(/\/+$/, "")
    .replace(/\/{2,}/g, "/");
  const slash = bare.indexOf("/");
  if (slash === 0) throw new ReferenceInvalidError(text, "the registry host is missing");
  if (slash < 0) {
    throw new ReferenceInvalidError(text, "the repository path is missing", {
      hint: `Write it as registry-host[:port]/path, for example "${bare || "registry.local"}/repo"`,
    });
  }
  const registry = bare.slice(0, slash).toLowerCase();
  return checkRepository(
    {
      registry: registry === "index.docker.io" ? "docker.io" : registry,
      repository: bare.slice(slash + 1),
    },
    text,
  );
}

/** The inverse of `formatReference`: the first segment always is the host. */
export function parseFullReference(text: string): Reference {
  const at = text.indexOf("@");
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const repository = parseRepositoryReference(colon < 0 ? named : named.slice(0, colon));
  if (tag !== undefined && !isTag(tag)) {
    throw new ReferenceInvalidError(text, `"${tag}" is not a tag`);
  }
  if (digest !== undefined) parseDigest(digest);
  return { ...repository, ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

/** Secrets do not belong into references, which are logged, printed and stored. */
function refuseUserInfo(text: string): void {
  if (withoutUserInfo(text) === text) return;
  throw new ReferenceInvalidError(text, "it contains a user name or a password", {
    hint: "Drop everything up to the @, and log in with the flags or variables for logins",
  });
}

function checkRepository(reference: RepositoryReference, text: string): RepositoryReference {
  if (!HOST.test(reference.registry)) {
    throw new ReferenceInvalidError(text, `"${reference.registry}" is not a registry host`);
  }
  if (reference.repository.length > REPOSITORY_LIMIT) {
    throw new ReferenceInvalidError(text, `the path is longer than ${REPOSITORY_LIMIT} characters`);
  }
  if (!REPOSITORY.test(reference.repository)) {
    throw new ReferenceInvalidError(text, `"${reference.repository}" is not a repository path`, {
      hint: "Use lower-case letters, digits and single separators (. _ __ - /)",
    });
  }
  return reference;
}

/** `registry/repository[:tag][@digest]`, with Docker Hub written out. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag ? `:${tag}` : ""}${digest ? `@${digest}` : ""}`;
}

/** The same repository with a longer path: `acme` + `modules/foo` → `acme/modules/foo`; empty segments add nothing. */
export function joinRepository(
  base: RepositoryReference,
  ...segments: readonly string[]
): RepositoryReference {
  const repository = [base.repository, ...segments].filter((segment) => segment !== "").join("/");
  return checkRepository({ registry: base.registry, repository }, `${base.registry}/${repository}`);
}
