import type { StartResult } from '../../client/start-workflow.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import type { Io } from '../io.js';
import { type Session, uiLink } from '../temporal/session.js';

/** Prints to stderr whether a workflow was started or found, and its link. */
export function announceStart(
  session: Session,
  { stderr }: Io,
  started: StartResult & { readonly workflowId: string },
): void {
  const { workflowId, isNew, isRunning, inputDiffers, unregisteredSearchAttributes: unregistered } = started;
  // A namespace without any of them was never set up, and its user does not expect to find pipelines by them.
  if (unregistered.length > 0 && unregistered.length < Object.keys(searchAttributes).length) {
    stderr.write(
      'some search attributes are not registered, so list may not find it (run bctrl-temporal setup)\n',
    );
  }
  const found = isRunning ? 'attached to' : 'already ended (--again runs it again):';
  stderr.write(`${isNew ? 'started' : found} ${workflowId}\n`);
  const link = uiLink(session, workflowId);
  if (link !== undefined) stderr.write(`${link}\n`);
  if (inputDiffers) {
    stderr.write('the workflow was started with a different input, which stays in effect (see add-files)\n');
  }
}
