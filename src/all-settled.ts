/** Waits for all, so that nothing is still running when the first failure is thrown. */
export async function allSettledOrThrow<Value>(
  promises: readonly Promise<Value>[],
): Promise<Value[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
