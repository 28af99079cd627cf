import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';

/** How a wait for a workflow ended. */
export type Ending =
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: WorkflowFailedError }
  | { readonly kind: 'running' | 'interrupted' };

/** Waits until a workflow has ended. */
export async function toEnding(handle: WorkflowHandle): Promise<Ending> {
  try {
    return { kind: 'completed', result: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return { kind: 'failed', error };
    throw error;
  }
}
