import type { Faults } from "../registry.ts";
import { MARKER } from "../secrets.ts";

export const PROFILE_USER = { username: "robot", password: MARKER };

export interface RegistryProfile {
  /** Reached by this name through a proxy, so that what is known of the host counts. */
  readonly host?: string;
  readonly faults: Faults;
  /** Switches for something that this client never does. */
  readonly avoided?: readonly (keyof Faults)[];
}

const MIB = 1024 * 1024;
const BASIC = { auth: { scheme: "basic", ...PROFILE_USER } } as const;
const BEARER = { scheme: "bearer", credentials: PROFILE_USER } as const;
const NO_REFERRERS = { referrers: 404, subjectHeader: "absent" } as const;
/** The first part breaks off, so that the registry has to be asked. */
const TORN = { dropUpload: { afterBytes: MIB / 2, how: "reset", times: 1 } } as const;

/** The rows of `src/registry/host/quirks.ts` as servers. What each switch does is described where it is made. */
export const PROFILES: Readonly<Record<string, RegistryProfile>> = {
  "distribution 2.8": {
    faults: { ...TORN, stateToken: true, postDigest: "ignored", ...NO_REFERRERS, mount: 202 },
    avoided: ["postDigest"],
  },
  "distribution 3": { faults: { ...TORN, tagLimit: 100, ...NO_REFERRERS } },
  "distribution on S3": { faults: { redirect: {}, commitReset: { times: 1 } } },
  zot: { faults: { ...TORN, abortedPatch: "deletes-session", emptyRange: "0--1" } },
  Quay: {
    host: "quay.io",
    faults: {
      ...TORN,
      statusRange: "bytes-exclusive",
      statusLocation: "absent",
      emptyRange: "bytes=0--1",
      tooManyRequests: { after: 5, times: 2 },
    },
  },
  Harbor: { faults: { ...TORN, stateToken: true, cookie: "poison", mount: 401 } },
  "Amazon ECR": {
    host: "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    faults: {
      ...BASIC,
      patchStatus: 201,
      statusRange: "lagging",
      statusGet: 404,
      emptyCommit: 500,
      tagLimit: 1000,
    },
    avoided: ["statusGet", "emptyCommit", "tagLimit"],
  },
  "Google GAR and GCR": {
    host: "europe-docker.pkg.dev",
    faults: { ...BASIC, patch: 404 },
    avoided: ["patch"],
  },
  GHCR: {
    host: "ghcr.io",
    faults: { partLimitBytes: 4 * MIB, statusGet: 404, ...NO_REFERRERS },
    avoided: ["partLimitBytes", "statusGet"],
  },
  "Azure ACR": {
    host: "acme.azurecr.io",
    faults: {
      ...TORN,
      abortedPatch: "deletes-session",
      uploadHeaders: "strict",
      tooManyRequests: { of: "manifest", after: 1, times: 2, retryAfter: { seconds: 1 } },
    },
    avoided: ["uploadHeaders"],
  },
  "Docker Hub": { host: "docker.io", faults: { ...BASIC, mount: 401 } },
  Artifactory: {
    faults: { auth: { ...BEARER, post: 401 }, head: { answer: "no-digest" }, accept: 406 },
    avoided: ["accept"],
  },
  Nexus: { faults: { head: { answer: 404, of: "manifest" }, contentDigest: "absent" } },
  GitLab: {
    faults: { auth: { ...BEARER, scopes: "first" }, tagPages: { size: 1, link: "relative" } },
  },
  "Aliyun ACR": { faults: { statusRange: "part-relative" } },
  "Red Hat": {
    host: "registry.access.redhat.com",
    faults: { gzip: "if-accepted" },
    avoided: ["gzip"],
  },
  "crane registry serve": {
    faults: {
      ...TORN,
      range: "open-refused",
      drop: { afterBytes: MIB, how: "eof", times: 1 },
      statusGet: 400,
    },
    avoided: ["range"],
  },
  olareg: { faults: { ...TORN } },
  Pulp: { faults: { auth: BEARER, tagPages: { size: 1, link: "absolute" } } },
  "a front end with a limit": { faults: { bodyLimit: { bytes: MIB / 2, answer: 413 } } },
};
