import { openBundleStore } from "../bundle/images/bundle-store.ts";
import { OptionInvalidError } from "../errors.ts";
import { callerOf } from "../server/access.ts";
import { createRoutedHandler } from "../server/handler.ts";
import { type HttpListener, listenHttp } from "../server/listen.ts";
import type { RegistryHandler } from "../server/message.ts";
import type { OwnAuthority } from "../server/self-signed.ts";
import type { OperationOptions } from "../store/store.ts";
import { parsePolicy } from "../trust/policy.ts";
import { requireBundledSignatures } from "../trust/require-bundled-signatures.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";
import { describeFailure, toAnsweredEvents } from "./answered-events.ts";
import { CacheUsageCounter } from "./cache-usage.ts";
import { type ContentOptions, collectContent, type ServedContent } from "./collect-content.ts";
import { canonicalNamespace } from "./namespace-names.ts";
import { createRouter } from "./namespaces.ts";
import { createPage } from "./page.ts";
import { type ProtectionOptions, readProtection } from "./protection.ts";
import { type PulledImage, PullRecord } from "./pull-record.ts";
import { createRecordingBackend } from "./recording-backend.ts";
import type { OnServeEvent } from "./serve-event.ts";
import { createServeHandler } from "./serve-handler.ts";
import type { OpenedBundle } from "./served-repository.ts";
import { addTree, openTrees, type TreeOptions } from "./tree/open-tree.ts";
import {
  addUpstreams,
  type OpenedUpstreams,
  openUpstreams,
  type UpstreamOptions,
} from "./upstream/open-upstreams.ts";

export interface ServerOptions
  extends ContentOptions,
    ProtectionOptions,
    TreeOptions,
    UpstreamOptions,
    OperationOptions {
  /** Bundles to serve from, straight from their files; later ones add to earlier ones. */
  readonly bundlePaths: readonly string[];
  /** Address of this machine; default `127.0.0.1`. */
  readonly address?: string | undefined;
  /** 0: a free one; default 5000. */
  readonly port?: number | undefined;
  /** Signatures that the images of the bundles have to have: without them nothing is served. Not beside anything else than bundles. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  /** Host names that clients use → registries they stand for; `*.domain` → `*` goes by the first label. */
  readonly hosts?: Readonly<Record<string, string>> | undefined;
  /** The registry that is meant where a client does not say; default: the only one that has the repository. */
  readonly defaultNamespace?: string | undefined;
  /** Whether clients may list the repositories; default false. */
  readonly catalog?: boolean | undefined;
  /** A list of the images that clients pull is added to this file; `pull` takes it. */
  readonly recordFile?: string | undefined;
  readonly onEvent?: OnServeEvent | undefined;
}

/** A registry that is being served; closing it cuts all connections. */
export interface MirrorServer extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
  /** Registries that there are images of, sorted. */
  readonly namespaces: readonly string[];
  /** Tags of all repositories. */
  readonly imageCount: number;
  /** What clients have to trust, if the certificate was made here. */
  readonly authority: OwnAuthority | undefined;
  /** Reads certificates and logins again; when they cannot be used, the old ones stay and the promise rejects. */
  reload(): Promise<void>;
  /** Takes no new connections and waits until everything that is being pulled has ended. */
  stop(): Promise<void>;
}

/**
 * Serves bundles, a tree of files, and what upstreams have, as a registry, which can be pushed to where a namespace is for that. Bundles are
 * not unpacked, and without upstreams and such a namespace nothing is written anywhere.
 */
export async function openServer(options: ServerOptions): Promise<MirrorServer> {
  const { onEvent = () => {} } = options;
  const address = options.address ?? "127.0.0.1";
  const bundles: OpenedBundle[] = [];
  const others: AsyncDisposable[] = [];
  let renewal: NodeJS.Timeout | undefined;
  const close = async () => {
    clearInterval(renewal);
    for (const opened of others) await opened[Symbol.asyncDispose]();
    await Promise.all(bundles.map(({ store }) => store[Symbol.asyncDispose]()));
  };
  try {
    const protection = { now: await readProtection(options) };
    for (const path of options.bundlePaths) {
      options.signal?.throwIfAborted();
      bundles.push({ path, store: await openBundleStore(path) });
    }
    await demandSignatures(bundles, options);
    const usage = new CacheUsageCounter();
    const scheme = protection.now.tls ? "https" : "http";
    const opened = await openUpstreams({ ...options, address, onEvent });
    others.push(opened);
    const record = await openRecord(options);
    if (record) others.push(record);
    const trees = await openTrees(options);
    others.push(trees);
    const lying = trees.contents.reduce(addTree, collectContent(bundles, options));
    const whole = addUpstreams(lying, opened);
    const content = recordPulls(whole, record, opened.writable?.namespace);
    const listener = await listenHttp({
      handler: createServeHandler({
        registry: createRegistry({ ...content, writable: opened.writable }, options),
        page: createPage({
          bundles,
          trees: options.trees ?? [],
          upstreams: opened.healths,
          usageNow: () => usage.usage,
          writable: opened.writable?.namespace,
          scheme,
        }),
        rulesNow: () => protection.now.rules,
      }),
      tls: protection.now.tls,
      address,
      port: options.port ?? 5000,
      onAnswered: (answered) => {
        const caller = callerOf(answered.request, protection.now.rules);
        for (const event of toAnsweredEvents(answered, caller)) {
          usage.note(event);
          onEvent(event);
        }
      },
    });
    const reload = async () => {
      const read = await readProtection(options);
      if (read.tls) listener.setTls(read.tls);
      protection.now = read;
    };
    const { authority } = protection.now;
    if (authority) renewal = renewDaily(reload, onEvent);
    const namespaces = [...content.namespaces.keys()];
    return toServer(listener, { authority, bundles, close, namespaces, reload, scheme });
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of what comes from elsewhere, nobody could say the same. */
async function demandSignatures(
  bundles: readonly OpenedBundle[],
  options: ServerOptions,
): Promise<void> {
  const { requireSignatures, signal, onEvent = () => {} } = options;
  if (requireSignatures === undefined) return;
  const { trees = [], upstreams = [], writable } = options;
  if (upstreams.length + trees.length > 0 || writable !== undefined) {
    throw new OptionInvalidError("requireSignatures", "signatures are demanded of bundles only", {
      hint: "Serve the bundles by a server of their own",
    });
  }
  const policy = await parsePolicy(requireSignatures);
  const stores = bundles.map(({ store }) => store);
  const { notices } = await requireBundledSignatures(stores, policy, { signal });
  for (const notice of notices) onEvent({ type: "notice", ...notice });
}

async function openRecord({
  now,
  onEvent = () => {},
  recordFile,
}: ServerOptions): Promise<PullRecord | undefined> {
  return recordFile === undefined ? undefined : await PullRecord.open(recordFile, { now, onEvent });
}

/** What was pushed here is in no other registry: it can be pulled from here only. */
function recordPulls(
  { namespaces, target }: ServedContent,
  record: PullRecord | undefined,
  writable: string | undefined,
): ServedContent {
  if (record === undefined) return { namespaces, target };
  const recorded = [...namespaces].map(([namespace, backend]) => {
    if (namespace === writable) return [namespace, backend] as const;
    const note = (image: PulledImage) => record.note(image);
    return [namespace, createRecordingBackend(backend, namespace, note)] as const;
  });
  return { namespaces: new Map(recorded), target };
}

function createRegistry(
  content: ServedContent & Pick<OpenedUpstreams, "writable">,
  options: ServerOptions,
): RegistryHandler {
  const { catalog = false, defaultNamespace } = options;
  const hosts = new Map(
    Object.entries(options.hosts ?? {}).map(([host, namespace]) => [
      host.toLowerCase(),
      canonicalNamespace(namespace),
    ]),
  );
  const router = createRouter({
    ...content,
    hosts,
    defaultNamespace: defaultNamespace && canonicalNamespace(defaultNamespace),
  });
  return createRoutedHandler(router, { catalog });
}

const DAY_MS = 24 * 3_600_000;

/** A server runs for longer than its certificate is valid. */
function renewDaily(renew: () => Promise<void>, onEvent: OnServeEvent): NodeJS.Timeout {
  const attempt = () =>
    renew().catch((error: unknown) => {
      onEvent({ type: "renewal-failed", ...describeFailure(error) });
    });
  return setInterval(() => void attempt(), DAY_MS).unref();
}

interface OpenedContent {
  readonly authority: OwnAuthority | undefined;
  readonly bundles: readonly OpenedBundle[];
  readonly namespaces: readonly string[];
  readonly close: () => Promise<void>;
  readonly reload: () => Promise<void>;
  readonly scheme: string;
}

function toServer(
  listener: HttpListener,
  { authority, bundles, namespaces, close, reload, scheme }: OpenedContent,
): MirrorServer {
  const { address, port } = listener;
  const host = address.includes(":") ? `[${address}]` : address;
  return {
    address,
    port,
    url: `${scheme}://${host}:${port}`,
    namespaces,
    imageCount: bundles.reduce((sum, { store }) => sum + store.images.length, 0),
    authority,
    reload,
    async stop() {
      await listener.stop();
      await close();
    },
    async [Symbol.asyncDispose]() {
      await listener.close();
      await close();
    },
  };
}
