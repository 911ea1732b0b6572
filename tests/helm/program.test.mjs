// The program takes what the chart hands it: configuration, arguments and the command of helm test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ciFiles, nameOf, objectsOf, ofKind, only, parent, podOf, render, renderText, repository, run, withDirectory } from './chart.mjs';

const program = process.env.RPOGUARD_BINARY ?? join(repository, 'build/dev/exporter/rpoguard');
const configOf = (objects) =>
  ofKind(objects, 'ConfigMap').map((map) => map.data['rpoguard.yml']).find((text) => text !== undefined);

const cases = [...ciFiles.map(nameOf).filter((name) => name !== 'existing-configmap').map((name) => [name, render(name)]),
  ['a parent chart', objectsOf(renderText('4', parent))]];
for (const [name, objects] of cases) {
  test(`check-config takes the ConfigMap of ${name}`, () => {
    withDirectory((directory) => {
      const file = join(directory, 'rpoguard.yml');
      writeFileSync(file, configOf(objects));
      const done = run(program, 'check-config', file);
      assert.equal(done.status, 0, done.stderr);
    });
  });
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Tries until the condition holds of an answer; throws after 20 s. */
async function get(url, condition = () => true) {
  const deadline = Date.now() + 20000;
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer && condition(answer)) return answer;
    await new Promise((again) => setTimeout(again, 50));
  }
  throw new Error(`${url} does not answer as it should`);
}

// Paths and ports of a container become those of this machine; all else is as rendered.
test('each Pod of a fleet starts as rendered, passes its probes, and answers for its part', { timeout: 60000 }, async (context) => {
  const objects = render('fleet');
  const guard = podOf(only(objects, 'StatefulSet')).containers[0];
  const directory = mkdtempSync(join(process.env.RPOGUARD_TEST_TMP ?? tmpdir(), 'helm-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const answered = { 184: 0, 185: 0 };
  for (let index = 0; index < 3; ++index) {
    const [ops, gate] = [await freePort(), await freePort()];
    const file = join(directory, `rpoguard-${index}.yml`);
    mkdirSync(join(directory, `state-${index}`));
    writeFileSync(file, `${configOf(objects)}\nstate_dir: ${directory}/state-${index}\n` +
      `listen: {ops: "127.0.0.1:${ops}", gate: "127.0.0.1:${gate}"}\n`);
    const args = guard.args.map((arg) => arg.replace('$(RPOGUARD_POD_INDEX)', index).replace('/etc/rpoguard/rpoguard.yml', file));
    const log = join(directory, `log-${index}`);
    const pod = spawn(program, args, { stdio: ['ignore', 'ignore', openSync(log, 'w')] });
    try {
      assert.equal((await get(`http://127.0.0.1:${ops}${guard.startupProbe.httpGet.path}`)).status, 200);
      assert.equal((await get(`http://127.0.0.1:${ops}${guard.livenessProbe.httpGet.path}`)).status, 200);
      await get(`http://127.0.0.1:${ops}${guard.readinessProbe.httpGet.path}`, (answer) => answer.status === 200);
      for (const shard of Object.keys(answered)) {
        if ((await get(`http://127.0.0.1:${gate}/gate/${shard}`)).status !== 404) ++answered[shard];
      }
      // No server is there, so helm test must fail by its verdict (1), not by its words (2).
      const [verb, url] = only(objects, 'Pod').spec.containers[index].args;
      const verdict = run(program, verb, url.replace(/http:.*/, `http://127.0.0.1:${ops}`));
      assert.equal(verdict.status, await watches(ops) ? 1 : 0, verdict.stdout + verdict.stderr);
    } catch (error) {
      error.message += `\nits log:\n${readFileSync(log, 'utf8')}`;
      throw error;
    } finally {
      const ended = pod.exitCode === null ? once(pod, 'exit') : [pod.exitCode, null];
      pod.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null], readFileSync(log, 'utf8'));
    }
  }
  assert.deepEqual(answered, { 184: 1, 185: 1 });
});

async function watches(ops) {
  const { cluster } = await (await get(`http://127.0.0.1:${ops}/readyz`)).json();
  return Object.keys(cluster.shards).length > 0;
}
