/**
 * Throws TypeError for a name that is none of an option's: one that is overlooked would mean the registry of this machine, say.
 * `who` is as in `consul()`, or `consul(): tls` for what is inside an option.
 */
export function checkNames(who: string, given: object, known: readonly string[]): void {
  const strange = Object.keys(given).find((name) => !known.includes(name));
  if (strange === undefined) return;
  const has = who.endsWith('()') ? `${who}: there is` : `${who} has`;
  throw new TypeError(`${has} no option ${JSON.stringify(strange)}: it takes ${known.join(', ')}`);
}
