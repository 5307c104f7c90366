import type * as undici from "undici";
// @ts-expect-error: parts have no types of their own
import api from "undici/lib/api/index.js";
// @ts-expect-error: as above
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
// @ts-expect-error: as above
import PoolPart from "undici/lib/dispatcher/pool.js";

// The parts of undici that connections need: all of it takes three times as long to load.
// Its own index gives dispatchers their methods in the same way.
Object.assign((Dispatcher as typeof undici.Dispatcher).prototype, api);

export const Pool: typeof undici.Pool = PoolPart;
