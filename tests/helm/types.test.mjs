// Every rendered object against the types of Kubernetes 1.36 and of the Prometheus Operator: values by
// validators, unknown fields by a compiler. The validators alone let unknown fields pass.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ciFiles, nameOf, objectsOf, parent, render, renderText, run, tools, withDirectory } from './chart.mjs';

const moduleOf = ({ apiVersion, kind }) =>
  (apiVersion.startsWith('monitoring.coreos.com/') ? '@kubernetes-models/prometheus-operator/' : 'kubernetes-models/') +
  `${apiVersion}/${kind}`;

async function validate(object) {
  const module = await import(pathToFileURL(join(tools, 'node_modules', `${moduleOf(object)}.js`)));
  new module[object.kind](object).validate();
}

/** What the compiler says of the objects as typed literals; empty: nothing. */
function compile(objects) {
  return withDirectory((directory) => {
    const source = objects.map((object, n) =>
      `import type { I${object.kind} as T${n} } from '${moduleOf(object)}';\n` +
      `export const v${n}: T${n} = ${JSON.stringify(object)};\n`);
    symlinkSync(join(tools, 'node_modules'), join(directory, 'node_modules'));
    writeFileSync(join(directory, 'objects.mts'), source.join(''));
    const done = run(process.execPath, join(tools, 'node_modules/typescript/bin/tsc'), '--noEmit', '--strict',
      '--skipLibCheck', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022',
      join(directory, 'objects.mts'));
    const said = done.stdout + done.stderr;
    assert.ok(said !== '' || done.status === 0, `tsc said nothing and ended with ${done.status}`);
    return said;
  });
}

const cases = [...ciFiles.map(nameOf).map((name) => [name, () => render(name)]),
  ['a parent chart', () => objectsOf(renderText('4', parent))]];

for (const [name, objects] of cases) {
  test(`the values of ${name} are valid`, async () => {
    for (const object of objects()) {
      await assert.doesNotReject(validate(object), `${object.kind} ${object.metadata.name}`);
    }
  });
}

test('no object has a field that Kubernetes does not know', () => {
  assert.equal(compile(cases.flatMap(([, objects]) => objects())), '');
});

test('both checks see mistakes', async () => {
  const broken = (kind, change) => {
    const object = structuredClone(render('monitoring').find((one) => one.kind === kind));
    change(object);
    return object;
  };
  const badType = broken('Deployment', (object) => { object.spec.replicas = 'three'; });
  await assert.rejects(validate(badType));
  const badDuration = broken('ServiceMonitor', (object) => { object.spec.endpoints[0].interval = '5 seconds'; });
  await assert.rejects(validate(badDuration));
  const unknown = broken('Deployment', (object) => { object.spec.template.spec.containers[0].livenessProbe.periodSecond = 1; });
  assert.match(compile([unknown]), /periodSecond/);
  const unknownEndpoint = broken('ServiceMonitor', (object) => { object.spec.endpoints[0].intervall = '5s'; });
  assert.match(compile([unknownEndpoint]), /intervall/);
});
