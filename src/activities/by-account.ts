import type { BctrlClient } from '../bctrl/bctrl-client.js';
import { idSchema } from '../shared/bounded-string.js';
import { truncatePath } from '../shared/display-text.js';
import { isObject } from '../shared/external-input.js';
import { formatZodError, toInvalidInput } from '../shared/parse-input.js';

/** The account of an input that names none. */
const DEFAULT_ACCOUNT = 'default';

/** A failure names so many of the worker's accounts. */
const MAX_NAMES = 10;

/** For a worker with one account. Its inputs have no `account`. */
export interface OneAccount {
  /** The HTTP client of all activities. */
  readonly client: BctrlClient;
  /** Not together with `client`. */
  readonly clients?: undefined;
}

/** For a worker with several accounts. */
export interface SeveralAccounts {
  /** Not together with `clients`. */
  readonly client?: undefined;
  /**
   * The HTTP client of each account, by the name that an input has as its `account`. The client called `default` is used for
   * inputs without `account`; if there is none, they are refused.
   */
  readonly clients: Readonly<Record<string, BctrlClient>>;
}

export type AccountClients = OneAccount | SeveralAccounts;

/**
 * Returns what belongs to the account that an input names.
 *
 * @throws ApplicationFailure `invalid_input`, not retryable, if the worker has no such account
 */
export type ByAccount<T> = (account: string | undefined) => T;

/**
 * Creates what belongs to each account. One account is never used in place of another.
 *
 * @throws TypeError unless there is either `client` or `clients`
 */
export function createByAccount<T>(
  { client, clients }: AccountClients,
  create: (client: BctrlClient) => T,
): ByAccount<T> {
  if ((client === undefined) === (clients === undefined)) {
    const expected = 'either client or clients: one BctrlClient, or an object with one for each account';
    throw new TypeError(`the bctrl activities need ${expected}`);
  }
  if (clients !== undefined) return createBySeveralAccounts(clients, create);
  const only = create(checkClient('client', client));
  return (account) => {
    if (account === undefined) return only;
    throw toInvalidInput(
      'account: the worker has a single client, without a name; leave account out, or use clients',
    );
  };
}

function createBySeveralAccounts<T>(
  clients: SeveralAccounts['clients'],
  create: (client: BctrlClient) => T,
): ByAccount<T> {
  const entries = isObject(clients) ? Object.entries(clients) : [];
  if (entries.length === 0) throw new TypeError('clients: expected an object with a BctrlClient per account');
  const accounts = new Map(
    entries.map(([name, client]) => {
      const { error } = idSchema.safeParse(name);
      if (error) throw new TypeError(`clients: a name ${formatZodError(error)}`);
      return [name, create(checkClient(`clients.${name}`, client))];
    }),
  );
  const known = formatNames([...accounts.keys()]);
  return (account) => {
    const name = account ?? DEFAULT_ACCOUNT;
    const found = accounts.get(name);
    if (found !== undefined) return found;
    const missing = account === undefined ? 'is missing, and ' : '';
    throw toInvalidInput(
      `account: ${missing}the worker has no client "${truncatePath(name)}"; it has ${known}`,
    );
  };
}

/** A client of another copy of this package counts too. */
function checkClient(option: string, client: BctrlClient | undefined): BctrlClient {
  if (typeof client?.collectFile === 'function') return client;
  throw new TypeError(`${truncatePath(option)}: expected a BctrlClient`);
}

function formatNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => `"${truncatePath(name)}"`);
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return shown.join(', ') + more;
}
