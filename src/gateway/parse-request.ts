import type { z } from 'zod';
import { ApiError } from './api-error.js';

/** Throws `request.invalid` with the first wrong field in `details.field`. */
export function parseRequest<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'body';
  throw new ApiError(400, 'request.invalid', `${field}: ${issue?.message ?? 'not valid'}`, { field });
}

/** The body of a request with `content-type: application/json`; `whenEmpty` if there is none at all. */
export async function readJson(request: JsonRequest, whenEmpty?: unknown): Promise<unknown> {
  const text = await request.text();
  if (text === '' && whenEmpty !== undefined) return whenEmpty;
  if (!/^application\/json\s*(;|$)/i.test(request.header('content-type') ?? '')) {
    throw new ApiError(400, 'request.invalid', 'content-type must be application/json.', {
      field: 'content-type',
    });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError(400, 'request.invalid', 'The body is not JSON.', { field: 'body' });
  }
}

interface JsonRequest {
  header(name: string): string | undefined;
  text(): Promise<string>;
}
