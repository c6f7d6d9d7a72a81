/** Fills a copy of `template` with one value for each name, 1 to 64 of them. */
export type Fill = (template: object, names: Names, values: readonly unknown[]) => Record<string, unknown>;
// An index signature cannot say that these are there.
type Names = Readonly<Record<
  0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19 | 20 | 21
  | 22 | 23 | 24 | 25 | 26 | 27 | 28 | 29 | 30 | 31 | 32 | 33 | 34 | 35 | 36 | 37 | 38 | 39 | 40 | 41 | 42 | 43
  | 44 | 45 | 46 | 47 | 48 | 49 | 50 | 51 | 52 | 53 | 54 | 55 | 56 | 57 | 58 | 59 | 60 | 61 | 62 | 63, string>> & { readonly length: number };

/** The most entries that a `Fill` takes. */
export const mostSlots = 64;

// Each store below is its own place in the code, and so is fast for the one shape that a function is given to, where a loop over all names is slow
// for every shape: 0.13 µs against 0.77 for 40 keys. Hence several functions that are word for word the same.

function first(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function second(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function third(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function fourth(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function fifth(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function sixth(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function seventh(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

function eighth(template: object, n: Names, v: readonly unknown[]): Record<string, unknown> {
  const o: Record<string, unknown> = { ...template };
  const c = n.length;
  o[n[0]] = v[0]; if (c === 1) return o; o[n[1]] = v[1]; if (c === 2) return o; o[n[2]] = v[2];
  if (c === 3) return o; o[n[3]] = v[3]; if (c === 4) return o; o[n[4]] = v[4]; if (c === 5) return o; o[n[5]] = v[5];
  if (c === 6) return o; o[n[6]] = v[6]; if (c === 7) return o; o[n[7]] = v[7]; if (c === 8) return o; o[n[8]] = v[8];
  if (c === 9) return o; o[n[9]] = v[9]; if (c === 10) return o; o[n[10]] = v[10]; if (c === 11) return o; o[n[11]] = v[11];
  if (c === 12) return o; o[n[12]] = v[12]; if (c === 13) return o; o[n[13]] = v[13]; if (c === 14) return o; o[n[14]] = v[14];
  if (c === 15) return o; o[n[15]] = v[15]; if (c === 16) return o; o[n[16]] = v[16]; if (c === 17) return o; o[n[17]] = v[17];
  if (c === 18) return o; o[n[18]] = v[18]; if (c === 19) return o; o[n[19]] = v[19]; if (c === 20) return o; o[n[20]] = v[20];
  if (c === 21) return o; o[n[21]] = v[21]; if (c === 22) return o; o[n[22]] = v[22]; if (c === 23) return o; o[n[23]] = v[23];
  if (c === 24) return o; o[n[24]] = v[24]; if (c === 25) return o; o[n[25]] = v[25]; if (c === 26) return o; o[n[26]] = v[26];
  if (c === 27) return o; o[n[27]] = v[27]; if (c === 28) return o; o[n[28]] = v[28]; if (c === 29) return o; o[n[29]] = v[29];
  if (c === 30) return o; o[n[30]] = v[30]; if (c === 31) return o; o[n[31]] = v[31]; if (c === 32) return o; o[n[32]] = v[32];
  if (c === 33) return o; o[n[33]] = v[33]; if (c === 34) return o; o[n[34]] = v[34]; if (c === 35) return o; o[n[35]] = v[35];
  if (c === 36) return o; o[n[36]] = v[36]; if (c === 37) return o; o[n[37]] = v[37]; if (c === 38) return o; o[n[38]] = v[38];
  if (c === 39) return o; o[n[39]] = v[39]; if (c === 40) return o; o[n[40]] = v[40]; if (c === 41) return o; o[n[41]] = v[41];
  if (c === 42) return o; o[n[42]] = v[42]; if (c === 43) return o; o[n[43]] = v[43]; if (c === 44) return o; o[n[44]] = v[44];
  if (c === 45) return o; o[n[45]] = v[45]; if (c === 46) return o; o[n[46]] = v[46]; if (c === 47) return o; o[n[47]] = v[47];
  if (c === 48) return o; o[n[48]] = v[48]; if (c === 49) return o; o[n[49]] = v[49]; if (c === 50) return o; o[n[50]] = v[50];
  if (c === 51) return o; o[n[51]] = v[51]; if (c === 52) return o; o[n[52]] = v[52]; if (c === 53) return o; o[n[53]] = v[53];
  if (c === 54) return o; o[n[54]] = v[54]; if (c === 55) return o; o[n[55]] = v[55]; if (c === 56) return o; o[n[56]] = v[56];
  if (c === 57) return o; o[n[57]] = v[57]; if (c === 58) return o; o[n[58]] = v[58]; if (c === 59) return o; o[n[59]] = v[59];
  if (c === 60) return o; o[n[60]] = v[60]; if (c === 61) return o; o[n[61]] = v[61]; if (c === 62) return o; o[n[62]] = v[62];
  if (c === 63) return o; o[n[63]] = v[63];
  return o;
}

const free: Fill[] = [eighth, seventh, sixth, fifth, fourth, third, second, first];

/** A function for one shape's own use, as long as there are any. */
export function takeFill(): Fill | undefined {
  return free.pop();
}
