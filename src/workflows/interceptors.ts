import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { log, type WorkflowInterceptors, workflowInfo } from '@temporalio/workflow';
import { toMessage, truncateLine } from '../shared/display-text.js';
import { JOB_FINISHED_SIGNAL } from '../shared/names.js';
import { toInvalidInput } from '../shared/parse-input.js';

/** The header with which the SDK's interceptors for OpenTelemetry continue a trace. */
const TRACE_HEADER = '_tracer-data';

const UNKNOWN_ENCODING = 'Unknown encoding: ';

/** What the SDK's decoder says of an encrypted payload in a worker that has no codec for it. */
const ENCRYPTED = `${UNKNOWN_ENCODING}binary/encrypted`;

/**
 * Keeps what a client sent, and nobody can decode, from the SDK, which decodes it before the workflow sees it and fails the
 * workflow task for ever. Results of activities are not looked at: the task of one that cannot be decoded has to fail until a
 * worker can. It is for the SDK's own payload converter.
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
              for (const job of [initializeWorkflow, signalWorkflow, doUpdate]) dropBadTrace(job?.headers);
              if (initializeWorkflow) {
                inputProblem = findInputProblem(initializeWorkflow.arguments);
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

/**
 * An unknown encoding is no problem of the input: the worker may lack the codec of the client, and one that has it goes on. Neither
 * is what an earlier run wrote.
 */
function findInputProblem(payloads: Payloads): string | undefined {
  if (workflowInfo().continuedFromExecutionRunId !== undefined) return undefined;
  const problem = findProblem(payloads);
  return problem?.startsWith(UNKNOWN_ENCODING) ? undefined : problem;
}

/** Logs a signal that is not accepted. An encrypted one has to wait for a worker with the key. */
function acceptSignal(payloads: Payloads): boolean {
  const error = findProblem(payloads);
  if (error === undefined || error === ENCRYPTED) return true;
  log.warn('The signal jobFinished is ignored: its argument cannot be decoded', { error });
  return false;
}

function findProblem(payloads: Payloads): string | undefined {
  try {
    for (const payload of payloads ?? []) defaultPayloadConverter.fromPayload(payload);
    return undefined;
  } catch (error) {
    return truncateLine(toMessage(error));
  }
}

/** Without the header the workflow begins a trace of its own. */
function dropBadTrace(headers: Record<string, Payload> | null | undefined): void {
  const payload = headers?.[TRACE_HEADER];
  if (headers && payload && !isReadableTrace(payload)) delete headers[TRACE_HEADER];
}

/** OpenTelemetry takes each field as text, and decodes the baggage as parts of a URI. */
function isReadableTrace(payload: Payload): boolean {
  try {
    const { baggage = '' } = defaultPayloadConverter.fromPayload<{ baggage?: unknown }>(payload);
    return typeof baggage === 'string' && decodeURIComponent(baggage) !== undefined;
  } catch {
    return false;
  }
}
