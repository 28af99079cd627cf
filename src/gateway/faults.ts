import { z } from 'zod';

/** Everything a client can ask for, by the name that fault rules and the snapshot use. */
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
  /**
   * Nothing is done; this is the answer. A string is sent as it is, anything else as JSON. Without a body the
   * answer is the API's own error for that status, or empty where the API has none (a proxy's 502, say).
   */
  | {
      kind: 'respond';
      status: number;
      body?: unknown;
      contentType?: string;
      headers?: Record<string, string>;
    }
  /** The request is handled after this long, even if the client has gone: a slow server that commits late. */
  | { kind: 'delay'; delayMs: number }
  /** The connection is reset and nothing is done. */
  | { kind: 'reset' }
  /** The request is handled, then the connection closes without an answer. */
  | { kind: 'drop-response' }
  /** The request is handled, then answered by 200 and a page of HTML. */
  | { kind: 'malformed-response' }
  /** The request is handled, then the connection closes in the middle of the answer's body. */
  | { kind: 'truncated-response' };

/**
 * Plain data, so that rules fit into a JSON file. The rules are asked in order, each for itself: the first that
 * hits decides, and at most one fault happens to a request. Requests without a valid API key meet no faults.
 */
export interface FaultRule {
  operation: Operation | '*';
  /** Only collects of this path, compared as sent. */
  runtimePath?: string;
  /** Lets this many matching requests through first. */
  skip?: number;
  /** Hits this often at most. */
  times?: number;
  /** Hits this share of the matching requests, 0 to 1, by the gateway's seeded random numbers. */
  share?: number;
  fault: Fault;
}

/** Node refuses to send a status outside of this; 1xx are not answers. */
const status = z.int().min(200).max(599);

/** The longest a Node timer can wait. */
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

/** Throws an Error whose message is one line that names the place: `faults[2].fault.status: …`. */
export function parseFaultRules(value: unknown): FaultRule[] {
  const parsed = faultRulesSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = z.core.toDotPath(['faults', ...(issue?.path ?? [])]);
  throw new Error(`${place}: ${issue?.message ?? 'not valid'}`);
}
