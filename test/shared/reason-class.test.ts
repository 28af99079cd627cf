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
  [410, 'not_found'],
  [413, 'invalid_input'],
  [421, 'upstream'],
  [422, 'invalid_input'],
  [423, 'conflict'],
  [425, 'upstream'],
  [429, 'rate_limited'],
  [460, 'upstream'],
  [499, 'upstream'],
  [500, 'server'],
  [501, 'server'],
  [502, 'upstream'],
  [503, 'upstream'],
  [504, 'upstream'],
  [505, 'server'],
  [519, 'server'],
  [520, 'upstream'],
  [522, 'upstream'],
  [530, 'upstream'],
  [531, 'server'],
  [597, 'server'],
  [598, 'upstream'],
  [599, 'upstream'],
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
  test(`a body with ${reasonClass} is ${reasonClass}, whatever the status`, () => {
    for (const [status] of derived) assert.equal(resolveReasonClass(status, reasonClass), reasonClass);
  });
}
