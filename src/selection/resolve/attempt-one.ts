import { type Failure, isImageFailure, toFailure } from "../../failure.ts";

/** Does the work for one chart or image, or lists its failure. */
export type AttemptOne = <Value>(
  subject: string,
  work: () => Promise<Value>,
) => Promise<readonly Value[]>;

/** Lists what fails of one image alone; any other failure is thrown. */
export function attemptInto(failures: Failure[]): AttemptOne {
  return async (subject, work) => {
    try {
      return [await work()];
    } catch (error) {
      if (!isImageFailure(error)) throw error;
      failures.push(toFailure(error, subject));
      return [];
    }
  };
}
