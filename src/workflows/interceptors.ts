import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { log, type WorkflowInterceptors } from '@temporalio/workflow';
import { toMessage, truncateLine } from '../shared/display-text.js';
import { JOB_FINISHED_SIGNAL } from '../shared/names.js';
import { toInvalidInput } from '../shared/parse-input.js';

/** The header with which the SDK's interceptors for OpenTelemetry continue a trace. */
const TRACE_HEADER = '_tracer-data';

/** How the SDK's message begins when another worker may have the codec, or the key. */
const UNKNOWN_ENCODING = 'Unknown encoding: ';

/**
 * Removes what a client sent and no worker can decode. The SDK decodes it before the workflow runs, and would fail the workflow
 * task for ever. Results of activities stay: their task has to fail until a worker can decode them. What is removed depends on the
 * history alone, so that every worker replays it in the same way. Use it only with the SDK's own payload converter.
 */
export function interceptors(): WorkflowInterceptors {
  let inputProblem: string | undefined;
  return {
    internals: [
      {
        activate(input, next) {
          const { activation } = input;
          activation.jobs = (activation.jobs ?? []).filter(
            ({ initializeWorkflow, signalWorkflow, doUpdate }) => {
              for (const job of [initializeWorkflow, signalWorkflow, doUpdate]) repairTrace(job?.headers);
              if (initializeWorkflow) {
                inputProblem = findProblem(initializeWorkflow.arguments);
                if (inputProblem !== undefined) initializeWorkflow.arguments = [];
              }
              return signalWorkflow?.signalName !== JOB_FINISHED_SIGNAL || acceptSignal(signalWorkflow.input);
            },
          );
          next(input);
        },
      },
    ],
    inbound: [
      {
        // Not async, which would delay the last command of the workflow, and change its place among others in a replay.
        execute: (input, next) =>
          inputProblem === undefined
            ? next(input)
            : Promise.reject(toInvalidInput(`the input cannot be decoded: ${inputProblem}`)),
      },
    ],
  };
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
