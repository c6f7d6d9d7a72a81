/** A 64-bit number as two unsigned halves, changed in place: BigInt would allocate at each step and is ten times slower. */
export class Hash64 {
  high = 0;
  low = 0;

  /** The start of FNV-1a. */
  reset(): this {
    this.high = 0xcbf29ce4;
    this.low = 0x84222325;
    return this;
  }

  set(other: Hash64): this {
    this.high = other.high;
    this.low = other.low;
    return this;
  }

  /** Goes on with the UTF-8 bytes of a text; half a surrogate pair counts as U+FFFD, as encoders write it. */
  add(text: string): this {
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      if (unit < 0x80) this.addByte(unit);
      else {
        const point = text.codePointAt(at) as number; // at is within the text
        if (point > 0xffff) at += 1;
        this.#addPoint(point >= 0xd800 && point <= 0xdfff ? 0xfffd : point);
      }
    }
    return this;
  }

  addByte(byte: number): void {
    const low = this.low ^ byte;
    const first = (low & 0xffff) * 0x1b3;
    const second = (low >>> 16) * 0x1b3 + (first >>> 16);
    this.high = (Math.imul(this.high, 0x1b3) + (low << 8) + (second >>> 16)) >>> 0;
    this.low = (((second & 0xffff) << 16) | (first & 0xffff)) >>> 0;
  }

  /** Times a number of two halves, plus a small one; what does not fit is dropped. */
  multiply(high: number, low: number, plus: number): this {
    const a0 = this.low & 0xffff;
    const a1 = this.low >>> 16;
    const b0 = low & 0xffff;
    const b1 = low >>> 16;
    const least = a0 * b0 + plus;
    const cross = a1 * b0 + Math.floor(least / 0x10000);
    const middle = (cross % 0x10000) + a0 * b1;
    this.high = (a1 * b1 + Math.floor(cross / 0x10000) + Math.floor(middle / 0x10000) + Math.imul(this.low, high) + Math.imul(this.high, low)) >>> 0;
    this.low = (((middle & 0xffff) << 16) | (least & 0xffff)) >>> 0;
    return this;
  }

  #addPoint(point: number): void {
    if (point < 0x800) this.addByte(0xc0 | (point >> 6));
    else {
      if (point < 0x10000) this.addByte(0xe0 | (point >> 12));
      else {
        this.addByte(0xf0 | (point >> 18));
        this.addByte(0x80 | ((point >> 12) & 0x3f));
      }
      this.addByte(0x80 | ((point >> 6) & 0x3f));
    }
    this.addByte(0x80 | (point & 0x3f));
  }
}

/** The bucket of a key among so many, after Lamping and Veach: a new bucket takes its share from all others. The key is used up. */
export function jump(key: Hash64, buckets: number): number {
  let bucket = -1;
  let next = 0;
  while (next < buckets) {
    bucket = next;
    key.multiply(0x27bb2ee6, 0x87b0b0fd, 1);
    next = Math.floor((bucket + 1) * (0x80000000 / ((key.high >>> 1) + 1)));
  }
  return bucket;
}
