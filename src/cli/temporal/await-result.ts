import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';

/** How a wait for a workflow ended. */
export type WaitResult =
  | { readonly kind: 'completed'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: WorkflowFailedError }
  | { readonly kind: 'running' | 'interrupted' };

/** Waits until a workflow has ended. */
export async function awaitResult(handle: WorkflowHandle): Promise<WaitResult> {
  try {
    return { kind: 'completed', result: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return { kind: 'failed', error };
    throw error;
  }
}
