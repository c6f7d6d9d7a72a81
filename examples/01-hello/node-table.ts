// What a client knows of its servers, as a table: drawn again and again in the same place on a terminal, once each time it is asked for elsewhere.
import type { Client } from '@rpcxjs/rpcx';

type NodeInfo = ReturnType<Client['nodes']>[number];

const columns: readonly (readonly [head: string, width: number, cell: (node: NodeInfo) => string])[] = [
  ['server', 22, ({ address }) => address],
  ['state', 9, ({ state }) => state],
  ['in flight', 9, ({ inFlight }) => String(inFlight)],
  ['p50', 8, ({ p50Ms }) => (p50Ms === undefined ? '-' : `${p50Ms.toFixed(1)} ms`)],
  ['why', 0, ({ evidence = '' }) => (evidence.length > 60 ? `${evidence.slice(0, 59)}…` : evidence)],
];

function row(cells: readonly string[]): string {
  return `   ${cells.map((cell, index) => cell.padEnd(columns[index]?.[1] ?? 0)).join('  ')}`.trimEnd();
}

export class LiveTable {
  readonly #client: Client;
  readonly #live: boolean = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #lines = 0;

  constructor(client: Client) {
    this.#client = client;
    if (this.#live) this.#timer = setInterval(() => { this.#draw(); }, 100);
  }

  /** Shows how things are now, under a line that says when that is. */
  show(when: string): void {
    if (this.#live) this.#draw();
    else process.stdout.write(`   ${when}\n${this.#text()}`);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #draw(): void {
    const up = this.#lines === 0 ? '' : `\u001b[${this.#lines}A\u001b[J`;
    const text = this.#text();
    this.#lines = text.split('\n').length - 1;
    process.stdout.write(`${up}${text}`);
  }

  #text(): string {
    const width = process.stdout.isTTY ? process.stdout.columns : Infinity;
    const rows = [columns.map(([head]) => head), ...this.#client.nodes().map((node) => columns.map(([, , cell]) => cell(node)))];
    return rows.map((cells) => `${row(cells).slice(0, width - 1)}\n`).join('');
  }
}
