import { createHash } from 'node:crypto';
import { isObject } from '../shared/external-input.js';
import { parseInput } from '../shared/parse-input.js';
import {
  type CollectFileInput,
  type ParsedPipelineInput,
  type PipelineInput,
  pipelineInputSchema,
} from '../shared/pipeline-input.js';

/** 64 bits of a SHA-256: no two file lists of a runtime collide, and the id stays readable. */
const HASH_LENGTH = 16;

/**
 * The workflow id of a pipeline. Starting the same job twice gives the same id, so that there is one pipeline: the id is
 * made from the account, the runtime and its invocations, or without invocations from its files, in any order.
 *
 * @throws ApplicationFailure `invalid_input`, naming the field, for a wrong input
 */
export function pipelineWorkflowId(input: PipelineInput): string {
  return toPipelineWorkflowId(parseInput(pipelineInputSchema, input));
}

export function toPipelineWorkflowId({ runtimeId, account, waitFor, files }: ParsedPipelineInput): string {
  const prefix = `${withAccount('post-run', account)}/${runtimeId}`;
  if (waitFor?.invocationIds === undefined) return `${prefix}/${shortHash(files.map(canonicalJson).sort())}`;
  const invocationIds = [...new Set(waitFor.invocationIds)].sort();
  const [only, ...others] = invocationIds;
  return `${prefix}/${others.length === 0 ? only : shortHash(invocationIds)}`;
}

export function collectWorkflowId(input: CollectFileInput): string {
  const { runtimeId, account, runtimePath, destinationPath } = input;
  return `${withAccount('collect', account)}/${runtimeId}/${shortHash([runtimePath, destinationPath])}`;
}

/** JSON with the keys of every object sorted, so that equal values have equal texts. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, each) => (isObject(each) ? sortKeys(each) : each));
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Encoded, so that no other account and runtime give the same id. */
function withAccount(kind: string, account: string | undefined): string {
  return account === undefined ? kind : `${kind}@${encodeURIComponent(account)}`;
}

function shortHash(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, HASH_LENGTH);
}

function sortKeys(object: object): object {
  return Object.fromEntries(Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1)));
}
