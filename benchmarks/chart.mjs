// The chart: plain SVG bars, readable on light and dark pages.
const width = 920;
const barHeight = 18;
const gap = 8;
const labelWidth = 390;
const barWidth = width - labelWidth - 110;

const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** `bars`: label, value, text; `mark` draws a vertical line at that value. Logarithmic when `log` is set. */
function panel(top, { title, bars, mark, log }) {
  const largest = Math.max(...bars.map(({ value }) => value), mark ?? 0);
  const scale = log
    ? (value) => (barWidth * Math.log10(Math.max(1, value) * 1.3)) / Math.log10(largest * 1.3)
    : (value) => (barWidth * value) / largest;
  const parts = [`<text class="t" x="0" y="${top + 14}">${escape(title)}</text>`];
  bars.forEach(({ label, value, text, own }, index) => {
    const y = top + 28 + index * (barHeight + gap);
    parts.push(
      `<text class="l" x="${labelWidth - 8}" y="${y + 13}" text-anchor="end">${escape(label)}</text>`,
      `<rect class="${own ? 'o' : 'b'}" x="${labelWidth}" y="${y}" width="${Math.max(1, scale(value)).toFixed(1)}" height="${barHeight}" rx="2"/>`,
      `<text class="l" x="${(labelWidth + Math.max(1, scale(value)) + 6).toFixed(1)}" y="${y + 13}">${escape(text)}</text>`,
    );
  });
  const height = 28 + bars.length * (barHeight + gap);
  if (mark !== undefined) {
    const x = (labelWidth + scale(mark)).toFixed(1);
    parts.push(`<line class="m" x1="${x}" x2="${x}" y1="${top + 22}" y2="${top + height - 4}"/>`);
  }
  return { height: height + 22, svg: parts.join('\n') };
}

/** One SVG of one panel under the other. */
export function chart(panels) {
  let top = 4;
  const drawn = panels.filter(({ bars }) => bars.length > 0).map((each) => {
    const { height, svg } = panel(top, each);
    top += height;
    return svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}" viewBox="0 0 ${width} ${top}" font-family="system-ui, sans-serif">
<style>.t{font-size:15px;font-weight:600;fill:#57606a}.l{font-size:12px;fill:#57606a}.b{fill:#8c959f}.o{fill:#1f6feb}.m{stroke:#cf222e;stroke-width:1.5;stroke-dasharray:4 3}</style>
${drawn.join('\n')}
</svg>
`;
}

/** How far each target is met: 1 is the target, more is better, whichever way the figure counts. */
export function targetsPanel(results) {
  const measured = results.filter(({ value, target }) => value > 0 && target > 0);
  return {
    title: 'Measured against target (the dashed line is the target; further right is better)',
    mark: 1,
    bars: measured.map(({ id, what, value, target, better }) => {
      const ratio = better === 'higher' ? value / target : target / value;
      return { label: `${id} ${what}`.slice(0, 56), value: Math.min(ratio, 5), text: `${ratio.toFixed(2)}x`, own: true };
    }),
  };
}

/** Calls/s of everybody at one number of calls in flight, fastest first. */
export function everybodyPanel(rows, column, title) {
  const bars = rows.flatMap(({ name, results }) => {
    const value = results[column]?.callsPerSecond;
    if (value === undefined) return [];
    return [{ label: name, value: value / 1000, text: `${(value / 1000).toFixed(value < 100_000 ? 1 : 0)}k`, own: name.startsWith('rpcxjs,') }];
  });
  return { title, log: true, bars: bars.sort((a, b) => b.value - a.value) };
}
