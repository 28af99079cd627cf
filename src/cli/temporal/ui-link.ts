import type { StarterConfig } from '../../config.js';

/** Where a browser shows a workflow, if it is known where the Temporal UI is. */
export function uiLink({ uiUrl, temporal }: StarterConfig, workflowId: string): string | undefined {
  if (uiUrl === undefined) return undefined;
  const [namespace, id] = [temporal.namespace, workflowId].map(encodeURIComponent);
  return `${uiUrl}/namespaces/${namespace}/workflows/${id}`;
}
