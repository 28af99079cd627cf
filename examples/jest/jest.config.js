/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  // Starting a Temporal server and bundling workflows take seconds.
  testTimeout: 60_000,
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } }],
  },
};
