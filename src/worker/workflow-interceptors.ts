/** The module of the OpenTelemetry plugin that is bundled with workflows: it traces them inside the sandbox. */
export { interceptors } from '@temporalio/interceptors-opentelemetry/lib/workflow-interceptors.js';
