import type { z } from 'zod';
import { ApiError } from './api-error.js';

/** Throws `request.invalid`; `details.field` is the first invalid field. */
export function parseRequest<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'body';
  throw new ApiError(400, 'request.invalid', `${field}: ${issue?.message ?? 'not valid'}`, { field });
}

/** Reads a JSON body. Throws `request.invalid`, unless the body is empty and there is a default. */
export async function readJson(request: JsonRequest, defaultBody?: unknown): Promise<unknown> {
  const text = await request.text();
  if (text === '' && defaultBody !== undefined) return defaultBody;
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
