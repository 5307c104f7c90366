import type { Scope } from "../auth/scope.ts";
import type { HttpRequest } from "../transport/http.ts";

/** A request to a registry as the operations state it: who may send it and how often is the host's concern. */
export interface HostRequest extends Omit<HttpRequest, "url" | "headers"> {
  /** Path below the registry (`/v2/…`), or a URL that the registry gave. */
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly scopes: readonly Scope[];
  /** Statuses that are answers; any other becomes a `RegistryResponseError`. */
  readonly accepts: readonly number[];
  /** How long the authorization should stay valid, for long uploads. */
  readonly minimumLifeMs?: number | undefined;
  /** The page of a list that it asks for, from the second one on. */
  readonly page?: number | undefined;
  /** What a registry has others give: their refusal may be about the address that it made. */
  readonly isContent?: boolean | undefined;
}
