import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReasonClass, reasonClasses, resolveReasonClass } from '../../src/shared/reason-class.js';

const derived: [status: number, reasonClass: ReasonClass][] = [
  [400, 'invalid_input'],
  [401, 'unauthorized'],
  [402, 'capability_limit_exceeded'],
  [403, 'capability_denied'],
  [404, 'not_found'],
  [405, 'invalid_input'],
  [408, 'upstream'],
  [409, 'conflict'],
  [422, 'invalid_input'],
  [429, 'rate_limited'],
  [500, 'server'],
  [501, 'server'],
  [502, 'upstream'],
  [503, 'upstream'],
  [504, 'upstream'],
  [302, 'server'],
];

for (const [status, reasonClass] of derived) {
  test(`${status} without a class → ${reasonClass}`, () => {
    assert.equal(resolveReasonClass(status, undefined), reasonClass);
  });

  test(`${status} with an unknown class → ${reasonClass}`, () => {
    for (const claimed of ['teapot', '', 7, null, {}, 'toString']) {
      assert.equal(resolveReasonClass(status, claimed), reasonClass);
    }
  });
}

for (const reasonClass of reasonClasses) {
  test(`a body that says ${reasonClass} is believed, whatever the status`, () => {
    for (const [status] of derived) assert.equal(resolveReasonClass(status, reasonClass), reasonClass);
  });
}
