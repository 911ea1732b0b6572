// The chart as both Helms render it. The tools are those that tests/helm/fetch brought.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
export const chart = join(repository, 'helm/rpoguard');
export const parent = join(repository, 'tests/helm/parent');
export const tools = process.env.RPOGUARD_HELM_TOOLS ?? join(repository, 'build/helm');
export const majors = ['3', '4'];

if (!existsSync(join(tools, 'complete'))) {
  throw new Error(`no Helm in ${tools}: run tests/helm/fetch build/helm`);
}
export const yaml = createRequire(join(tools, 'x'))('yaml');

export const read = (path) => readFileSync(join(repository, path), 'utf8');

// Neither a cluster nor a habit of whoever runs this.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('HELM_') && name !== 'KUBECONFIG'));
for (const kind of ['CACHE', 'CONFIG', 'DATA']) environment[`HELM_${kind}_HOME`] = join(tools, 'home', kind);

export function run(program, ...args) {
  const done = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26, env: environment });
  if (done.error) throw done.error;
  if (done.signal) throw new Error(`${program} was ended by ${done.signal}: ${done.stderr}`);
  return done;
}

export function helm(major, ...args) {
  return run(join(tools, 'bin', `helm-${major}`), ...args);
}

export const ciFiles = readdirSync(join(chart, 'ci'))
  .filter((name) => name.endsWith('-values.yaml'))
  .sort();
export const ci = (name) => join(chart, 'ci', `${name}-values.yaml`);
export const nameOf = (file) => file.replace('-values.yaml', '');

/** The text that `helm template` prints for a release of that name; throws what it complains of. */
export function renderTextOf(release, major, ...args) {
  const done = helm(major, 'template', release, '--namespace', 'guards', ...args);
  if (done.status !== 0) throw new Error(done.stderr);
  return done.stdout;
}

export const renderText = (major, ...args) => renderTextOf('rel', major, ...args);

/** The objects in it. */
export function objectsOf(text) {
  const documents = yaml.parseAllDocuments(text);
  for (const document of documents) {
    if (document.errors.length > 0) throw document.errors[0];
  }
  return documents.map((document) => document.toJS()).filter((object) => object !== null);
}

const rendered = new Map();
/** The objects of one file of ci/. */
export function render(name) {
  if (!rendered.has(name)) rendered.set(name, objectsOf(renderText('4', chart, '-f', ci(name))));
  return rendered.get(name);
}

export const ofKind = (objects, kind) => objects.filter((object) => object.kind === kind);

/** The only object of that kind. */
export function only(objects, kind) {
  const found = ofKind(objects, kind);
  if (found.length !== 1) throw new Error(`${found.length} objects of kind ${kind}`);
  return found[0];
}

/** The Pod that an object makes, or undefined. */
export const podOf = (object) => (object.kind === 'Pod' ? object.spec : object.spec?.template?.spec);

/** Calls use(directory), which vanishes. */
export function withDirectory(use) {
  const directory = mkdtempSync(join(process.env.RPOGUARD_TEST_TMP ?? tmpdir(), 'helm-'));
  try {
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What Helm says of the chart with these values; status 0 is yes. */
export function judge(major, values, ...args) {
  return withDirectory((directory) => {
    const file = join(directory, 'values.yaml');
    writeFileSync(file, JSON.stringify(values));
    return helm(major, 'template', 'rel', chart, '-f', file, ...args);
  });
}

/** Fails when a file of the repository differs from the text; RPOGUARD_UPDATE_GOLDEN=1 writes it. */
export function sameAsFile(assert, path, text) {
  if (process.env.RPOGUARD_UPDATE_GOLDEN) writeFileSync(join(repository, path), text);
  assert.equal(text, read(path), `${path} is not current: RPOGUARD_UPDATE_GOLDEN=1 writes it anew`);
}
