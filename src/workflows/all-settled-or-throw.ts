/**
 * Lets steps run side by side to their ends. Where one fails the others are waited for all the same: of a cancelled workflow
 * nothing may still be under way when it cleans up.
 */
export async function allSettledOrThrow(...steps: Promise<void>[]): Promise<void> {
  for (const step of await Promise.allSettled(steps)) if (step.status === 'rejected') throw step.reason;
}
