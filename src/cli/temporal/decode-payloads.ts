import type { Payload } from '@temporalio/common';
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
