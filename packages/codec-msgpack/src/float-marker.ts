/** A number that is written as a float32, rounded to the nearest one. Made by `float32(…)`. */
export class Float32 {
  readonly value: number;

  constructor(value: number) {
    this.value = Math.fround(numberOf('float32', value));
  }
  valueOf(): number {
    return this.value;
  }
}

/** A number that is written as a float64 even when it is whole or -0. Made by `float64(…)`. */
export class Float64 {
  readonly value: number;

  constructor(value: number) {
    this.value = numberOf('float64', value);
  }
  valueOf(): number {
    return this.value;
  }
}

function numberOf(name: string, value: unknown): number {
  if (typeof value !== 'number') throw new TypeError(`${name} takes a number, not ${typeof value === 'string' ? JSON.stringify(value) : String(value)}`);
  return value;
}
