import { type ExitCode, ExitError, exitCodes } from '../../exit.js';
import { searchAttributes } from '../../shared/search-attributes.js';
import { type Io, writeJson } from '../io.js';
import { writeLines } from '../show/lines.js';
import { tableLines } from '../show/table.js';
import { type Session, withTemporal } from '../temporal/connect.js';
import {
  isUnsupportedByServer,
  missingSearchAttributes,
  registerSearchAttributes,
} from '../temporal/search-attribute-registry.js';

/** `setup`: registers the search attributes of pipelines with Temporal. Safe to repeat. */
export async function setupCommand(io: Io, { json }: { readonly json?: boolean }): Promise<ExitCode> {
  return await withTemporal(async (session) => {
    const registered = await register(session);
    if (json) {
      writeJson(io, { namespace: session.config.temporal.namespace, registered });
    } else {
      const rows = Object.values(searchAttributes).map(({ name, type }) => [
        name,
        type.toLowerCase(),
        registered.includes(name) ? 'registered' : 'there already',
      ]);
      writeLines(io.stdout, tableLines(rows));
    }
    return exitCodes.done;
  });
}

async function register(session: Session): Promise<string[]> {
  try {
    const missing = await missingSearchAttributes(session);
    if (missing.length > 0) await registerSearchAttributes(session, missing);
    return missing.map(({ name }) => name);
  } catch (error) {
    if (!isUnsupportedByServer(error)) throw error;
    const names = Object.values(searchAttributes).map(({ name, type }) => `${name} (${type.toLowerCase()})`);
    throw new ExitError(
      exitCodes.usage,
      `this Temporal lets no client register search attributes: add them to the namespace by its own means: ${names.join(', ')}`,
    );
  }
}
