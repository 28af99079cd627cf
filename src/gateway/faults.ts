import { z } from 'zod';

/** The API's operations, as fault rules and the snapshot name them. */
const operations = [
  'collect',
  'list-files',
  'get-file',
  'get-content',
  'download',
  'get-runtime',
  'stop-runtime',
  'get-run',
  'export',
  'get-invocation',
  'wait',
  'whoami',
] as const;

export type Operation = (typeof operations)[number];

/** What goes wrong with one request. */
export type Fault =
  | {
      /** The request is not handled; this is the response. */
      kind: 'respond';
      /** HTTP status, 200 to 599. */
      status: number;
      /** A string is sent as it is, anything else as JSON. Default: the API's standard error for the status, or empty if it has none. */
      body?: unknown;
      /** Default: `text/plain` for a string, else `application/json`. */
      contentType?: string;
      /** Further headers, such as `retry-after`. Default: none. */
      headers?: Record<string, string>;
    }
  | {
      /** The request is handled after a delay, even if the client has left: a slow server that commits late. */
      kind: 'delay';
      /** The delay, in milliseconds: at most 2,147,483,647. */
      delayMs: number;
    }
  | {
      /** The connection is reset; the request is not handled. */
      kind: 'reset';
    }
  | {
      /** The request is handled, then the connection closes without a response. */
      kind: 'drop-response';
    }
  | {
      /** The request is handled, then the response is status 200 with an HTML page. */
      kind: 'malformed-response';
    }
  | {
      /** The request is handled, then the connection closes in the middle of the response body. */
      kind: 'truncated-response';
    };

/**
 * A rule is plain data and fits into a JSON file. Rules are tried in order and the first that hits decides, so a request
 * meets at most one fault. Requests without a valid API key meet none.
 */
export interface FaultRule {
  /** Only requests of this operation; `*`: of any. */
  operation: Operation | '*';
  /** Only collects of this path, compared as sent. */
  runtimePath?: string;
  /** Lets this many matching requests pass first. */
  skip?: number;
  /** Hits at most this many times. */
  times?: number;
  /** Hits this share of the matching requests, from 0 to 1, chosen by seeded random numbers. */
  share?: number;
  /** What goes wrong with the requests that it hits. */
  fault: Fault;
}

/** The statuses that Node sends; 1xx are not final responses. */
const status = z.int().min(200).max(599);

/** The limit is the longest delay of a Node timer. */
const delayMs = z.number().min(0).max(2_147_483_647);

const faultSchema: z.ZodType<Fault> = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('respond'),
    status,
    body: z.unknown().exactOptional(),
    contentType: z.string().exactOptional(),
    headers: z.record(z.string(), z.string()).exactOptional(),
  }),
  z.strictObject({ kind: z.literal('delay'), delayMs }),
  z.strictObject({ kind: z.literal('reset') }),
  z.strictObject({ kind: z.literal('drop-response') }),
  z.strictObject({ kind: z.literal('malformed-response') }),
  z.strictObject({ kind: z.literal('truncated-response') }),
]);

const faultRulesSchema: z.ZodType<FaultRule[]> = z.array(
  z.strictObject({
    operation: z.enum([...operations, '*']),
    runtimePath: z.string().exactOptional(),
    skip: z.int().min(0).exactOptional(),
    times: z.int().min(0).exactOptional(),
    share: z.number().min(0).max(1).exactOptional(),
    fault: faultSchema,
  }),
);

/** Throws an Error with a one-line message that names the field: `faults[2].fault.status: …`. */
export function parseFaultRules(value: unknown): FaultRule[] {
  const parsed = faultRulesSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = z.core.toDotPath(['faults', ...(issue?.path ?? [])]);
  throw new Error(`${field}: ${issue?.message ?? 'not valid'}`);
}

export type FaultMatcher = ReturnType<typeof createFaultMatcher>;

/** The same rules, seed and requests give the same faults. */
export function createFaultMatcher(initialRules: readonly FaultRule[], seed: number) {
  let random = createRandom(seed);
  let counters = toCounters(initialRules);
  return {
    isEmpty: () => counters.length === 0,
    /** Replaces all rules; counters and random numbers start afresh. */
    setRules(rules: readonly FaultRule[]) {
      random = createRandom(seed);
      counters = toCounters(rules);
    },
    match(operation: Operation, runtimePath: unknown): Fault | undefined {
      for (const counter of counters) {
        const { rule } = counter;
        if (rule.operation !== '*' && rule.operation !== operation) continue;
        if (rule.runtimePath !== undefined && rule.runtimePath !== runtimePath) continue;
        counter.matched += 1;
        if (counter.matched <= (rule.skip ?? 0)) continue;
        if (counter.hits >= (rule.times ?? Number.POSITIVE_INFINITY)) continue;
        if (rule.share !== undefined && random() >= rule.share) continue;
        counter.hits += 1;
        return rule.fault;
      }
      return undefined;
    },
  };
}

function toCounters(rules: readonly FaultRule[]) {
  return rules.map((rule) => ({ rule, matched: 0, hits: 0 }));
}

/** Numbers in [0, 1), determined by the seed (the mulberry32 generator). */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
