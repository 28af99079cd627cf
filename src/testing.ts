export type { Fault, FaultRule, Operation } from './gateway/faults.js';
export type { IdStyle } from './gateway/identity.js';
export type { Invocation, InvocationOptions } from './gateway/invocations.js';
export type { CommittedFile, GatewaySnapshot } from './gateway/snapshot.js';
export { type Gateway, type GatewayOptions, startGateway } from './gateway/start-gateway.js';
