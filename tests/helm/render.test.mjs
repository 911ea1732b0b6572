// Both Helms take the chart with every file of ci/, print the same, and what they print is known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from 'node:path';
import { chart, ci, ciFiles, helm, majors, nameOf, objectsOf, parent, read, renderText, sameAsFile, withDirectory, yaml } from './chart.mjs';

test('ci has a file for every mode', () => {
  assert.ok(ciFiles.length >= 12, `${ciFiles.length} files`);
  const modes = ciFiles.map((file) => yaml.parse(read(`helm/rpoguard/ci/${file}`)).mode ?? 'deployment');
  assert.deepEqual([...new Set(modes)].sort(), ['deployment', 'fleet', 'sidecar']);
});

for (const major of majors) {
  test(`Helm ${major} is what it says`, () => {
    assert.match(helm(major, 'version', '--short').stdout, new RegExp(`^v${major}\\.`));
  });
  for (const file of ciFiles) {
    test(`lint --strict of ${nameOf(file)} by Helm ${major}`, () => {
      const done = helm(major, 'lint', '--strict', chart, '-f', ci(nameOf(file)));
      assert.equal(done.status, 0, done.stdout + done.stderr);
      assert.doesNotMatch(done.stdout, /\[(WARNING|ERROR)\]/);
      assert.doesNotMatch(done.stderr, /Fail:|funcMap/, 'the values are refused by the chart');
    });
  }
}

for (const file of ciFiles) {
  test(`${nameOf(file)} is the same with both Helms, and as it was`, () => {
    const [three, four] = majors.map((major) => renderText(major, chart, '-f', ci(nameOf(file))));
    assert.equal(three, four);
    // Rules and dashboards have their own golden files: themselves.
    const known = four.split(/^---$/m).filter((text) => !/templates\/(prometheusrule|dashboards)\.yaml/.test(text));
    sameAsFile(assert, `tests/helm/golden/${nameOf(file)}.yaml`, known.join('---'));
  });
  test(`no object of ${nameOf(file)} has the name of another of its kind`, () => {
    const ids = objectsOf(renderText('4', chart, '-f', ci(nameOf(file)))).map(
      (object) => `${object.kind} ${object.metadata.namespace} ${object.metadata.name}`);
    assert.deepEqual(ids, [...new Set(ids)]);
  });
}

test('the rendered example of a sidecar in a chart of yours is current, with both Helms', () => {
  const [three, four] = majors.map((major) => renderText(major, parent));
  assert.equal(three, four);
  sameAsFile(assert, 'helm/sidecar.example.yaml',
    '# What tests/helm/parent, a chart that depends on rpoguard, becomes. For those who write their objects by hand.\n' + four);
});

test('a package holds the rules and dashboards themselves and nothing else of them', () => {
  withDirectory((directory) => {
    for (const major of majors) {
      const done = helm(major, 'package', chart, '--destination', directory);
      assert.equal(done.status, 0, done.stderr);
      const text = renderText(major, join(directory, 'rpoguard-0.1.0.tgz'), '-f', ci('monitoring'));
      assert.equal(text, renderText(major, chart, '-f', ci('monitoring')));
    }
  });
});

test('the chart ships the version of the program', () => {
  const version = /project\(rpoguard VERSION (\S+)/.exec(read('CMakeLists.txt'))[1];
  assert.equal(yaml.parse(read('helm/rpoguard/Chart.yaml')).appVersion, version);
});
