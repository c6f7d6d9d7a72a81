import { Dialogue } from './dialogue.ts';
import type { GoTally } from './go-client.ts';

/** A Go rpcx client with two connections: one for calls in MessagePack, one for bytes. */
export class GoCaller<Tally extends GoTally = GoTally> implements AsyncDisposable {
  readonly #dialogue: Dialogue;

  private constructor(dialogue: Dialogue) {
    this.#dialogue = dialogue;
    this[Symbol.asyncDispose] = (): Promise<void> => dialogue[Symbol.asyncDispose]();
  }

  static async start<Tally extends GoTally>(program: string, args: readonly string[]): Promise<GoCaller<Tally>> {
    return new GoCaller(await Dialogue.start(program, args));
  }

  /** Calls of Arith.Mul, each with other numbers, each answer checked. */
  many(calls: number, concurrent: number): Promise<Tally> {
    return this.#dialogue.ask<Tally>({ calls, concurrent });
  }

  /** One call of Bytes.Echo. */
  echo(bytes: number): Promise<{ readonly same?: boolean; readonly error?: string }> {
    return this.#dialogue.ask({ echo: bytes });
  }

  declare [Symbol.asyncDispose]: () => Promise<void>;
}
