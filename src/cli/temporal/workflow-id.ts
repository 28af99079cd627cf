import type { ParsedPipelineInput } from '../../shared/pipeline-input.js';
import { canonicalJson, sha256 } from './canonical-json.js';

/** Enough of a SHA-256 that no two file lists of a runtime meet, short enough to be read. */
const HASH_LENGTH = 16;

/**
 * The same job always has the same workflow id, so that starting it twice is one pipeline: runtime and invocations,
 * or runtime and files, in any order, where no job is waited for.
 */
export function pipelineWorkflowId({
  runtimeId,
  waitFor,
  files,
}: Pick<ParsedPipelineInput, 'runtimeId' | 'waitFor' | 'files'>): string {
  if (waitFor?.invocationIds === undefined)
    return `post-run/${runtimeId}/${hash(files.map(canonicalJson).sort())}`;
  const invocationIds = [...new Set(waitFor.invocationIds)].sort();
  const [only, ...others] = invocationIds;
  return `post-run/${runtimeId}/${others.length === 0 ? only : hash(invocationIds)}`;
}

export function collectWorkflowId(runtimeId: string, runtimePath: string, destinationPath?: string): string {
  return `collect/${runtimeId}/${hash([runtimePath, destinationPath])}`;
}

function hash(value: unknown): string {
  return sha256(canonicalJson(value)).slice(0, HASH_LENGTH);
}
