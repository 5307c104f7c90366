import { Readable } from "node:stream";
import type { Clock } from "../../io/clock.ts";
import type { Authorization, Authorizer } from "../auth/authorizer.ts";
import type { Scope } from "../auth/scope.ts";
import { parseServerErrors } from "../response-error.ts";
import { readBody } from "../transport/body.ts";
import { headerValues } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import { untilAborted } from "../transport/until-aborted.ts";

export interface AuthorizedSenderOptions {
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  /** The challenges of `GET /v2/`; throws when the registry is not able to say. */
  readonly ask: () => Promise<readonly string[]>;
}

export interface AuthorizedRequest {
  readonly method: string;
  readonly scopes: readonly Scope[];
  readonly minimumLifeMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly send: (authorization: string | undefined) => Promise<HttpResponse>;
  /** Whether an answer is of the registry itself: nobody else is told who we are. */
  readonly isOwn: (response: HttpResponse) => boolean;
}

/** A 401 may be answered with a first token and once more with a fresh or larger one. */
const ANSWER_LIMIT = 2;
/** What registries tell anonymous callers of what they hide from them. */
const HIDING: ReadonlySet<number> = new Set([401, 403, 404]);
/** How some registries say that a token has ended. */
const ENDED: ReadonlySet<number> = new Set([400, 403]);
/** Any other answer is not about who we are. */
const ASKING: ReadonlySet<number> = new Set([...HIDING, ...ENDED]);
/** A login that was refused when it was fresh is not renewed again for this long. */
const RENEWAL_PAUSE_MS = 60_000;
const COMPLAINT_LIMIT_BYTES = 64 * 1024;
const COMPLAINT_PATIENCE_MS = 2_000;
/** Complaints about what was sent, or how much of it. */
const NOT_ABOUT_LOGIN =
  /^(?:(?:BLOB|MANIFEST|DIGEST|SIZE|NAME|TAG|RANGE|PAGINATION|CONTENT)_\w+|TOOMANYREQUESTS|UNSUPPORTED)$/;

/** One request on its way through the questions of a registry. */
interface Attempt {
  readonly request: AuthorizedRequest;
  readonly scopes: readonly Scope[];
  readonly answers: number;
  readonly isRenewed: boolean;
  readonly previous: string | undefined;
}

/** Sends requests as who we are: answers challenges, asks for one that a registry keeps to itself, renews what has ended. */
export class AuthorizedSender {
  readonly #options: AuthorizedSenderOptions;
  #question: Promise<void> | undefined;
  readonly #refusedFresh = new Map<string, number>();

  constructor(options: AuthorizedSenderOptions) {
    this.#options = options;
  }

  async send(request: AuthorizedRequest): Promise<HttpResponse> {
    const { minimumLifeMs, scopes, signal } = request;
    const { authorizer } = this.#options;
    let attempt: Attempt | undefined = {
      request,
      scopes,
      answers: 0,
      isRenewed: false,
      previous: undefined,
    };
    for (;;) {
      const wish = { scopes: attempt.scopes, minimumLifeMs };
      const authorization = authorizer.isInformed
        ? await untilAborted(authorizer.authorize(wish), signal)
        : undefined;
      const response = await request.send(authorization?.value);
      if (!ASKING.has(response.status) || !request.isOwn(response)) return response;
      const answer = await this.#afterAnswer(response, authorization, attempt);
      if ("response" in answer) return answer.response;
      await response.discard();
      attempt = answer;
    }
  }

  /** How to go on after an answer, or the answer if it is to be believed. */
  async #afterAnswer(
    response: HttpResponse,
    authorization: Authorization | undefined,
    attempt: Attempt,
  ): Promise<Attempt | { readonly response: HttpResponse }> {
    const { status } = response;
    const next = { ...attempt, answers: attempt.answers + 1, previous: authorization?.value };
    if (status === 401) {
      const scopes = await this.#answerChallenge(response, authorization, attempt);
      if (scopes !== undefined) return { ...next, scopes };
    }
    if (authorization === undefined && HIDING.has(status)) {
      const isLearnt = await this.#learnChallenge(response, attempt);
      return isLearnt ? next : { response };
    }
    if (!ENDED.has(status) || authorization === undefined) return { response };
    if (attempt.isRenewed) {
      this.#refusedFresh.set(authorization.value, this.#options.clock.now());
      return { response };
    }
    if (!authorization.isKept || this.#isPausing(authorization.value)) return { response };
    const complaint = await readComplaint(response, attempt.request.method);
    if (complaint.isAboutContent) return complaint;
    const isRenewable = await this.#options.authorizer.renew(authorization.value, attempt.scopes);
    if (isRenewable) return { ...next, isRenewed: true };
    this.#refusedFresh.set(authorization.value, this.#options.clock.now());
    return complaint;
  }

  async #answerChallenge(
    { headers }: HttpResponse,
    authorization: Authorization | undefined,
    { answers, previous, scopes }: Attempt,
  ): Promise<readonly Scope[] | undefined> {
    const isRepeated = answers > 0 && authorization?.value === previous;
    if (isRepeated || answers >= ANSWER_LIMIT) return undefined;
    const challenges = headerValues(headers, "www-authenticate");
    return await this.#options.authorizer.answer({
      challenges,
      authorization: authorization?.value,
      scopes,
    });
  }

  /** Whether the registry now has said how to log in, for a login that there is. */
  async #learnChallenge({ headers }: HttpResponse, attempt: Attempt): Promise<boolean> {
    const { request, scopes, answers } = attempt;
    const { authorizer } = this.#options;
    if (answers > 0 || (await authorizer.credential(scopes)) === undefined) return false;
    // somebody else has learnt it meanwhile
    if (authorizer.isInformed) return true;
    const challenges = headerValues(headers, "www-authenticate");
    await authorizer.answer({ challenges, authorization: undefined, scopes });
    if (!authorizer.isInformed) await untilAborted(this.#askOnce(scopes), request.signal);
    return authorizer.isInformed;
  }

  #askOnce(scopes: readonly Scope[]): Promise<void> {
    this.#question ??= this.#ask(scopes).catch((error: unknown) => {
      this.#question = undefined;
      throw error;
    });
    return this.#question;
  }

  async #ask(scopes: readonly Scope[]): Promise<void> {
    const { ask, authorizer } = this.#options;
    const challenges = await ask();
    await authorizer.answer({ challenges, authorization: undefined, scopes });
  }

  #isPausing(authorization: string): boolean {
    const refusedAt = this.#refusedFresh.get(authorization);
    return refusedAt !== undefined && this.#options.clock.now() - refusedAt < RENEWAL_PAUSE_MS;
  }
}

interface Complaint {
  readonly isAboutContent: boolean;
  /** The same answer, with its text still to be read. */
  readonly response: HttpResponse;
}

async function readComplaint(response: HttpResponse, method: string): Promise<Complaint> {
  if (method === "HEAD") return { isAboutContent: false, response };
  const limits = { limitBytes: COMPLAINT_LIMIT_BYTES, partialAfterMs: COMPLAINT_PATIENCE_MS };
  const bytes = (await readBody(response, limits).catch(() => undefined)) ?? Buffer.alloc(0);
  const errors = parseServerErrors(bytes.toString("utf8"));
  return {
    isAboutContent: errors.some(({ code }) => NOT_ABOUT_LOGIN.test(code)),
    response: { ...response, body: Readable.from([bytes]), discard: async () => undefined },
  };
}
