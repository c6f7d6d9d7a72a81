// The results as a Markdown report: ratios first, absolute figures after them.
import { round } from './statistics.mjs';

const verdict = (goal, better, value) => (better === 'higher' ? value >= goal : value <= goal);

/** One result from the values of its rounds, in the form that results/latest.json keeps. */
export function resultOf({ id, what, unit, better, target, moonshot }, values, value, peers) {
  return {
    id, what, value: round(value), unit, better, target: target ?? null, moonshot: moonshot ?? null,
    met: target === undefined ? null : verdict(target, better, value),
    moonshotMet: moonshot === undefined ? null : verdict(moonshot, better, value),
    spread: [round(Math.min(...values)), round(Math.max(...values))],
    peers,
  };
}

/** A result that could not be measured here, and why. */
export function skippedResult({ id, what, unit, better, target, moonshot }, why, peers) {
  return { id, what, value: null, unit, better, target: target ?? null, moonshot: moonshot ?? null, met: null, moonshotMet: null, spread: null, skipped: why, peers };
}

const goal = (value, better) => (value === null ? '' : `${better === 'higher' ? '≥' : '≤'} ${round(value)}`);
const mark = (met) => (met === null ? '' : met ? 'yes' : '**no**');
const row = (cells) => `| ${cells.join(' | ')} |`;

function table(head, rows) {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

function resultRow({ id, what, value, unit, better, target, moonshot, met, moonshotMet, spread, skipped }) {
  const measured = value === null ? `skipped: ${skipped}` : `**${value}** ${unit}`;
  const range = spread === null ? '' : `${spread[0]} … ${spread[1]}`;
  return [id, what, measured, range, goal(target, better), mark(met), moonshot === null ? '' : `${goal(moonshot, better)}: ${moonshotMet === null ? '' : moonshotMet ? 'yes' : 'not yet'}`];
}

export function ratiosTable(results) {
  return table(['id', 'what', 'measured', 'lowest … highest round', 'target', 'met', 'moonshot'], results.map(resultRow));
}

const thousands = (value) => (value < 100 ? value.toPrecision(2) : value < 100_000 ? (value / 1000).toFixed(1) : Math.round(value / 1000).toLocaleString('en'));
const rate = (value) => (value === undefined ? '' : value < 100 ? `${(value / 1000).toFixed(3)}` : thousands(value));

/** `rows`: name and a result (or undefined) for each column; x is against the row called `unitRow`. */
export function ratesTable(columns, rows, unitRow) {
  const unit = rows.find(({ name }) => name === unitRow);
  const cell = (result, column) => {
    if (result === undefined) return '';
    const theirs = unit?.results[column]?.callsPerSecond;
    const ratio = theirs === undefined ? '' : ` · ${round(result.callsPerSecond / theirs)}x`;
    return `${rate(result.callsPerSecond)}${ratio}`;
  };
  return table(['thousands of calls/s', ...columns], rows.map(({ name, results }) => [name, ...results.map(cell)]));
}

const milliseconds = (value) => (value < 10 ? value.toFixed(2) : value.toFixed(0));

export function latencyTable(columns, rows) {
  const cell = (result) => (result === undefined ? '' : `${milliseconds(result.p50)} / ${milliseconds(result.p99)}`);
  return table(['p50 / p99 in ms', ...columns], rows.map(({ name, results }) => [name, ...results.map(cell)]));
}

export function versionsLine(versions) {
  return Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ');
}
