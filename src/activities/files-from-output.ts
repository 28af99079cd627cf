import { get, type Json } from '@hyperjump/json-pointer';
import { z } from 'zod';
import { describeIssue } from '../shared/describe-issue.js';
import type { WaitedInvocation } from '../shared/invocation.js';
import { MAXIMUM_FILES, pipelineFileSchema } from '../shared/pipeline-input.js';

/** A list that is no longer stays well under the 2 MB of a payload in Temporal. */
const MAXIMUM_LIST_BYTES = 500_000;

const listSchema = z.array(pipelineFileSchema).max(MAXIMUM_FILES);

/**
 * The files that a job's output names where `pointer` (RFC 6901) points, or why it names none: a path, or an array of
 * paths or of file objects.
 */
export function filesFromOutput(
  output: unknown,
  pointer: string,
): Pick<WaitedInvocation, 'files' | 'outputProblem'> {
  const found = lookUp(output, pointer);
  if (found === undefined) return { outputProblem: `its output has nothing at "${pointer}"` };
  const { data: files, error } = listSchema.safeParse(toFiles(found));
  if (error) return { outputProblem: `its output names no files at "${pointer}": ${describeIssue(error)}` };
  if (Buffer.byteLength(JSON.stringify(files)) > MAXIMUM_LIST_BYTES) {
    return {
      outputProblem: `its output names files at "${pointer}" in more than ${MAXIMUM_LIST_BYTES} bytes`,
    };
  }
  return { files };
}

function lookUp(output: unknown, pointer: string): unknown {
  try {
    return get(pointer, output as Json);
  } catch {
    // The pointer leads through a value that has no members.
    return undefined;
  }
}

function toFiles(found: unknown): unknown {
  const list = typeof found === 'string' ? [found] : found;
  if (!Array.isArray(list)) return list;
  return list.map((file) => (typeof file === 'string' ? { runtimePath: file } : file));
}
