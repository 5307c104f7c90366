// Pushes with parts of a chosen size, and with threads for any amount, which the command line does not offer:
// bundle target partSizeBytes transferThreads
import { openRegistryClient, parseRepositoryReference, push } from "../../../dist/index.js";

const [bundlePath, target, partSizeBytes, transferThreads = "0"] = process.argv.slice(2);
const reference = parseRepositoryReference(target);
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
const client = openRegistryClient({
  partSizeBytes: Number(partSizeBytes),
  transferThreads: Number(transferThreads),
  transferThreadsFromBytes: 0,
});
try {
  const receipt = await push({
    bundlePath,
    target: reference,
    openTarget: (repository) => client.repository(repository),
    signal: stop.signal,
  });
  process.stdout.write(JSON.stringify(receipt));
  process.exitCode = receipt.complete ? 0 : 3;
} catch (error) {
  process.stderr.write(`${error}\n`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
} finally {
  await client[Symbol.asyncDispose]();
}
