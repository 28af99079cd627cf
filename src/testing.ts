export type { Books, CommittedFile } from './gateway/books.js';
export type { Fault, FaultRule, Operation } from './gateway/faults.js';
export type { IdStyle } from './gateway/identity.js';
export type { Invocation, InvocationOptions } from './gateway/invocations.js';
export { type Gateway, type GatewayOptions, startGateway } from './gateway/start-gateway.js';
