import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { tableLines, writeLines } from '../output/lines.js';
import {
  findMissingSearchAttributes,
  isUnsupportedByServer,
  registerSearchAttributes,
} from '../temporal/search-attributes.js';
import { type Session, withTemporal } from '../temporal/session.js';

/** `setup`: registers the search attributes of pipelines with Temporal. Safe to repeat. */
export async function setupCommand(io: Io, { json }: { readonly json?: boolean }): Promise<ExitCode> {
  return await withTemporal(io, async (session) => {
    const registered = await registerMissing(session);
    if (json) {
      writeJson(io, { namespace: session.config.temporal.namespace, registered });
      return exitCodes.done;
    }
    const rows = Object.values(searchAttributes).map(({ name, type }) => [
      name,
      type.toLowerCase(),
      registered.includes(name) ? 'registered' : 'already registered',
    ]);
    writeLines(io.stdout, tableLines(rows));
    return exitCodes.done;
  });
}

async function registerMissing(session: Session): Promise<string[]> {
  try {
    const missing = await findMissingSearchAttributes(session);
    if (missing.length > 0) await registerSearchAttributes(session, missing);
    return missing.map(({ name }) => name);
  } catch (error) {
    if (!isUnsupportedByServer(error)) throw error;
    const names = Object.values(searchAttributes).map(({ name, type }) => `${name} (${type.toLowerCase()})`);
    const problem = 'this Temporal server does not let clients register search attributes';
    throw new ExitError(exitCodes.usage, `${problem}: add them to the namespace: ${names.join(', ')}`);
  }
}
