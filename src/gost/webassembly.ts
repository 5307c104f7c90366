import { setFlagsFromString } from "node:v8";

/** The part of WebAssembly that is used: the types of Node 20 do not declare it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** Settings of the engine: what hashes gigabytes is worth to be optimized, and a program may have turned that off for the whole process. */
const OPTIMIZED = ["wasm-tier-up", "wasm-dynamic-tiering"];

/** A compiled module. */
export function compileModule(bytes: Uint8Array): object {
  for (const name of OPTIMIZED) setFlagsFromString(`--${name}`);
  return new (webAssembly().Module)(bytes);
}

/** What a fresh instance of a module exports. */
export function instantiateModule(module: object): object {
  return new (webAssembly().Instance)(module).exports;
}

function webAssembly(): WebAssemblyApi {
  return (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
}
