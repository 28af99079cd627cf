import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import {
  log,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInterceptors,
  type WorkflowInternalsInterceptor,
} from '@temporalio/workflow';
import { toMessage, truncateLine } from '../shared/display-text.js';
import { JOB_FINISHED_SIGNAL } from '../shared/names.js';
import { toConflict, toInvalidInput } from '../shared/parse-input.js';

interface Interceptor {
  readonly internals: WorkflowInternalsInterceptor;
  readonly inbound: WorkflowInboundCallsInterceptor;
}

/** The header with which the SDK's interceptors for OpenTelemetry continue a trace. */
const TRACE_HEADER = '_tracer-data';

/** How the SDK's message begins when another worker may have the codec, or the key. */
const UNKNOWN_ENCODING = 'Unknown encoding: ';

/** Events between two workflow tasks, at least: the first one completed, the second one was scheduled and started. */
const EVENTS_BETWEEN_TASKS = 3;

/** Of this package's workflows. Use them only with the SDK's own payload converter. */
export function interceptors(): WorkflowInterceptors {
  const [early, undecodable] = [createEarlyUpdateGuard(), createUndecodableGuard()];
  return {
    internals: [early.internals, undecodable.internals],
    inbound: [early.inbound, undecodable.inbound],
  };
}

/**
 * Refuses an update that comes too early. The SDK carries out new events to answer a query, before their workflow task. An update
 * that came with this task would be handled after these events, and before them in a replay, which would fail. What this worker has carried out decides, and
 * not the history: a replay validates no update.
 */
function createEarlyUpdateGuard(): Interceptor {
  /** Length of the history up to the last event that was carried out. */
  let carriedOut = 0;
  let isTooEarly = false;
  return {
    internals: {
      activate(input, next) {
        const { historyLength, jobs } = input.activation;
        isTooEarly = carriedOut > 0 && (historyLength ?? 0) < carriedOut + EVENTS_BETWEEN_TASKS;
        if (jobs?.some(isNews)) carriedOut = historyLength ?? 0;
        next(input);
      },
    },
    inbound: {
      validateUpdate(input, next) {
        if (isTooEarly) throw toConflict('the pipeline is about to go on; send the update again');
        next(input);
      },
    },
  };
}

/**
 * Removes what a client sent and no worker can decode. The SDK decodes it before the workflow runs, and would fail the workflow
 * task for ever. Results of activities stay: their task has to fail until a worker can decode them. What is removed depends on the
 * history alone, so that every worker replays it in the same way.
 */
function createUndecodableGuard(): Interceptor {
  let inputProblem: string | undefined;
  return {
    internals: {
      activate(input, next) {
        const { activation } = input;
        const jobs = activation.jobs?.filter(({ initializeWorkflow, signalWorkflow, doUpdate }) => {
          for (const job of [initializeWorkflow, signalWorkflow, doUpdate]) repairTrace(job?.headers);
          if (initializeWorkflow) {
            inputProblem = findProblem(initializeWorkflow.arguments);
            if (inputProblem !== undefined) initializeWorkflow.arguments = [];
          }
          return signalWorkflow?.signalName !== JOB_FINISHED_SIGNAL || acceptSignal(signalWorkflow.input);
        });
        activation.jobs = jobs ?? [];
        next(input);
      },
    },
    inbound: {
      // Not async, which would delay the last command of the workflow, and change its place among others in a replay.
      execute: (input, next) =>
        inputProblem === undefined
          ? next(input)
          : Promise.reject(toInvalidInput(`the input cannot be decoded: ${inputProblem}`)),
    },
  };
}

type ActivationJob = { readonly [variant in 'doUpdate' | 'queryWorkflow' | 'removeFromCache']?: unknown };

/** Whether a job is from an event. An update that is refused leaves no event, not even of its workflow task. */
function isNews({ doUpdate, queryWorkflow, removeFromCache }: ActivationJob): boolean {
  return !doUpdate && !queryWorkflow && !removeFromCache;
}

type Payloads = Payload[] | null | undefined;

/** Logs a signal that it refuses. */
function acceptSignal(payloads: Payloads): boolean {
  const error = findProblem(payloads);
  if (error !== undefined) {
    log.warn('The signal jobFinished is ignored: its argument cannot be decoded', { error });
  }
  return error === undefined;
}

/** An unknown encoding is left to the SDK: a worker with the client's codec may still come. */
function findProblem(payloads: Payloads): string | undefined {
  try {
    for (const payload of payloads ?? []) defaultPayloadConverter.fromPayload(payload);
    return undefined;
  } catch (error) {
    const problem = truncateLine(toMessage(error));
    return problem.startsWith(UNKNOWN_ENCODING) ? undefined : problem;
  }
}

/** Leaves out a baggage on which OpenTelemetry would fail, and the whole header if it cannot be decoded. */
function repairTrace(headers: Record<string, Payload> | null | undefined): void {
  const payload = headers?.[TRACE_HEADER];
  if (!headers || !payload) return;
  try {
    const { baggage, ...trace } = defaultPayloadConverter.fromPayload<{ baggage?: unknown }>(payload);
    if (!isReadableBaggage(baggage)) headers[TRACE_HEADER] = defaultPayloadConverter.toPayload(trace);
  } catch {
    delete headers[TRACE_HEADER];
  }
}

/** OpenTelemetry takes it as text, and decodes it as parts of a URI. */
function isReadableBaggage(baggage: unknown): boolean {
  if (typeof baggage !== 'string') return baggage === undefined;
  try {
    return decodeURIComponent(baggage) !== undefined;
  } catch {
    return false;
  }
}
