// `npm run bench`: measures every target beside its peers and prints the ratios. See README.md for the options.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { everybody, groups, inFlights, sizePeers, sizes } from './cells.mjs';
import { chart, everybodyPanel, targetsPanel } from './chart.mjs';
import { peers, prepareGo, versions } from './peers.mjs';
import { pinned } from './processes.mjs';
import { latencyTable, ratesTable, ratiosTable, resultOf, skippedResult, versionsLine } from './report.mjs';
import { measureRounds } from './rounds.mjs';
import { median } from './statistics.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = fileURLToPath(new URL('results', import.meta.url));
const started = performance.now();

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string' },
  },
});
const only = options.only?.split(',');
const progress = (text) => process.stderr.write(`  ${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);

/** What is measured is what is published: each package in one module. */
function build() {
  const { status } = spawnSync(process.execPath, [join(root, 'packages', 'tooling', 'bundle.mjs')], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const wanted = ({ id, target }) => (!options.quick || target !== undefined) && (only === undefined || only.some((prefix) => id === prefix || (id.startsWith(prefix) && !/^\d/.test(id.slice(prefix.length)))));
const settings = { rounds: Number(options.rounds), seconds: Number(options.seconds ?? (options.quick ? 0.5 : 1)), warmupSeconds: options.quick ? 1.2 : 1.5, progress };

const goBuilt = new Map();

/** Why a Go program cannot take part, if so; `go` is that of a peer or an outcome: none, true, or the network that the program speaks. */
function goMissing(go) {
  if (!go) return undefined;
  const network = go === true ? 'tcp' : go;
  if (!goBuilt.has(network)) goBuilt.set(network, prepareGo(network));
  return goBuilt.get(network);
}

/** Leaves out the runs that need Go when there is none. */
function possible(runs) {
  return Object.fromEntries(Object.entries(runs).filter(([, run]) => !goMissing(peers[run.peer].go)));
}

/** Those of the runs that these outcomes read. */
function readBy(outcomes, runs) {
  const read = new Set();
  const result = { callsPerSecond: 1, p50: 1, p99: 1 };
  const round = new Proxy(Object.fromEntries(Object.keys(runs).map((name) => [name, result])), {
    get(all, name) {
      read.add(name);
      return all[name];
    },
  });
  for (const { value } of outcomes) value(round);
  return Object.fromEntries(Object.entries(runs).filter(([name]) => read.has(name)));
}

async function measureGroup(group, found) {
  const outcomes = group.outcomes.filter(wanted);
  const here = outcomes.filter(({ go }) => !goMissing(go));
  const skipped = outcomes.filter((outcome) => !here.includes(outcome)).map((outcome) => skippedResult(outcome, goMissing(outcome.go), found));
  if (here.length === 0) return skipped;
  progress(here.map(({ id, what }) => `${id}: ${what}`).join('; '));
  try {
    const rounds = group.measure
      ? await group.measure(settings)
      : await measureRounds(possible(readBy(here, group.runs)), { ...settings, ...(group.rounds && { rounds: group.rounds }), ...(group.seconds && { seconds: Math.min(group.seconds, settings.seconds) }), free: group.free });
    const results = here.map((outcome) => {
      const values = rounds.map(outcome.value);
      return resultOf(outcome, values, median(values), found);
    });
    for (const { id, value, unit } of results) progress(`${id} = ${value} ${unit}`);
    return [...results, ...skipped];
  } catch (error) {
    process.exitCode = 1;
    progress(`FAILED: ${error.message}`);
    return [...here.map((outcome) => skippedResult(outcome, `failed: ${error.message.split('\n')[0]}`, found)), ...skipped];
  }
}

/** Medians over the rounds of one set of runs, by run name; a set that fails leaves its cells empty. */
async function medians(runs) {
  try {
    const rounds = await measureRounds(possible(runs), { ...settings, warmupSeconds: 1 });
    return Object.fromEntries(Object.keys(rounds[0]).map((name) => [name, {
      callsPerSecond: median(rounds.map((round) => round[name].callsPerSecond)),
      p50: median(rounds.map((round) => round[name].p50)),
      p99: median(rounds.map((round) => round[name].p99)),
    }]));
  } catch (error) {
    process.exitCode = 1;
    progress(`FAILED: ${error.message}`);
    return {};
  }
}

async function measureEverybody() {
  const columns = [];
  for (const inFlight of inFlights) {
    progress(`everybody, ${inFlight} in flight`);
    columns.push(await medians(Object.fromEntries(everybody.map(({ name, run }) => [name, { ...run, inFlight }]))));
  }
  return everybody.map(({ name }) => ({ name, results: columns.map((column) => column[name]) })).filter(({ results }) => results.some(Boolean));
}

async function measureSizes() {
  const columns = [];
  for (const { payload, inFlight, label } of sizes) {
    progress(`raw payload of ${label}`);
    const runs = sizePeers.map(({ name, peer }) => [name, { peer, codec: 'raw', payload, inFlight, ...(peer === 'ceiling' && payload === 16 && { flush: 2048 }) }]);
    columns.push(await medians(Object.fromEntries(runs)));
  }
  return sizePeers.map(({ name }) => ({ name, results: columns.map((column) => column[name]) })).filter(({ results }) => results.some(Boolean));
}

/** The cells of a table in the form of the other results: figures without a target. */
function tableResults(prefix, columns, rows, found) {
  return rows.flatMap(({ name, results }) => results.flatMap((result, column) => result === undefined ? [] : [{
    id: `${prefix}:${name}:${columns[column]}`, what: `${name}, ${columns[column]}`, value: Math.round(result.callsPerSecond), unit: 'calls/s', better: 'higher',
    target: null, moonshot: null, met: null, spread: null, p50: result.p50, p99: result.p99, peers: found,
  }]));
}

build();
const withoutGo = goMissing(true);
if (withoutGo) process.stderr.write(`bench: the cells with Go are SKIPPED: ${withoutGo}\n`);
const found = versions(withoutGo);
const results = [];
for (const group of groups) {
  if (group.long && !options.long) continue;
  results.push(...(await measureGroup(group, found)));
}

const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, ${process.platform}; ${pinned ? 'server and client each pinned to one core' : 'not pinned'}`;
const sections = [
  '# Benchmarks', `One run, ${options.rounds} interleaved rounds of ${settings.seconds} s; a figure is the median of the rounds. ${machine}.`,
  `${versionsLine(found)}.`, '## Targets', ratiosTable(results),
];
const targets = results.filter(({ target }) => target !== null);
const met = targets.filter((result) => result.met);
sections.push(`${met.length} of ${targets.length} targets met${targets.some((result) => result.met === null) ? `, ${targets.filter((result) => result.met === null).length} skipped` : ''}.`);
const panels = [targetsPanel(results)];
if (!options.quick && only === undefined) {
  const rows = await measureEverybody();
  const heads = inFlights.map((count) => `${count} in flight`);
  const sized = await measureSizes();
  const sizeHeads = sizes.map(({ label }) => label);
  sections.push(
    '## Everybody, with the 581-byte message', `Thousands of calls/s, and x of @grpc/grpc-js.`, ratesTable(heads, rows, '@grpc/grpc-js, protobuf'), latencyTable(heads, rows),
    '## Other sizes, raw bytes', ratesTable(sizeHeads, sized, '@grpc/grpc-js'),
  );
  results.push(...tableResults('everybody', heads, rows, found), ...tableResults('sizes', sizeHeads, sized, found));
  panels.unshift(everybodyPanel(rows, inFlights.indexOf(100), 'Calls per second, 581-byte message, 100 in flight (logarithmic)'));
}
const text = `${sections.join('\n\n')}\n`;
process.stdout.write(text);
if (only === undefined) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'latest.md'), text.replace('# Benchmarks\n', '# Benchmarks\n\n![chart](latest.svg)\n'));
  writeFileSync(join(folder, 'latest.json'), `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(join(folder, 'latest.svg'), chart(panels));
}
progress('done');
