export type { CommittedFile, GatewaySnapshot } from './gateway/admin-api.js';
export type { Fault, FaultRule, Operation } from './gateway/faults.js';
export type { IdStyle } from './gateway/ids.js';
export type { Invocation } from './gateway/invocations.js';
export { type Gateway, type GatewayOptions, startGateway } from './gateway/start-gateway.js';
export type { InvocationOptions } from './gateway/stored.js';
export type { WorkspaceFiles } from './gateway/workspace.js';
export { type ApiFailureOptions, apiFailure } from './testing/api-failure.js';
export { type ReplayHistoriesOptions, replayHistories } from './testing/replay-histories.js';
