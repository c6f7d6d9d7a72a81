import type { Logger } from '@rpcxjs/core';

const silent = (): void => {};

/** Writes warnings and errors to the console, their fields as they are: a browser's console lets one look into them. */
export const pageLogger: Logger = {
  debug: silent,
  info: silent,
  warn: (fields, message) => console.warn(message, fields),
  error: (fields, message) => console.error(message, fields),
  child: () => pageLogger,
};
