// Both Helms take the chart with every file of ci/, print the same, and what they print is known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chart, ci, ciFiles, helm, majors, nameOf, objectsOf, parent, read, renderText, repository, sameAsFile, withDirectory, yaml } from './chart.mjs';
import { difference } from './difference.mjs';

const about = yaml.parse(read('helm/rpoguard/Chart.yaml'));

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

// Rules and dashboards have their own golden files: themselves.
const withoutShipped = (text) =>
  text.split(/^---$/m).filter((part) => !/templates\/(prometheusrule|dashboards)\.yaml/.test(part)).join('---');

// Of all but the default only the difference from it is kept, unless the text itself is shorter.
const byDefault = withoutShipped(renderText('4', chart, '-f', ci('default')));
const lines = (text) => text.split('\n').length;
function golden(name, rendered) {
  const path = `tests/helm/golden/${name}`;
  const changes = difference(byDefault, rendered);
  return name !== 'default' && lines(changes) < lines(rendered)
    ? { path: `${path}.diff`, text: changes }
    : { path: `${path}.yaml`, text: rendered };
}

for (const file of ciFiles) {
  test(`${nameOf(file)} is the same with both Helms, and as it was`, () => {
    const [three, four] = majors.map((major) => renderText(major, chart, '-f', ci(nameOf(file))));
    assert.equal(three, four);
    const { path, text } = golden(nameOf(file), withoutShipped(four));
    sameAsFile(assert, path, text);
  });
  test(`no object of ${nameOf(file)} has the name of another of its kind`, () => {
    const ids = objectsOf(renderText('4', chart, '-f', ci(nameOf(file)))).map(
      (object) => `${object.kind} ${object.metadata.namespace} ${object.metadata.name}`);
    assert.deepEqual(ids, [...new Set(ids)]);
  });
}

test('every golden file is one of a file of ci/', () => {
  const found = readdirSync(join(repository, 'tests/helm/golden'));
  assert.deepEqual(found.map((name) => name.replace(/\.(yaml|diff)$/, '')).sort(), ciFiles.map(nameOf).sort());
});

test('a difference shows what is new, what is gone and where', () => {
  const from = '# Source: a\nb\nc\nd\ne\n# Source: f\ng';
  assert.equal(difference(from, from), '');
  assert.equal(difference(from, from.replace('d', 'x')), '@@ line 2, a\n b\n c\n-d\n+x\n e\n # Source: f\n');
  assert.equal(difference(from, `${from}\nh`), '@@ line 6, f\n # Source: f\n g\n+h\n');
});

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
      const text = renderText(major, join(directory, `rpoguard-${about.version}.tgz`), '-f', ci('monitoring'));
      assert.equal(text, renderText(major, chart, '-f', ci('monitoring')));
    }
  });
});

test('the chart ships the version of the program', () => {
  const version = /project\(rpoguard VERSION (\S+)/.exec(read('CMakeLists.txt'))[1];
  assert.equal(about.appVersion, version);
});

// `helm template` leaves the notes out: a copy of the chart shows them as an object.
function notesOf(name) {
  return withDirectory((directory) => {
    cpSync(chart, directory, { recursive: true, dereference: true });
    renameSync(join(directory, 'templates/NOTES.txt'), join(directory, 'notes.txt'));
    writeFileSync(join(directory, 'templates/shown.yaml'), 'kind: Notes\ntext: {{ tpl (.Files.Get "notes.txt") . | quote }}\n');
    const [three, four] = majors.map((major) =>
      objectsOf(renderText(major, directory, '-f', ci(name))).find((object) => object.kind === 'Notes').text);
    assert.equal(three, four);
    return four;
  });
}

test('the notes say how to look at what was installed, mode by mode', () => {
  const one = notesOf('default');
  assert.match(one, /kubectl -n guards exec deployment\/rel-rpoguard -- rpoguard status/);
  assert.match(one, /http:\/\/rel-rpoguard\.guards\.svc:10188\/gate\/SHARD/);
  assert.doesNotMatch(one, /WARNING|kube-prometheus-stack/);
  const fleet = notesOf('fleet');
  assert.match(fleet, /statefulset\/rel-rpoguard/);
  assert.match(fleet, /check-config --parts=3/);
  assert.match(fleet, /http:\/\/rel-rpoguard-0\.rel-rpoguard\.guards\.svc:10188\/gate\/SHARD/);
  assert.match(fleet, /kube-prometheus-stack sees only objects with its label/);
  const sidecar = notesOf('sidecar');
  assert.match(sidecar, /\{\{- include "rpoguard.sidecar" \.Subcharts\.rpoguard \| nindent 4 \}\}/);
  assert.match(sidecar, /WARNING: without persistence/);
  assert.doesNotMatch(notesOf('monitoring'), /kube-prometheus-stack/);
});
