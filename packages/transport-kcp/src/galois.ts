// Arithmetic of GF(2^8) with the polynomial 0x11D, and the matrix that klauspost/reedsolomon makes by default:
// a Vandermonde matrix times the inverse of its top square, so that the data shards travel as they are.

const logarithm = new Uint8Array(256);
const power = new Uint8Array(510);
for (let exponent = 0, value = 1; exponent < 255; exponent++) {
  power[exponent] = value;
  power[exponent + 255] = value;
  logarithm[value] = exponent;
  value <<= 1;
  if (value > 255) value ^= 0x11d;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : (power[(logarithm[a] ?? 0) + (logarithm[b] ?? 0)] ?? 0);
}

function inverseOf(a: number): number {
  return power[255 - (logarithm[a] ?? 0)] ?? 0;
}

type Matrix = number[][];
const at = (matrix: Matrix, row: number, column: number): number => matrix[row]?.[column] ?? 0;

/** By Gauss and Jordan; undefined for a matrix that has none. */
export function invert(matrix: Matrix): Matrix | undefined {
  const size = matrix.length;
  const work = matrix.map((row, index) => [...row, ...Array.from({ length: size }, (_, column) => (column === index ? 1 : 0))]);
  for (let column = 0; column < size; column++) {
    const pivot = work.findIndex((row, index) => index >= column && row[column] !== 0);
    const found = work[pivot];
    if (found === undefined) return undefined;
    work[pivot] = work[column] ?? found;
    const factor = inverseOf(found[column] ?? 0);
    const scaled = found.map((value) => multiply(value, factor));
    work[column] = scaled;
    for (const [index, row] of work.entries()) {
      const times = row[column] ?? 0;
      if (index !== column && times !== 0) work[index] = row.map((value, position) => value ^ multiply(times, scaled[position] ?? 0));
    }
  }
  return work.map((row) => row.slice(size));
}

/** Row j says with which factors the data shards add up to parity shard j. */
export function parityMatrix(dataShards: number, parityShards: number): Matrix {
  const vandermonde = Array.from({ length: dataShards + parityShards }, (_, row) => {
    const values = [1];
    for (let column = 1; column < dataShards; column++) values.push(multiply(values[column - 1] ?? 0, row));
    return values;
  });
  const top = invert(vandermonde.slice(0, dataShards)) ?? [];
  return vandermonde.slice(dataShards).map((row) => Array.from({ length: dataShards }, (_, column) => {
    let sum = 0;
    for (let index = 0; index < dataShards; index++) sum ^= multiply(row[index] ?? 0, at(top, index, column));
    return sum;
  }));
}
