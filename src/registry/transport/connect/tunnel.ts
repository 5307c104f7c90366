import { type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { RegistryUnreachableError } from "../../errors.ts";
import type { HttpProxy } from "./proxy.ts";

export interface TunnelOptions {
  /** `registry.local:443` */
  readonly target: string;
  /** For a proxy that itself is reached by TLS. */
  readonly secureContext: SecureContext | undefined;
  readonly rejectUnauthorized: boolean;
  readonly timeoutMs: number;
}

/** Opens a connection to the target through `CONNECT`. What fails on the way to it is named as the proxy's. */
export async function openTunnel(proxy: HttpProxy, options: TunnelOptions): Promise<Socket> {
  const { target, secureContext, rejectUnauthorized, timeoutMs } = options;
  const { hostname, port, protocol } = proxy.url;
  const isSecure = protocol === "https:";
  const settings: RequestOptions = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port || (isSecure ? 443 : 80),
    method: "CONNECT",
    path: target,
    agent: false,
    headers: {
      host: target,
      ...(proxy.authorization ? { "proxy-authorization": proxy.authorization } : {}),
    },
  };
  return await new Promise((resolve, reject) => {
    const refuse = (reason: "proxy" | "proxy-denied", detail: string, cause?: Error) => {
      reject(createProxyError(target, { proxy, reason, detail, cause }));
    };
    const request = isSecure
      ? requestHttps({
          ...settings,
          ...(secureContext ? { secureContext } : {}),
          rejectUnauthorized,
        })
      : requestHttp(settings);
    request.setTimeout(timeoutMs, () => {
      request.destroy(
        Object.assign(new Error("it does not answer in time"), { code: "ETIMEDOUT" }),
      );
    });
    request.once(
      "connect",
      ({ statusCode = 0, statusMessage = "" }, socket: Socket, head: Buffer) => {
        socket.setTimeout(0);
        if (statusCode >= 200 && statusCode < 300 && head.length === 0) return resolve(socket);
        socket.destroy();
        const reason = statusCode === 407 || statusCode === 403 ? "proxy-denied" : "proxy";
        refuse(reason, `answered ${statusCode} ${statusMessage}`.trim());
      },
    );
    request.once("error", (error: NodeJS.ErrnoException) => {
      refuse("proxy", error.code ?? "the connection broke", error);
    });
    request.end();
  });
}

export interface ProxyFailure {
  readonly proxy: HttpProxy;
  readonly reason: "proxy" | "proxy-denied";
  readonly detail: string;
  readonly cause?: Error | undefined;
}

export function createProxyError(
  target: string,
  { proxy, reason, detail, cause }: ProxyFailure,
): RegistryUnreachableError {
  const text = `proxy "${proxy.host}": ${detail}`;
  return new RegistryUnreachableError(target, { reason, detail: text }, { cause });
}
