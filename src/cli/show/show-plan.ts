import { stringify } from 'yaml';
import { readStarterConfig } from '../../config.js';
import { loadEnvironment } from '../../environment.js';
import { type ExitCode, exitCodes } from '../../exit.js';
import { type Io, writeJson } from '../io.js';
import type { WorkflowToStart } from '../temporal/start-workflow.js';

/** Prints what would be started, and where, without asking anybody. The YAML is a spec. */
export function printDryRun(
  io: Io,
  { workflowType, workflowId, input }: Pick<WorkflowToStart, 'workflowType' | 'workflowId' | 'input'>,
  { json }: { readonly json?: boolean | undefined },
): ExitCode {
  const { taskQueue, temporal } = readStarterConfig(loadEnvironment());
  const { namespace, connectionOptions } = temporal;
  const plan = { workflowType, workflowId, taskQueue, namespace, address: connectionOptions.address };
  if (json) {
    writeJson(io, { ...plan, input });
  } else {
    const lines = Object.entries(plan).map(([name, value]) => `# ${name}: ${value}\n`);
    io.stdout.write(`# not started, as --dry-run asks\n${lines.join('')}${stringify(input)}`);
  }
  return exitCodes.done;
}
