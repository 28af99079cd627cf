import type { Payload } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { toMessage } from '../../shared/display-text.js';
import { isObject } from '../../shared/external-input.js';
import type { Session } from './session.js';

/**
 * Decodes payloads that the SDK's client hands over as they are stored, as those of histories and pending activities.
 *
 * @throws DecryptionError
 */
export async function decodePayloads(
  { client }: Session,
  payloads: readonly Payload[] | null | undefined,
): Promise<unknown[]> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  let decoded = [...(payloads ?? [])];
  // Payloads were encoded in the order of the codecs.
  for (const codec of payloadCodecs.toReversed()) decoded = await codec.decode(decoded);
  return decoded.map((payload) => payloadConverter.fromPayload(payload));
}

/**
 * Reads the message of a failure as Temporal has it. Where payloads are encrypted, the message is in one: if it cannot be read,
 * the result says why, as the rest of what is known of the pipeline can be.
 */
export async function readFailureMessage(
  session: Session,
  { message, encodedAttributes }: temporal.api.failure.v1.IFailure,
): Promise<string> {
  if (!encodedAttributes) return String(message);
  try {
    const [attributes] = await decodePayloads(session, [encodedAttributes]);
    return isObject(attributes) ? String(attributes['message']) : String(message);
  } catch (error) {
    return `a failure that cannot be read (${toMessage(error)})`;
  }
}
