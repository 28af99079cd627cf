import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { runLoop } from './run-loop.js';

const logger = new DefaultLogger('ERROR');
const noop = async (_number: number) => {};

/* What the environment itself costs: an activity that does nothing, called in the same way. */
await runLoop(() => (number) => new MockActivityEnvironment({}, { logger }).run(noop, number));
