import type { Standing } from './eligibility.ts';
import type { Outcome } from './outcome.ts';

const nothing: Outcome = {
  pieces: [],
  failed: true,
  serving: [],
  note: () => 'not eligible',
};

/** The leaf of every policy: a member answers for as many clients as its dial, ramp and load allow. */
export function evaluateMember(standing: Standing | undefined): Outcome {
  if (standing === undefined || standing.drop !== undefined) return nothing;
  return {
    pieces: [{ upTo: standing.keep * standing.spill, choice: standing.choice }],
    failed: false,
    serving: [standing],
    note: () => 'eligible',
  };
}
