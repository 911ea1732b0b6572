// The chart's README: its helm commands are accepted by both Helms, as they stand there. `template` takes the words of
// `install`, which wants a cluster, in Helm 3 even for a dry run.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { helm, majors, read, repository } from './chart.mjs';

const blocks = [...read('helm/rpoguard/README.md').matchAll(/^```sh\n([\s\S]*?)^```/gm)];
const commands = blocks.flatMap(([, text]) => text.split('\n')).filter((line) => line.startsWith('helm '));
const example = [...read('README.md').matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, text]) => text)[0];

test('there are commands, and a configuration to install', () => {
  assert.ok(commands.length >= 1);
  assert.match(example, /^shards:/m);
});

for (const major of majors) {
  test(`helm ${major} does what the README types`, () => {
    const directory = mkdtempSync(join(tmpdir(), 'rpoguard-'));
    try {
      // As the README says: without listen and state_dir.
      writeFileSync(join(directory, 'rpoguard.yml'), example.replace(/^state_dir:.*\n/m, ''));
      for (const command of commands) {
        const words = command.replace(/ #.*/, '').split(/\s+/).slice(1)
          .map((word) => word.replace(/^install$/, 'template').replace('helm/rpoguard', join(repository, 'helm/rpoguard'))
            .replace('=rpoguard.yml', `=${join(directory, 'rpoguard.yml')}`));
        const done = helm(major, ...words);
        assert.equal(done.status, 0, `${command}: ${done.stderr}`);
        assert.match(done.stdout, /kind: Deployment/);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}
