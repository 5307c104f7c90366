/** The part of WebAssembly that is used: the types of Node 20 do not declare it. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
}

/** A compiled module. */
export function compileModule(bytes: Uint8Array): object {
  return new (webAssembly().Module)(bytes);
}

/** What a fresh instance of a module exports. */
export function instantiateModule(module: object): object {
  return new (webAssembly().Instance)(module).exports;
}

function webAssembly(): WebAssemblyApi {
  return (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
}
