import { type GatewayOptions, startGateway } from '../../src/testing.js';

/** The argument of this script. */
export interface GatewayProcessInput extends GatewayOptions {
  readonly clockOffsetMs: number;
}

/** A message to this script: from now on its clock differs by so much from the machine's. */
export interface ClockMessage {
  readonly clockOffsetMs: number;
}

const { clockOffsetMs, ...options }: GatewayProcessInput = JSON.parse(process.argv[2] ?? '{}');
let offsetMs = clockOffsetMs;
process.on('message', (message: ClockMessage) => {
  offsetMs = message.clockOffsetMs;
});
const gateway = await startGateway({ ...options, now: () => Date.now() + offsetMs });
process.once('SIGTERM', async () => {
  await gateway.close();
  process.exit(0);
});
process.send?.({ url: gateway.url });
