import { truncateLine } from '../shared/display-text.js';
import { isError } from '../shared/external-input.js';
import { BctrlError } from './bctrl-error.js';

/** @throws BctrlError for a segment that is not an id */
export function encodePath(prefix: string, segments: readonly string[]): string {
  return prefix + segments.map(encodeSegment).join('/');
}

/** A dot segment would climb out of its place in the path, however it is encoded. */
function encodeSegment(segment: string): string {
  if (/^\.{0,2}$/.test(segment) || !segment.isWellFormed()) {
    throw toInvalidRequestError(`"${truncateLine(segment)}" is not an id`);
  }
  return encodeURIComponent(segment);
}

/** Leaves out fields that are `undefined`. */
export function encodeQuery(query: object = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.set(name, String(value));
  }
  return search.size === 0 ? '' : `?${search}`;
}

/** @throws BctrlError for a body that JSON cannot express */
export function encodeBody(body: object, request: string): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const reason = isError(error) ? error.name : String(error);
    throw toInvalidRequestError(`${request} cannot be sent: its body is not JSON (${reason})`);
  }
}

/** The error for a request that this process refuses to send. */
export function toInvalidRequestError(message: string): BctrlError {
  return new BctrlError(message, { reasonClass: 'invalid_input', mayHaveSucceeded: false });
}
