import { get, type Json } from '@hyperjump/json-pointer';
import { externalInput } from '../shared/external-input.js';
import { formatZodError } from '../shared/format-zod-error.js';
import type { WaitForInvocationResult } from '../shared/invocation.js';
import { fileListSchema } from '../shared/pipeline-input.js';

const outputFilesSchema = externalInput(fileListSchema);

/**
 * The files that a job's output names where `pointer` (RFC 6901) points, or why it names none: a path, or an array of
 * paths or of file objects.
 */
export function filesFromOutput(
  output: unknown,
  pointer: string,
): Pick<WaitForInvocationResult, 'files' | 'outputProblem'> {
  const found = lookUp(output, pointer);
  if (found === undefined) return { outputProblem: `its output has nothing at "${pointer}"` };
  const { data: files, error } = outputFilesSchema.safeParse(toFiles(found));
  if (error) return { outputProblem: `its output names no files at "${pointer}": ${formatZodError(error)}` };
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
